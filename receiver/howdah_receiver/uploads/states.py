"""The states of an upload, and the steps between them. Pure; the diagram in the docs is made from this."""

from __future__ import annotations

from enum import Enum


class UploadState(Enum):
    OPEN = "open"
    COMPLETING = "completing"
    PUBLISHED = "published"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Nothing came for long: in recovery, with all that was received."""
    GONE = "gone"
    """Its time in recovery is over."""


TRANSITIONS: dict[UploadState, frozenset[UploadState]] = {
    # Cancelling and expiry start from open only: during completing a cancel waits, and then answers the
    # outcome.
    UploadState.OPEN: frozenset(
        {UploadState.COMPLETING, UploadState.CANCELLED, UploadState.EXPIRED}
    ),
    # Back to open: chunks that did not hold, or something else stands at the path.
    UploadState.COMPLETING: frozenset(
        {UploadState.PUBLISHED, UploadState.OPEN, UploadState.REJECTED}
    ),
    # Back to open: whoever goes on takes it up again.
    UploadState.EXPIRED: frozenset({UploadState.OPEN, UploadState.GONE}),
    UploadState.PUBLISHED: frozenset(),
    UploadState.REJECTED: frozenset(),
    UploadState.CANCELLED: frozenset(),
    UploadState.GONE: frozenset(),
}

LIVE = frozenset({UploadState.OPEN, UploadState.COMPLETING})
HOLDING = LIVE | {UploadState.EXPIRED}
"""They have a part, and room of their own."""


def may_become(before: UploadState, after: UploadState) -> bool:
    return after in TRANSITIONS[before]
