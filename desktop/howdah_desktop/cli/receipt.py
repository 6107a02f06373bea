"""`howdah receipt`: what the receiver has of local files, for `sha256sum -c`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.reading_bar import reading_bar
from howdah_desktop.engine.ledger_now import bring_up_to_date
from howdah_desktop.engine.source import Source
from howdah_desktop.freeing.candidates import candidates
from howdah_desktop.freeing.freeing import REASONS, Outcome
from howdah_desktop.freeing.proof import stands_there, whole_sha256
from howdah_desktop.freeing.sent import Sent, SentFiles
from howdah_desktop.receipts import Issuer, Received, entry, head
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.system import target_problem

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 600.0


def write_receipt(paths: Sequence[str], output: str) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    own = os.path.realpath(os.fsencode(settings.home))
    all_well = True
    lines: list[bytes] = []
    with ExitStack() as stack:
        receiver = context.connect(settings)
        stack.callback(receiver.close)
        ledger = None
        if bring_up_to_date(settings.home):
            ledger = SentFiles(settings.home)
            stack.callback(ledger.close)
        on_read = stack.enter_context(reading_bar("Reading"))
        for path in paths:
            for found in _files(ledger, path, own):
                received, trouble = _look(receiver, found, path, on_read)
                if received is not None:
                    lines.append(entry(received))
                if trouble is not None:
                    all_well = False
                    print(f"howdah: {trouble}", file=sys.stderr)
        paired = receiver.paired
        issuer = Issuer(
            paired.receiver_name, paired.address, paired.pin, paired.account, time.time()
        )
    if lines:
        _write(head(issuer), lines, output)
    return Exit.DONE if all_well else Exit.NEEDS_YOU


def _files(ledger: SentFiles | None, path: str, own: bytes) -> Iterator[Sent | Outcome]:
    """What is there, and what the ledger knows of what is not there any more: freed, moved, lost."""
    local = os.fsencode(path)
    if os.path.lexists(local):
        yield from candidates(ledger, [local], own)
    folder, name = os.path.split(os.path.abspath(local))  # noqa: PTH100  # bytes
    real = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118  # bytes
    gone = [] if ledger is None else ledger.sent_below(real)
    found = False
    for sent in gone:
        if not os.path.lexists(sent.local):
            found = True
            yield sent
    if not found and not os.path.lexists(local):
        yield Outcome(real, problem=ProblemError("not_sent", "There is no such file here."))


def _look(
    receiver: Receiver, found: Sent | Outcome, path: str, on_read: Callable[[int], None]
) -> tuple[Received | None, str | None]:
    """What the receiver has of a file, and what is to be said of it."""
    shown = _as_named(found.local, path)
    if isinstance(found, Outcome):
        return None, f"{printable(shown)}: {printable(str(found.problem))}"
    try:
        info = _read_there(receiver, found)
    except ProblemError as problem:
        if problem.code not in REASONS:
            raise
        return None, f"{printable(shown)}: {printable(str(problem))}"
    received = Received(
        info.sha256 or "", shown, info.path, info.space, info.version, info.size, info.added_ns
    )
    differs = _differs(found, info, on_read)
    return received, None if differs is None else f"{printable(shown)}: {differs}"


def _read_there(receiver: Receiver, sent: Sent) -> FileInfo:
    """With its SHA-256, which may take the receiver a while. Raises ProblemError("copy_unread")."""
    until = time.monotonic() + PATIENCE_SECONDS
    info = stands_there(receiver, sent)
    while info.sha256 is None:
        if time.monotonic() > until:
            raise ProblemError("copy_unread")
        time.sleep(POLL_SECONDS)
        info = stands_there(receiver, replace(sent, file_id=info.id))
    return info


def _differs(sent: Sent, info: FileInfo, on_read: Callable[[int], None]) -> str | None:
    """What is to be said of the local file; None: it is what the receiver has."""
    try:
        with Source(sent.local) as source:
            same = source.identity.size == info.size
            same = same and whole_sha256(source, on_read) == info.sha256
            source.check_unchanged()
    except ProblemError as problem:
        if problem.code == "source_missing":
            return "It is no longer here; the receipt tells what was received."
        return f"It cannot be compared: {problem.sentence}"
    if same:
        return None
    return "It DIFFERS from what was received; the receipt tells of that."


def _as_named(local: bytes, path: str) -> str:
    """The file's path as the user would write it, from the path that was named."""
    folder, name = os.path.split(os.path.abspath(os.fsencode(path)))  # noqa: PTH100  # bytes
    real = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118  # bytes
    if local == real:
        return path
    return os.path.join(path, os.fsdecode(local[len(real.rstrip(b"/")) + 1 :]))  # noqa: PTH118


def _write(first: bytes, lines: Sequence[bytes], output: str) -> None:
    if not output:
        sys.stdout.buffer.write(first + b"".join(lines))
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).write_bytes(first + b"".join(lines))
    except OSError as error:
        raise target_problem(error) from error
