"""What stands at an upload's target already."""

from __future__ import annotations

from howdah_common.chunks import ChunkPlan, default_chunk_bytes
from howdah_common.digests import BLAKE3
from howdah_common.messages import FileInfo, FolderInfo, StartUpload, UploadInfo
from howdah_common.problems import Next, ProblemError
from howdah_desktop.engine.completion import Outcome, published_and_gone
from howdah_desktop.engine.transfers import Transfer
from howdah_desktop.engine.verdict import RECEIVER_WIDE
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.system import SourceIdentity

_MOST_NS = 2**63 - 1


def standing_at(receiver: Receiver, path: str) -> FileInfo | FolderInfo | None:
    """The file or folder at `path`. Raises ProblemError."""
    try:
        found = receiver.list(path, per_page=1)
    except ProblemError as problem:
        if problem.code in ("file_not_found", "not_found"):
            return None
        raise
    if found.kind == "file" and found.items:
        return found.items[0]
    return FolderInfo(space="", path=path)


def what_it_became(receiver: Receiver, transfer: Transfer) -> FileInfo | None:
    """Of a watched file whose answer was lost: what it became there; None: nothing, and by now it cannot any
    more. Raises ProblemError.
    """
    if transfer.watched is None or transfer.identity is None:
        return None
    upload = _begun(receiver, transfer, transfer.identity)
    if upload is None:
        return _by_its_looks(receiver, transfer, transfer.identity)
    if upload.file is not None:
        return upload.file
    try:
        # What a killed program asked for may still be on its way into the tree: from now on it is too late.
        receiver.cancel(upload.id)
    except ProblemError as problem:
        if problem.code != "upload_not_open":
            raise
        if problem.extra.get("state") in ("completing", "published"):
            raise ProblemError("unavailable", "It is just being published.") from problem
    return None


def _begun(receiver: Receiver, transfer: Transfer, sent: SourceIdentity) -> UploadInfo | None:
    """The upload that it was, or would have become, as the words of then tell; None: they were others,
    or the receiver does not know it any more."""
    try:
        if transfer.upload_id:
            return receiver.upload(transfer.upload_id)
        return receiver.start(
            StartUpload(
                client_id=transfer.client_id or "",
                path=transfer.remote,
                size=sent.size,
                modified_ns=wire_time(sent.modified_ns),
                digest_algorithm=BLAKE3,
                chunk_bytes=default_chunk_bytes(sent.size),
            )
        )
    except ProblemError as problem:
        about_it = problem.problem.next in (Next.USER, Next.RESYNC, Next.RESTART)
        if about_it and problem.code not in RECEIVER_WIDE:
            return None
        raise


def _by_its_looks(receiver: Receiver, transfer: Transfer, sent: SourceIdentity) -> FileInfo | None:
    there = standing_at(receiver, transfer.remote)
    if not isinstance(there, FileInfo):
        return None
    same = (there.size, there.modified_ns) == (sent.size, wire_time(sent.modified_ns))
    return there if same else None


GONE = frozenset({"source_missing", "source_not_a_file"})


def changed_since(receiver: Receiver, transfer: Transfer) -> ProblemError:
    """For a source that is not what it was when it was first sent: the next one replaces what it became."""
    became = what_it_became(receiver, transfer)
    detail = "It is not what it was when its upload began."
    extra = {} if became is None else {"became": became}
    return ProblemError("chunk_conflict", detail, extra)


def what_arrived(
    receiver: Receiver, transfer: Transfer, problem: ProblemError
) -> Outcome | ProblemError:
    """For a source that is gone, or changed meanwhile: with what became of it, though the answer was lost. It
    is known to be there then, so that its deletion is, and that the next one replaces it.

    Raises ProblemError where the receiver cannot be asked.
    """
    if problem.code not in GONE and problem.code != "source_changed":
        return problem
    file = what_it_became(receiver, transfer)
    if file is None or file.path != transfer.remote:
        return problem  # one that has moved since is known where it went
    if problem.code in GONE:
        return published_and_gone(file)
    return ProblemError(problem.code, problem.detail, {**problem.extra, "became": file})


def same_grid(there: FileInfo, size: int) -> ChunkPlan | None:
    """A file of `size` bytes on the grid of what is there; None where that cannot be."""
    if there.digest_algorithm != BLAKE3:
        return None
    try:
        return ChunkPlan(size, there.chunk_bytes)
    except ValueError:
        return None


def wire_time(modified_ns: int) -> int:
    """A time as the wire takes it: some disks hold years that 64 bits of nanoseconds do not."""
    return max(-_MOST_NS, min(modified_ns, _MOST_NS))
