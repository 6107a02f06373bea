"""How long the client waits between tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_desktop.engine.backoff import DELAYS_SECONDS, LONGEST_SECONDS, delay_seconds

chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("attempt", "seconds"), list(enumerate(DELAYS_SECONDS, 1)))
def test_the_delays_grow_as_written(attempt: int, seconds: float) -> None:
    assert delay_seconds(attempt, 0.5) == pytest.approx(seconds)


@given(st.integers(1, 1000), chances)
def test_chance_moves_a_delay_by_a_fifth_and_never_above_five_minutes(
    attempt: int, chance: float
) -> None:
    step = DELAYS_SECONDS[min(attempt, len(DELAYS_SECONDS)) - 1]
    delay = delay_seconds(attempt, chance)
    assert 0.8 * step - 1e-9 <= delay <= min(1.2 * step + 1e-9, LONGEST_SECONDS)


@given(st.integers(1, 20), chances)
def test_a_full_receiver_is_asked_at_most_every_ten_seconds(attempt: int, chance: float) -> None:
    assert delay_seconds(attempt, chance, code="storage_full") >= 10


@given(st.integers(1, 20), chances, st.floats(-10, 10_000))
def test_what_the_receiver_asks_for_is_respected_up_to_five_minutes(
    attempt: int, chance: float, asked: float
) -> None:
    delay = delay_seconds(attempt, chance, retry_after_seconds=asked)
    assert min(asked, LONGEST_SECONDS) <= delay <= LONGEST_SECONDS
