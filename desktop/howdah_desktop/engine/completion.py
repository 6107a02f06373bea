"""The last step of an upload: complete, and what to do where something else stands at the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from howdah_common import remote_path
from howdah_common.messages import Complete, FileInfo, FolderInfo, UploadInfo
from howdah_common.problems import ProblemError
from howdah_desktop.engine.transfers import IfExists, TransferState

POLL_SECONDS = 1.0
MOST_LOOKS = 3
"""At what stands there: somebody may be changing it all the time."""
MOST_NAMES = 1_000
"""`a (1000).txt` is where looking for a free name ends."""


class Completes(Protocol):
    """What is needed of a receiver here."""

    @property
    def retry_after_seconds(self) -> float | None: ...
    def complete(self, upload_id: str, complete: Complete, /) -> UploadInfo | None: ...
    def cancel(self, upload_id: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a transfer ended well: done, or skipped."""

    state: TransferState
    digest: str | None = None
    final_path: str | None = None
    note: str = ""
    file_id: str | None = None
    version: str | None = None
    pieces: bytes | None = None
    """Of what was sent, see `pieces.PieceList`; None: nobody took note of them."""
    stale: bool = False
    """Of a watched file: it is not what was sent any more."""


def published(file: FileInfo, note: str = "") -> Outcome:
    return Outcome(
        TransferState.DONE,
        file.manifest_digest,
        file.path,
        note,
        file_id=file.id,
        version=file.version,
    )


def published_and_gone(file: FileInfo) -> Outcome:
    """Of a watched file that is there, though here it is gone: its place is looked at again."""
    return replace(published(file), stale=True)


def finish(
    receiver: Completes,
    upload_id: str,
    words: Complete,
    remote: str,
    if_exists: IfExists,
    pause: Callable[[float], None],
) -> Outcome:
    """Complete `upload_id`, whatever it takes. Raises ProblemError; `pause` may raise `interrupted`.

    The words stay the same over repetitions, so that a lost answer does no harm.
    """
    if if_exists is not IfExists.VERSION:
        words = _changed(words, if_version="none")
    for number in range(2, MOST_NAMES + 2):
        try:
            return _ask(receiver, upload_id, words, pause)
        except ProblemError as problem:
            # A folder has a numbered name: that one is taken too.
            taken = problem.code == "path_conflict" and words.path not in (None, remote)
            if problem.code != "version_conflict" and not taken:
                raise
            if if_exists is IfExists.SKIP:
                receiver.cancel(upload_id)
                return Outcome(TransferState.SKIPPED, note="exists")
            if if_exists is not IfExists.KEEP_BOTH:
                receiver.cancel(upload_id)
                raise ProblemError("target_exists", f"It is {remote}.") from problem
        words = _changed(words, path=remote_path.numbered(remote, number))
    raise ProblemError("target_exists", f"So do {MOST_NAMES} names like {remote}.")


def finish_agreed(
    receiver: Completes,
    upload_id: str,
    words: Complete,
    remote: str,
    pause: Callable[[float], None],
    standing: Callable[[], FileInfo | FolderInfo | None],
    is_same: Callable[[FileInfo], bool],
) -> Outcome:
    """Complete the upload of a watched file, replacing what both sides had and nothing else.

    `words.if_version` is that. Where somebody else put another content there, both stay: this one gets a
    numbered name, and the outcome's note is `clash`. `standing` asks what stands at `remote`; `is_same`
    reads the source and says whether it is that. Raises ProblemError.
    """
    for _ in range(MOST_LOOKS):
        try:
            outcome = _ask(receiver, upload_id, words, pause)
        except ProblemError as problem:
            if problem.code != "version_conflict":
                raise
        else:
            check_place(outcome.final_path or remote, remote)
            return outcome
        there = standing()
        if there is None:
            words = _changed(words, if_version="none")  # it was deleted or moved away there
        elif isinstance(there, FileInfo) and is_same(there):
            receiver.cancel(upload_id)
            return published(there, "already there")
        else:
            break
    outcome = finish(receiver, upload_id, words, remote, IfExists.KEEP_BOTH, pause)
    check_place(outcome.final_path or remote, remote)
    clashed = outcome.final_path != remote
    return replace(outcome, note="clash") if clashed else outcome


def check_place(path: str, remote: str) -> None:
    """What was published for `remote` stands at `path`. Raises chunk_conflict where that is another file's
    place: it has moved since, with its folder say, and is known there."""
    names = (remote_path.numbered(remote, number) for number in range(2, MOST_NAMES + 2))
    if path != remote and path not in names:
        raise ProblemError("chunk_conflict", "What was published has moved since.")


def _ask(
    receiver: Completes, upload_id: str, words: Complete, pause: Callable[[float], None]
) -> Outcome:
    while True:
        answer = receiver.complete(upload_id, words)
        if answer is None:  # it is being published
            pause(receiver.retry_after_seconds or POLL_SECONDS)
            continue
        if answer.file is None or answer.file.manifest_digest != words.manifest_digest:
            raise ProblemError("answer_invalid", "It confirms another file.")
        return published(answer.file)


def _changed(
    words: Complete, *, if_version: str | None = None, path: str | None = None
) -> Complete:
    return Complete(
        size=words.size,
        manifest_digest=words.manifest_digest,
        sha256=words.sha256,
        if_version=if_version or words.if_version,
        path=path or words.path,
    )
