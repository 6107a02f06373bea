"""The states of an upload, and the steps between them. Pure; the diagram in the docs is made from this."""

from __future__ import annotations

from enum import Enum


class UploadState(Enum):
    OPEN = "open"
    COMPLETING = "completing"
    PUBLISHED = "published"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


TRANSITIONS: dict[UploadState, frozenset[UploadState]] = {
    # Cancelling starts from open only: during completing it waits, and then answers the outcome.
    UploadState.OPEN: frozenset({UploadState.COMPLETING, UploadState.CANCELLED}),
    # Back to open: chunks that did not hold, or something else stands at the path.
    UploadState.COMPLETING: frozenset(
        {UploadState.PUBLISHED, UploadState.OPEN, UploadState.REJECTED}
    ),
    UploadState.PUBLISHED: frozenset(),
    UploadState.REJECTED: frozenset(),
    UploadState.CANCELLED: frozenset(),
}


def may_become(before: UploadState, after: UploadState) -> bool:
    return after in TRANSITIONS[before]
