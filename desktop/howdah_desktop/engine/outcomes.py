"""What a run of a transfer came to, as the row it leaves. Pure: time and chance come in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_desktop.engine.backoff import delay_seconds
from howdah_desktop.engine.completion import Outcome
from howdah_desktop.engine.ledger import new_client_id
from howdah_desktop.engine.transfers import Transfer, TransferState, advance
from howdah_desktop.engine.verdict import Follow, verdict

S = TransferState

FIRST_QUIET_SECONDS = 1.0
QUIET_SECONDS = 5.0
QUICK_SETTLINGS = 2
"""A file that was caught once in a change is soon tried again; one that goes on changing is left alone."""


MOST_CONFLICTS = 6
"""A watched file whose place is taken by a folder waits so often before somebody has to look."""
_GONE = frozenset({"source_missing", "source_not_a_file"})


@dataclass(frozen=True, slots=True)
class Step:
    row: Transfer
    wait_seconds: float | None = None
    new_generation: bool = False
    receiver_waits: bool = False


def put(row: Transfer, **changes: object) -> Transfer:
    """`row` changed; a change of state is one that the table has."""
    state = changes.get("state")
    if isinstance(state, TransferState):
        advance(row.state, state)
    return replace(row, **changes)  # type: ignore[arg-type]  # names of its fields


def succeeded(row: Transfer, outcome: Outcome, now: float) -> Transfer:
    """`now`: seconds since 1970."""
    done = outcome.state is S.DONE
    return put(
        row,
        state=outcome.state,
        code=None if done else outcome.note,
        detail=outcome.note if done else "",
        attempt=0,
        next_try=None,
        digest=outcome.digest,
        final_path=outcome.final_path,
        file_id=outcome.file_id,
        version=outcome.version,
        done_bytes=(row.size or 0) if done else row.done_bytes,
        finished=now,
    )


def held_up(row: Transfer, problem: ProblemError, chance: float, now: float) -> Step:
    """The row after `problem`. `now`: seconds since 1970; `chance`: from 0 up to 1."""
    attempt = row.attempt + 1
    decided = verdict(problem, attempt)
    if decided.new_generation:
        row = _anew(row, problem)
    told = {"code": problem.code, "detail": problem.detail}
    match decided.follow:
        case Follow.STOP:
            return Step(put(row, state=S.QUEUED))
        case Follow.RECEIVER_WAITS:
            return Step(put(row, state=S.QUEUED), receiver_waits=True)
        case Follow.FAIL if row.watched is not None and problem.code in _GONE:
            # Whoever looks after the folder knows what its end means.
            return Step(put(row, state=S.CANCELLED, finished=now, **told))
        case Follow.FAIL if (
            row.watched is not None and problem.code == "path_conflict" and attempt < MOST_CONFLICTS
        ):
            # What was known there is about to move out of the way.
            return _waits(row, problem, attempt, chance, now)
        case Follow.FAIL:
            return Step(put(row, state=S.FAILED, attempt=attempt, finished=now, **told))
        case Follow.BEGIN_ANEW:
            row = put(row, state=S.QUEUED, attempt=attempt)
            return Step(row, new_generation=True)
        case Follow.SETTLE:
            wait = quiet_seconds(attempt)
            row = put(row, state=S.SETTLING, attempt=attempt, next_try=now + wait, **told)
            return Step(row, wait, new_generation=True)
        case Follow.ROW_WAITS:
            step = _waits(row, problem, attempt, chance, now)
            return replace(step, new_generation=decided.new_generation)


def _waits(row: Transfer, problem: ProblemError, attempt: int, chance: float, now: float) -> Step:
    wait = delay_seconds(
        attempt,
        chance,
        code=problem.code,
        retry_after_seconds=problem.extra.get("retry_after_seconds"),
    )
    told = {"code": problem.code, "detail": problem.detail}
    row = put(row, state=S.WAITING, attempt=attempt, next_try=now + wait, **told)
    return Step(row, wait)


def quiet_seconds(attempt: int) -> float:
    """How long a source must be left alone before it is tried again."""
    return FIRST_QUIET_SECONDS if attempt <= QUICK_SETTLINGS else QUIET_SECONDS


def is_receivers(problem: ProblemError) -> bool:
    """Whether it is the receiver's or the line's trouble as a whole."""
    return verdict(problem, 1).follow in (Follow.RECEIVER_WAITS, Follow.ROW_WAITS)


def became(problem: ProblemError) -> FileInfo | None:
    """What had arrived of a file that is another now: the next one replaces it."""
    found = problem.extra.get("became")
    return found if isinstance(found, FileInfo) else None


def _anew(row: Transfer, problem: ProblemError) -> Transfer:
    there = became(problem)
    return replace(
        row,
        generation=row.generation + 1,
        client_id=None if row.client_id is None else new_client_id(),
        upload_id=None,
        identity=None,
        expected=row.expected if there is None else there.version,
        chunk_bytes=problem.extra.get("smaller_chunk_bytes"),
        done_bytes=0,
    )
