"""What the engine shows: frozen snapshots, fit for a command, a window and the control socket."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from howdah_common.problems import PROBLEMS
from howdah_desktop.engine.transfers import LIVE, Kind, Transfer, TransferState

S = TransferState

_SENTENCES = {
    S.NEW: "Just added.",
    S.SETTLING: "The file is being written; it is sent once it is left alone.",
    S.QUEUED: "Waits for its turn.",
    S.SENDING: "Is being sent.",
    S.FETCHING: "Is being fetched.",
    S.FINISHING: "All bytes are there; it is being put in its place.",
    S.DONE: "Arrived, verified.",
    S.CANCELLED: "Was cancelled.",
}
SKIP_RULES = {
    "exists": "Something stands at the target already.",
    "symlink": "Symbolic links are not followed.",
    "special": "Devices, pipes and sockets are left out.",
    "own_folder": "It is Howdah's own folder, which changes all the time.",
}


@dataclass(frozen=True, slots=True)
class TransferView:
    """One transfer as it stands. Sizes in bytes, times in seconds since 1970."""

    id: int
    group: int
    kind: str
    name: str
    source: str
    target: str
    state: str
    size: int | None
    done_bytes: int
    """What the receiver acknowledged; of a download: what was checked."""
    in_flight_bytes: int = 0
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    sentence: str = ""
    remedy: str = ""
    code: str | None = None
    attempt: int = 0
    next_try: float | None = None
    digest: str | None = None
    finished: float | None = None


@dataclass(frozen=True, slots=True)
class ReceiverView:
    """The one waiting state of the receiver; `code` None: all is well."""

    code: str | None = None
    sentence: str = ""
    remedy: str = ""
    next_try: float | None = None


@dataclass(frozen=True, slots=True)
class ChunksView:
    """Which chunks of a transfer the receiver has: ranges, both ends included."""

    id: int
    chunk_bytes: int
    total_chunks: int
    received: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What changed since the change number that was asked about."""

    change: int
    transfers: tuple[TransferView, ...]
    receiver: ReceiverView = ReceiverView()
    counts: dict[str, int] = field(default_factory=dict)
    """How many transfers are in which state, of all that was asked about."""
    listing: bool = False
    """Folders are still being listed: more will come."""
    size: int = 0
    done_bytes: int = 0
    in_flight_bytes: int = 0
    """Handed to the line, and not acknowledged yet."""
    bytes_per_second: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Live:
    """What of a transfer stands in memory alone."""

    done_bytes: int
    in_flight_bytes: int
    bytes_per_second: float | None
    seconds_left: float | None


def view(transfer: Transfer, live: Live | None = None) -> TransferView:
    sentence, remedy = explain(transfer)
    local = shown_path(transfer.local)
    if transfer.kind is Kind.DOWNLOAD:
        source, target = transfer.remote, f"{local}/{transfer.relative}".rstrip("/")
    else:
        source, target = local, transfer.remote
    if transfer.final_path:
        target = transfer.final_path
    return TransferView(
        id=transfer.id,
        group=transfer.group,
        kind=transfer.kind.value,
        name=source.rstrip("/").rpartition("/")[2],
        source=source,
        target=target,
        state=transfer.state.value,
        size=transfer.size,
        done_bytes=live.done_bytes if live else transfer.done_bytes,
        in_flight_bytes=live.in_flight_bytes if live else 0,
        bytes_per_second=live.bytes_per_second if live else None,
        seconds_left=live.seconds_left if live else None,
        sentence=sentence,
        remedy=remedy,
        code=transfer.code,
        attempt=transfer.attempt,
        next_try=transfer.next_try,
        digest=transfer.digest,
        finished=transfer.finished,
    )


def explain(transfer: Transfer) -> tuple[str, str]:
    """Why the transfer is where it is, in one sentence, and what to do about it."""
    code, detail = transfer.code, transfer.detail
    if transfer.state is S.SKIPPED:
        return SKIP_RULES.get(code or "", detail or "It was left out."), ""
    if transfer.state in (S.WAITING, S.FAILED, S.SETTLING) and code in PROBLEMS:
        problem = PROBLEMS[code]
        return f"{problem.sentence} {detail}".rstrip(), problem.remedy
    if transfer.state is S.DONE and detail == "already there":
        return "It was there already: nothing was sent.", ""
    return _SENTENCES[transfer.state], ""


def explain_receiver(code: str | None, detail: str, next_try: float | None) -> ReceiverView:
    if code is None:
        return ReceiverView()
    problem = PROBLEMS[code]
    return ReceiverView(code, f"{problem.sentence} {detail}".rstrip(), problem.remedy, next_try)


def resting_view(transfer: Transfer) -> TransferView:
    """While no engine runs: nothing is at work, whatever the last one wrote."""
    if transfer.state not in LIVE:
        return view(transfer)
    shown = view(replace(transfer, state=S.QUEUED))
    return replace(shown, sentence="No howdah is running.", remedy="`howdah resume` goes on.")


def shown_path(path: bytes) -> str:
    """A local path for people and JSON: what is not UTF-8 in it is shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
