"""`howdah verify`: a file read again on both sides, and compared."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from howdah_common import remote_path
from howdah_common.chunks import ChunkPlan
from howdah_common.manifest import Manifest
from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.transfers import checked_folder
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.showing import shown_path
from howdah_desktop.engine.source import Source, whole_sha256
from howdah_desktop.engine.streams import new_buffer
from howdah_desktop.engine.walk import walk
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    path: str
    remote: str
    ok: bool
    sentence: str
    sha256: str | None = None


def verify_path(path: str, remote: str, as_json: bool) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    real = os.path.realpath(os.fsencode(path))
    receiver = context.connect(settings)
    all_ok = True
    try:
        for local, target in _pairs(settings, real, checked_folder(remote)):
            finding = _verify(receiver, local, target)
            all_ok = all_ok and finding.ok
            if as_json:
                print(json.dumps({"event": "verified", **asdict(finding)}), flush=True)
            else:
                word = "same" if finding.ok else "DIFFERS"
                print(f"{word:8} {printable(finding.path)}: {finding.sentence}", flush=True)
    finally:
        receiver.close()
    return Exit.DONE if all_ok else Exit.NEEDS_YOU


def _pairs(settings: Settings, real: bytes, remote: str) -> Iterator[tuple[bytes, str | None]]:
    """Local files, and where they should be at the receiver; None: nobody knows."""
    if not os.path.isdir(real):  # noqa: PTH112  # bytes
        yield real, remote or _where_it_went(settings, real)
        return
    for row in walk(real, remote, os.fsencode(settings.home), lambda: None):
        if (
            row.size is not None
            and not row.skipped
            and not row.failed
            and row.kind.value == "upload"
        ):
            yield row.local, row.remote if remote else _where_it_went(settings, row.local)


def _where_it_went(settings: Settings, local: bytes) -> str | None:
    if not (settings.home / FILE_NAME).exists():
        return None
    ledger = Ledger(settings.home, read_only=True)
    try:
        row = ledger.where_it_went(local)
    finally:
        ledger.close()
    return None if row is None else row.final_path or row.remote


def _verify(receiver: Receiver, local: bytes, target: str | None) -> Finding:
    shown = shown_path(local)
    if target is None:
        return Finding(shown, "", False, "It was not sent from here; name where it is there.")
    try:
        sentence, info = _compare(receiver, local, target)
    except ProblemError as problem:
        if problem.code not in _FINDINGS:
            raise
        return Finding(shown, target, False, str(problem))
    if sentence is not None:
        return Finding(shown, target, False, sentence, info.sha256)
    known = " by chunks and SHA-256" if info.sha256 else " by chunks"
    told = f"Both sides read the same{known} ({remote_path.name(target)})."
    return Finding(shown, target, True, told, info.sha256)


_FINDINGS = frozenset(
    {"file_not_found", "not_found", "source_missing", "source_unreadable", "source_not_a_file"}
    | {"source_changed", "source_failed", "file_damaged"}
)


def _compare(receiver: Receiver, local: bytes, target: str) -> tuple[str | None, FileInfo]:
    """What differs, None if nothing does, and the file at the receiver."""
    found = receiver.list(target, per_page=1)
    info = found.items[0] if found.kind == "file" and found.items else None
    if not isinstance(info, FileInfo):
        raise ProblemError("file_not_found", f"{target} is a folder.")
    with Source(local) as source:
        if source.identity.size != info.size:
            sizes = f"{source.identity.size} bytes here, {info.size} there"
            return f"It has another size: {sizes}.", info
        there = receiver.file_manifest(info.id)
        manifest = _read_again(
            source, ChunkPlan(info.size, there.chunk_bytes), there.digest_algorithm
        )
        if manifest.digests != there.digests:
            wrong = sum(
                manifest.chunk_digest(n) != there.digests[32 * n : 32 * n + 32]
                for n in range(manifest.plan.total_chunks)
            )
            return f"{wrong} of {manifest.plan.total_chunks} chunks are not the same.", info
        if info.sha256 and whole_sha256(source, new_buffer()) != info.sha256:
            return "The SHA-256 of the whole file is not the same.", info
        source.check_unchanged()
    answer = receiver.verify_file(info.id, info.size)
    if not answer.ok:
        return f"The receiver's copy is damaged in chunks {answer.damaged}.", info
    return None, info


def _read_again(source: Source, plan: ChunkPlan, algorithm: str) -> Manifest:
    buffer = new_buffer()
    digests = b"".join(source.digest(span, algorithm, buffer) for span in plan.spans())
    return Manifest(plan.size, plan.chunk_bytes, algorithm, digests)
