"""Whether a computer has slept, from what its two clocks say."""

from __future__ import annotations

import pytest

from howdah_desktop.engine.wakes import JUMP_SECONDS, Wakes

LONGEST = 60.0
MORE = JUMP_SECONDS + 1


@pytest.mark.parametrize(
    ("passed", "day", "woke"),
    [
        (0.2, 0.2, False),
        (LONGEST, LONGEST, False),
        (LONGEST + JUMP_SECONDS - 1, LONGEST + JUMP_SECONDS - 1, False),
        (LONGEST, LONGEST + JUMP_SECONDS - 1, False),
        (1.0, 1.0 + MORE, True),
        (1.0, 1.0 - MORE, True),
        (LONGEST + MORE, LONGEST + MORE, True),
    ],
    ids=[
        "at work",
        "idle",
        "a busy machine",
        "the clock is put right",
        "it slept, or the clock was set ahead",
        "the clock was set back",
        "the program was stopped",
    ],
)
def test_what_both_clocks_say_since_the_last_look_tells(
    passed: float, day: float, woke: bool
) -> None:
    wakes = Wakes(LONGEST, 1000.0, 5000.0)
    assert wakes.woke(1000.0 + passed, 5000.0 + day) == woke


def test_what_was_told_once_is_not_told_again() -> None:
    wakes = Wakes(LONGEST, 0.0, 0.0)
    assert wakes.woke(1.0, 3600.0)
    assert not wakes.woke(2.0, 3601.0)
