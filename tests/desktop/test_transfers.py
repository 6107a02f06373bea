"""The states of a transfer, and what a problem makes of one."""

from __future__ import annotations

import itertools

import pytest

from howdah_common.problems import PROBLEMS, Next, ProblemError
from howdah_desktop.engine.outcomes import held_up
from howdah_desktop.engine.showing import explain
from howdah_desktop.engine.transfers import (
    ACTIVE,
    LIVE,
    TRANSITIONS,
    IllegalStep,
    Kind,
    Transfer,
    TransferState,
    advance,
)
from howdah_desktop.engine.verdict import RECEIVER_WIDE, Follow, verdict

S = TransferState


def row(state: TransferState = S.SENDING, attempt: int = 0) -> Transfer:
    return Transfer(
        id=1,
        group=1,
        kind=Kind.UPLOAD,
        state=state,
        local=b"/a",
        remote="a",
        client_id="0" * 32,
        upload_id="u",
        attempt=attempt,
    )


def test_every_state_has_a_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(S)


def test_only_steps_of_the_table_are_taken() -> None:
    for state, to in itertools.product(S, S):
        if to is state or to in TRANSITIONS[state]:
            assert advance(state, to) is to
        else:
            with pytest.raises(IllegalStep):
                advance(state, to)


def test_the_way_of_an_upload_and_of_a_download_is_there() -> None:
    for at_work in (S.SENDING, S.FETCHING):
        state = S.NEW
        for to in (S.QUEUED, at_work, S.FINISHING, S.DONE):
            state = advance(state, to)
        assert state is S.DONE


def test_any_live_state_can_be_cancelled_and_can_fail() -> None:
    for state in LIVE:
        assert {S.CANCELLED, S.FAILED} <= TRANSITIONS[state]


def test_what_is_done_stays_done() -> None:
    for state in (S.SKIPPED, S.CANCELLED, S.SUPERSEDED):
        assert not TRANSITIONS[state]
    assert TRANSITIONS[S.DONE] == {S.SUPERSEDED}


def test_only_a_failed_transfer_comes_back_from_an_end() -> None:
    assert TRANSITIONS[S.FAILED] == {S.QUEUED, S.CANCELLED}


@pytest.mark.parametrize("code", sorted(PROBLEMS))
@pytest.mark.parametrize("state", list(ACTIVE))
def test_every_problem_leads_from_every_state_at_work_to_a_state_of_the_table(
    code: str, state: TransferState
) -> None:
    for attempt in range(6):
        if state is S.FETCHING and code == "source_changed":
            continue  # downloads have no source here
        step = held_up(row(state, attempt), ProblemError(code), 0.5, 1000.0)
        assert step.row.state in {S.QUEUED, S.WAITING, S.SETTLING, S.FAILED}


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_waiting_or_failed_transfer_says_why_and_what_to_do(code: str) -> None:
    step = held_up(row(), ProblemError(code, "More."), 0.5, 1000.0)
    if step.row.state in {S.WAITING, S.FAILED, S.SETTLING}:
        sentence, remedy = explain(step.row)
        assert sentence.endswith("More.")
        assert remedy


def test_only_what_needs_a_person_fails() -> None:
    for code, problem in PROBLEMS.items():
        fails = verdict(ProblemError(code), 1).follow is Follow.FAIL
        assert fails == (problem.next is Next.USER and code not in RECEIVER_WIDE), code


def test_a_receiver_that_is_away_does_not_count_against_the_row() -> None:
    step = held_up(row(attempt=2), ProblemError("offline"), 0.5, 1000.0)
    assert step.receiver_waits
    assert (step.row.state, step.row.attempt, step.wait_seconds) == (S.QUEUED, 2, None)


def test_a_line_that_answers_but_carries_no_chunk_holds_up_the_row_alone() -> None:
    step = held_up(row(), ProblemError("offline", "", {"row": True}), 0.5, 1000.0)
    assert step.row.state is S.WAITING
    assert not step.receiver_waits


def test_a_lost_upload_begins_anew_under_another_id() -> None:
    step = held_up(row(), ProblemError("upload_not_found"), 0.5, 1000.0)
    assert step.new_generation
    assert step.row.state is S.QUEUED
    assert step.row.generation == 1
    assert step.row.upload_id is None
    assert step.row.client_id != row().client_id


def test_an_upload_that_is_lost_again_and_again_waits_in_between() -> None:
    step = held_up(row(attempt=4), ProblemError("manifest_mismatch"), 0.5, 1000.0)
    assert step.row.state is S.WAITING
    assert step.new_generation


def test_a_file_that_goes_on_changing_is_left_alone_for_longer() -> None:
    first = held_up(row(), ProblemError("source_changed"), 0.5, 1000.0)
    later = held_up(row(attempt=5), ProblemError("source_changed"), 0.5, 1000.0)
    assert first.row.state is later.row.state is S.SETTLING
    assert (first.wait_seconds, later.wait_seconds) == (1.0, 5.0)


def test_where_no_chunk_gets_through_the_file_is_cut_finer() -> None:
    problem = ProblemError("offline", "", {"smaller_chunk_bytes": 65536, "row": True})
    step = held_up(row(), problem, 0.5, 1000.0)
    assert step.new_generation
    assert step.row.chunk_bytes == 65536
