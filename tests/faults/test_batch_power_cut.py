"""The power goes while batches of small files come, are spread, moved, replaced, deleted and synced, and what
was answered for is there.

As in `test_tree_power_cut`. A file of a batch has its name and its bytes long before they are durable by
themselves: what the cut takes of them, the journal gives back.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kit import batch_steps
from kit.cut_course import all_wrong, chosen_cuts, record_run
from kit.diskshim import Op, can_build
from kit.sweep import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from kit.cut_course import Run

SOAK = os.environ.get("HOWDAH_SOAK") == "1"
EVERY = int(os.environ.get("HOWDAH_CUT_EVERY", "1"))

pytestmark = [
    pytest.mark.skipif(not can_build(), reason="needs Linux and gcc for the disk shim"),
    pytest.mark.timeout(7200 if SOAK else 600),
    *([pytest.mark.soak] if SOAK else []),  # the same tests, with all there is to try
]


def all_synced(data: Path) -> None:
    """Wait until the journals are gone: the syncing beside is a part of the run."""
    with closing(sqlite3.connect(f"file:{data / 'catalogue.sqlite3'}?mode=ro", uri=True)) as known:
        count = "SELECT count(*) FROM unsynced"
        wait_until(lambda: known.execute(count).fetchone() == (0,) and not _journals(data))
    assert not _journals(data)


def _journals(data: Path) -> list[str]:
    return os.listdir(data / "journal")


@pytest.fixture(scope="module")
def run() -> Run:
    return record_run(batch_steps.first_tree, batch_steps.all_changes, all_synced)


def test_after_a_power_cut_there_is_what_was_answered_for(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = chosen_cuts(run, soak=SOAK, every=EVERY)
    unlinked = [
        n + 1
        for n, record in enumerate(run.log)
        if record.op is Op.UNLINK and record.path.startswith("journal/")
    ]
    assert unlinked
    after = [cut for cut in unlinked if cut not in chosen and cut > min(chosen)]
    for cut in after:
        chosen[cut] = tuple(next(iter(chosen.values())))
    found, states = all_wrong(run, dict(sorted(chosen.items())))
    with capsys.disabled():
        print(f"\n  {len(run.log)} changes of a disk, {states} states after a power cut")
    assert not found, "\n".join(found[:20])
