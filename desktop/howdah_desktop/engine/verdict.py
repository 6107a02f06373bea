"""What follows from a problem: one table for every way a transfer can be held up. Pure.

The problem table of `howdah_common.problems` says what a client does next; here is what that means
for a transfer, and which problems are the receiver's or the line's as a whole, not one file's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from howdah_common.problems import Next, ProblemError


class Follow(Enum):
    RECEIVER_WAITS = "receiver waits"
    """Nothing can be sent at all: one waiting state, asked by one probe; the rows stay queued."""
    ROW_WAITS = "row waits"
    BEGIN_ANEW = "begin anew"
    """This upload is lost: a new generation, at once at first, then with growing pauses."""
    SETTLE = "settle"
    """The source changes: wait until it is left alone, then a new generation."""
    FAIL = "fail"
    STOP = "stop"
    """The engine ends, or the transfer was cancelled: back into the queue."""


RECEIVER_WIDE = frozenset(
    {
        "offline",
        "answer_invalid",
        "captive_portal",
        "answer_too_large",
        "redirect_refused",
        "certificate_changed",
        "certificate_untrusted",
        "insecure_address",
        "not_signed_in",
        "not_paired",
        "host_not_allowed",
        "too_many_attempts",
    }
)
"""These say something about the receiver or the way to it, whatever file was on it."""

NEEDS_SIGN_IN = frozenset({"not_signed_in", "not_paired"})
_PASSES = frozenset({"offline", "answer_invalid", "captive_portal", "too_many_attempts"})
NEEDS_USER = RECEIVER_WIDE - _PASSES
"""Of those: a person can help, and a command that waits for them would wait in vain."""

MOST_RESTARTS = 3
"""New generations at once; after so many the transfer waits between them."""

_BY_NEXT = {
    Next.RETRY: Follow.ROW_WAITS,
    # The sender has asked again, several times, before it gives such a problem out.
    Next.RESYNC: Follow.ROW_WAITS,
    Next.RESTART: Follow.BEGIN_ANEW,
    Next.USER: Follow.FAIL,
}
_BY_CODE = {"source_changed": Follow.SETTLE, "interrupted": Follow.STOP}


@dataclass(frozen=True, slots=True)
class Verdict:
    follow: Follow
    new_generation: bool = False


def verdict(problem: ProblemError, attempt: int) -> Verdict:
    """What a transfer does about `problem`; `attempt` counts the tries since it last moved forward."""
    if problem.extra.get("smaller_chunk_bytes"):  # no chunk gets through: cut the file finer
        return Verdict(Follow.BEGIN_ANEW, new_generation=True)
    if problem.code in RECEIVER_WIDE and not problem.extra.get("row"):
        return Verdict(Follow.RECEIVER_WAITS)
    if problem.extra.get("gave_up"):  # tried often enough to know that it does not pass
        return Verdict(Follow.FAIL)
    follow = _BY_CODE.get(problem.code, _BY_NEXT[problem.problem.next])
    if follow is Follow.BEGIN_ANEW and attempt >= MOST_RESTARTS:
        return Verdict(Follow.ROW_WAITS, new_generation=True)
    return Verdict(follow, new_generation=follow in (Follow.BEGIN_ANEW, Follow.SETTLE))
