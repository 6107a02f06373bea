"""What a transfer is, and the states it goes through. Pure.

    new -> settling -> queued -> sending | fetching -> finishing -> done

Any live state may turn into `waiting` (for what may pass by itself), `failed` (for what needs the user)
or `cancelled`; a source that changed under us is `settling` again, in a new generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

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
    FAILED = "failed"
    """Needs the user."""
    DONE = "done"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


S = TransferState

_LIVE = frozenset({S.NEW, S.SETTLING, S.QUEUED, S.SENDING, S.FETCHING, S.FINISHING, S.WAITING})
_ENDS = frozenset({S.FAILED, S.CANCELLED, S.SKIPPED})

TRANSITIONS: dict[TransferState, frozenset[TransferState]] = {
    S.NEW: frozenset({S.SETTLING, S.QUEUED, S.DONE}) | _ENDS,  # done: an empty folder, made at once
    S.SETTLING: frozenset({S.QUEUED, S.WAITING}) | _ENDS,
    S.QUEUED: frozenset({S.SENDING, S.FETCHING, S.SETTLING, S.WAITING}) | _ENDS,
    # Back to queued: the engine ends, or the receiver is away, which is not the row's own wait.
    S.SENDING: frozenset({S.FINISHING, S.DONE, S.SETTLING, S.QUEUED, S.WAITING}) | _ENDS,
    S.FETCHING: frozenset({S.FINISHING, S.DONE, S.QUEUED, S.WAITING}) | _ENDS,
    # Back to sending: the receiver names chunks that did not hold.
    S.FINISHING: frozenset({S.DONE, S.SENDING, S.FETCHING, S.SETTLING, S.QUEUED, S.WAITING})
    | _ENDS,
    S.WAITING: frozenset({S.QUEUED, S.SETTLING}) | _ENDS,
    S.FAILED: frozenset({S.QUEUED, S.CANCELLED}),
    S.DONE: frozenset(),
    S.SKIPPED: frozenset(),
    S.CANCELLED: frozenset(),
}

LIVE = _LIVE
"""Not at an end: an engine still has something to do."""
ACTIVE = frozenset({S.SENDING, S.FETCHING, S.FINISHING})
"""A thread works on it."""


class IllegalStep(Exception):
    """A step that the table does not have: a mistake of ours."""


def advance(state: TransferState, to: TransferState) -> TransferState:
    """`to`, if the table allows it from `state`; staying is allowed. Raises IllegalStep."""
    if to is state or to in TRANSITIONS[state]:
        return to
    raise IllegalStep(f"a transfer does not go from {state.value} to {to.value}")


class Kind(Enum):
    UPLOAD = "upload"
    DOWNLOAD = "download"
    FOLDER = "folder"
    """An empty folder to be made at the receiver."""


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
    """Of a download: the path below `local`, `/` between its parts."""
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
