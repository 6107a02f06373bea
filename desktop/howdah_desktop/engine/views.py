"""What the engine shows: frozen snapshots, fit for a command, a window and the control socket."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from howdah_desktop.freeing.how import FreeRule


class TransferView(msgspec.Struct, frozen=True, gc=False):
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
    root: int | None = None
    """The folder that it was given with."""
    added: float = 0.0
    note: str = ""
    """How it ended, where that is more than its state says: "already there"."""


class RootView(msgspec.Struct, frozen=True):
    """A folder that was given as one, and how far its files are."""

    id: int
    group: int
    kind: str
    """"upload" or "download"."""
    name: str
    source: str
    target: str
    listing: bool
    """More rows will come."""
    files: dict[str, int]
    """How many of its rows are in which state, without what was removed from the list."""
    size: int
    done_bytes: int
    """As `size`: of what did not end without arriving."""
    left_bytes: int
    """Of the unfinished."""
    in_flight_bytes: int = 0
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    code: str | None = None
    """Of a row that failed or waits, one that failed before one that waits."""
    sentence: str = ""
    remedy: str = ""
    next_try: float | None = None
    added: float = 0.0
    asks: bool = False
    """Its group waits for a yes, see Ask."""


class StaysView(msgspec.Struct, frozen=True):
    """A file that its folder's rule did not free, and why."""

    path: str
    code: str
    sentence: str
    remedy: str


class FreedView(msgspec.Struct, frozen=True):
    """What a freeing by rule came to."""

    at: float
    """When it ended, in seconds since 1970."""
    files: int
    freed_bytes: int
    stays: int
    first_stays: tuple[StaysView, ...] = ()
    """Those of `stays` that fit in here."""


class FolderView(msgspec.Struct, frozen=True):
    """A watched folder. Times in seconds since 1970."""

    id: int
    local: str
    target: str
    mirror: bool
    state: str
    sentence: str
    remedy: str
    mode: str
    """How changes are heard of: "starting", "events" or "polling"."""
    why: str
    """Why it is polled, and what to do about it; else empty."""
    files: int
    """That both sides have."""
    transfers: dict[str, int]
    """How many of its files are in which state of a transfer."""
    left_out: dict[str, int]
    """How many entries are left out, by the kind of rule."""
    compared: float | None = None
    """When everything was last compared."""
    until: float | None = None
    surveying: bool = False
    code: str | None = None
    """Of the problem at the receiver, or on the way to it, that holds it up."""
    follow: bool = False
    """Of files that grow, what is complete is sent while they do."""
    free: FreeRule | None = None
    freed: FreedView | None = None
    """What the last freeing by that rule came to; None: there was none since the engine began."""


class ReceiverView(msgspec.Struct, frozen=True):
    """The one waiting state of the receiver; `code` None: all is well."""

    code: str | None = None
    sentence: str = ""
    remedy: str = ""
    next_try: float | None = None
    checked: bool = False
    """Whether it was asked at all since the engine began."""
    heard: float | None = None
    """When it last answered, in seconds since 1970."""


class LimitsView(msgspec.Struct, frozen=True):
    """How much may be sent and fetched now."""

    paused: str | None = None
    """Why nothing may: "schedule", "metered", "battery", or "limits" if their file cannot be read."""
    sentence: str = ""
    remedy: str = ""
    next_try: float | None = None
    """When it goes on, in seconds since 1970; None: it is not paused, or nobody knows."""
    up: int | None = None
    """Bytes a second; None: there is no limit."""
    down: int | None = None
    next_change: float | None = None
    """When a rule begins or ends next."""


class ChunksView(msgspec.Struct, frozen=True):
    """Which chunks of a transfer are there: ranges, both ends included."""

    id: int
    chunk_bytes: int
    total_chunks: int
    received: tuple[tuple[int, int], ...]
    in_flight: tuple[tuple[int, int], ...] = ()
    """Of which something has left, and which are not acknowledged."""
    known: tuple[tuple[int, int], ...] = ()
    """Those of `received` that were there without being sent."""


class Snapshot(msgspec.Struct, frozen=True):
    """What changed since the change number that was asked about."""

    change: int
    transfers: tuple[TransferView, ...]
    receiver: ReceiverView = ReceiverView()
    counts: dict[str, int] = {}
    """How many transfers are in which state, of all that was asked about."""
    listing: bool = False
    """Folders are still being listed: more will come."""
    size: int = 0
    done_bytes: int = 0
    in_flight_bytes: int = 0
    """Left this machine, and not acknowledged yet; of downloads: arrived, and not checked yet."""
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    limits: LimitsView = LimitsView()


MOST_QUEUE_ROWS = 10_000


class QueueView(msgspec.Struct, frozen=True):
    """What goes next: those at work, then the others in their order, whatever holds them up."""

    transfers: tuple[TransferView, ...]
    unfinished: int = 0
    """How many there are in all."""
    receiver: ReceiverView = ReceiverView()
    limits: LimitsView = LimitsView()


class Ask(msgspec.Struct, frozen=True):
    """A group that is more than anyone drops by accident: it waits for a yes."""

    group: int
    files: int
    bytes: int
    counting: bool
    """Its folders are still being listed."""


class Withdrawn(msgspec.Struct, frozen=True):
    """What came of taking an order back."""

    cancelled: int
    arrived: int
    """So many had arrived already, and stay."""


class Overview(msgspec.Struct, frozen=True):
    """What a window needs to know since the change number that it asked about."""

    change: int
    reload: bool = False
    """Too much has changed: read the ledger anew (LedgerReader). Always so for `since` 0."""
    transfers: tuple[TransferView, ...] = ()
    """Changed ones that have no root, or whose root is open."""
    roots: tuple[RootView, ...] = ()
    gone: tuple[int, ...] = ()
    """Removed from the list since."""
    gone_roots: tuple[int, ...] = ()
    chunks: tuple[ChunksView, ...] = ()
    """Of those of `transfers` that a job works on."""
    receiver: ReceiverView = ReceiverView()
    counts: dict[str, int] = {}
    """How many files are in which state, without what was removed from the list."""
    left_files: int = 0
    left_bytes: int = 0
    """Of the unfinished, paused ones too."""
    up_bytes_per_second: float | None = None
    down_bytes_per_second: float | None = None
    seconds_left: float | None = None
    """Of what can move now: without what is paused or waits."""
    asks: tuple[Ask, ...] = ()
    limits: LimitsView = LimitsView()
    calls: int = 0
    """How often the window was called to the front."""
    called_group: int | None = None
    """What the last call was about."""


class Freeing(msgspec.Struct, frozen=True):
    """A file that is about to be taken away here, and the copy at the receiver that stands for it."""

    local: bytes
    size: int
    remote: str
    file_id: str
    version: str
    sha256: str
    """Of the whole file: both sides read it just now."""
    how: str
    """"trash" or "delete"."""
    aside: bytes
    """The folder beside it that it is moved into first."""


@dataclass(frozen=True, slots=True)
class Live:
    """What of a transfer stands in memory alone."""

    done_bytes: int
    in_flight_bytes: int
    bytes_per_second: float | None
    seconds_left: float | None
