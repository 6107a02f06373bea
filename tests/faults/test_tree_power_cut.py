"""The power goes while a tree is changed, and what was answered for is there: moves, the trash, versions, a
folder as it was, what was removed for good.

As in `test_power_cut`: a run is recorded with a mark at each answer, the states that a disk may then hold are
rebuilt, and on each of them a receiver recovers. There is then what there was after the last answer, or
after the step that was under way.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from kit import tree_steps
from kit.cut_course import all_wrong, chosen_cuts, record_run
from kit.diskshim import can_build

if TYPE_CHECKING:
    from kit.cut_course import Run

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_CUT_EVERY", "1"))

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(7200 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


@pytest.fixture(scope="module")
def run() -> Run:
    return record_run(
        tree_steps.first_tree, lambda: tree_steps.all_changes(tree_steps.now_ns(), by_hand=False)
    )


def test_after_a_power_cut_there_is_what_was_answered_for(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    found, states = all_wrong(run, chosen_cuts(run, soak=SOAK, every=EVERY))
    with capsys.disabled():
        print(f"\n  {len(run.log)} changes of a disk, {states} states after a power cut")
    assert not found, "\n".join(found[:20])
