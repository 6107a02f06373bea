"""What a transfer is, and the states it goes through. Pure.

    new -> settling -> queued -> sending | fetching -> finishing -> done

Any live state may turn into `waiting` (for what may pass by itself), `failed` (for what needs the user),
`paused` (by the user, or until they say yes) or `cancelled`; a source that changed under us is `settling`
again, in a new generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from howdah_desktop.system import SourceIdentity


class TransferState(Enum):
    """The values stand in the ledger and in `--json`: they never change."""

    NEW = "new"
    SETTLING = "settling"
    """Waiting until the local file is no longer being written."""
    QUEUED = "queued"
    SENDING = "sending"
    FETCHING = "fetching"
    FINISHING = "finishing"
    """All bytes are there; the receiver publishes, or the part file gets its name."""
    WAITING = "waiting"
    """For what may pass by itself; the row says for what, and when it is tried again."""
    PAUSED = "paused"
    """By the user, or because so many files wait for their yes: the code says which (USER, HELD). By the
    user for a time: until `next_try`."""
    FAILED = "failed"
    """Needs the user."""
    DONE = "done"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """It arrived, and the file was sent again later: history."""


S = TransferState

_LIVE = frozenset({S.NEW, S.SETTLING, S.QUEUED, S.SENDING, S.FETCHING, S.FINISHING, S.WAITING})
_ENDS = frozenset({S.FAILED, S.CANCELLED, S.SKIPPED})
_OUT = _ENDS | {S.PAUSED}

TRANSITIONS: dict[TransferState, frozenset[TransferState]] = {
    S.NEW: frozenset({S.SETTLING, S.QUEUED, S.DONE}) | _OUT,  # done: an empty folder, made at once
    S.SETTLING: frozenset({S.QUEUED, S.WAITING}) | _OUT,
    S.QUEUED: frozenset({S.SENDING, S.FETCHING, S.SETTLING, S.WAITING}) | _OUT,
    # Back to queued: the engine ends, or the receiver is away, which is not the row's own wait.
    S.SENDING: frozenset({S.FINISHING, S.DONE, S.SETTLING, S.QUEUED, S.WAITING}) | _OUT,
    S.FETCHING: frozenset({S.FINISHING, S.DONE, S.QUEUED, S.WAITING}) | _OUT,
    # Back to sending: the receiver names chunks that did not hold.
    S.FINISHING: frozenset({S.DONE, S.SENDING, S.FETCHING, S.SETTLING, S.QUEUED, S.WAITING}) | _OUT,
    S.WAITING: frozenset({S.QUEUED, S.SETTLING}) | _OUT,
    # Done: its last request was under way already.
    S.PAUSED: frozenset({S.QUEUED, S.DONE}) | _ENDS,
    S.FAILED: frozenset({S.QUEUED, S.CANCELLED}),
    S.DONE: frozenset({S.SUPERSEDED}),
    S.SKIPPED: frozenset(),
    S.CANCELLED: frozenset(),
    S.SUPERSEDED: frozenset(),
}

USER = "user"
"""Code of a row that the user paused."""
HELD = "held"
"""Code of a row that waits for a yes: with others it is more than anyone drops by accident."""
COUNTING = "counting"
"""Detail of a held row while nobody knows yet how many they are."""

LIVE = _LIVE
"""An engine still has something to do."""
UNFINISHED = _LIVE | {S.PAUSED}
"""Not at an end."""
ENDED = frozenset({S.DONE, S.SKIPPED, S.CANCELLED, S.SUPERSEDED})
"""For good: nothing is left to do."""
ACTIVE = frozenset({S.SENDING, S.FETCHING, S.FINISHING})
"""A thread works on it."""


class IllegalStep(Exception):
    """A step that the table does not have: a mistake of ours."""


def advance(state: TransferState, to: TransferState) -> TransferState:
    """`to`, if the table allows it from `state`; staying is allowed. Raises IllegalStep."""
    if to is state or to in TRANSITIONS[state]:
        return to
    raise IllegalStep(f"a transfer does not go from {state.value} to {to.value}")


def before(to: TransferState) -> frozenset[TransferState]:
    """Every state from which a step leads to `to`."""
    return frozenset(state for state in S if to in TRANSITIONS[state])


class Kind(Enum):
    UPLOAD = "upload"
    DOWNLOAD = "download"
    FOLDER = "folder"
    """An empty folder to be made at the receiver."""


class Hold(IntEnum):
    """Whether a group waits with all of its files, because they may be more than anyone meant."""

    NO = 0
    COUNTS = 1
    ASKS = 2


class IfExists(Enum):
    """What to do where something else stands at the target."""

    VERSION = "version"
    """What stood there becomes a version (uploads)."""
    OVERWRITE = "overwrite"
    """What stood there is replaced (downloads)."""
    SKIP = "skip"
    KEEP_BOTH = "keep-both"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of the ledger. `done_bytes` is for display alone: the receiver knows the truth."""

    id: int
    group: int
    kind: Kind
    state: TransferState
    local: bytes
    """os.fsencode of the source's path; of a download: of the folder that was chosen."""
    remote: str
    """Where it goes at the receiver; of a download: what is fetched."""
    relative: str = ""
    """Of a download: the path below `local`, `/` between its parts; of a watched file: below its folder."""
    if_exists: IfExists = IfExists.VERSION
    sha256: bool = False
    """The plain SHA-256 of the whole file goes along and is checked before publication."""
    size: int | None = None
    code: str | None = None
    """Of the problem that it waits for or failed with, or the rule that it was skipped by."""
    detail: str = ""
    attempt: int = 0
    next_try: float | None = None
    """Seconds since 1970, for display."""
    client_id: str | None = None
    generation: int = 0
    """Counts how often the source changed, or the upload had to begin anew."""
    upload_id: str | None = None
    chunk_bytes: int | None = None
    identity: SourceIdentity | None = None
    """The source at the start of this generation."""
    digest: str | None = None
    """The manifest's digest, hex, that both sides agree on."""
    final_path: str | None = None
    """Where it really went: another than `remote` for keep-both."""
    done_bytes: int = 0
    created: float = 0.0
    finished: float | None = None
    root: int | None = None
    """The folder that it was given with; None: it was given by itself."""
    watched: int | None = None
    """The watched folder that it is of; its path in there is `relative`."""
    expected: str | None = None
    """Of a watched file: the version that it replaces, or `none`; what somebody else put there stays."""
    file_id: str | None = None
    """The receiver's, of the file that it became."""
    version: str | None = None
