"""Which rows stand in the list, in which order, and how many each chip counts."""

from __future__ import annotations

import pytest

from howdah_desktop.window.arrangement import Arrangement, Chip, Loaded, Order
from kit.window_rows import folder, news, transfer


@pytest.fixture
def arrangement() -> Arrangement:
    """One row of each kind."""
    made = Arrangement()
    made.load(
        Loaded.of(
            [
                transfer(1, "done", finished=5.0),
                transfer(2, "queued"),
                transfer(3, "sending"),
                transfer(4, "failed", code="source_missing"),
                transfer(5, "paused", code="user"),
                transfer(6, "waiting", code="offline"),
                transfer(7, "waiting", code="storage_full"),
                transfer(8, "done", finished=9.0),
                transfer(9, "skipped", code="symlink"),
            ],
            [folder(1, {"done": 3, "sending": 1}), folder(2, {"done": 2})],
        )
    )
    made.arrange()
    return made


def shown(arrangement: Arrangement, chip: Chip) -> list[int]:
    arrangement.chip = chip
    return arrangement.arrange()


def test_what_moves_stands_first_and_what_is_done_last(arrangement: Arrangement) -> None:
    assert arrangement.keys[:8] == [-1, 3, 4, 7, 6, 2, 5, -2]
    assert arrangement.keys[-3:] == [8, 1, 9]  # of what arrived, the newest first


def test_each_chip_shows_what_it_counts(arrangement: Arrangement) -> None:
    for chip in Chip:
        assert len(shown(arrangement, chip)) == arrangement.counts[chip], chip


def test_a_full_receiver_needs_somebody_and_an_absent_one_does_not(
    arrangement: Arrangement,
) -> None:
    assert set(shown(arrangement, Chip.NEEDS_YOU)) == {4, 7}
    assert set(shown(arrangement, Chip.WAITING)) == {2, 6}


def test_a_folder_is_done_when_all_of_it_is(arrangement: Arrangement) -> None:
    assert set(shown(arrangement, Chip.DONE)) == {1, 8, -2}
    assert set(shown(arrangement, Chip.ACTIVE)) == {3, -1}


def test_a_change_of_place_is_told_and_happens_when_asked_for(arrangement: Arrangement) -> None:
    before = list(arrangement.keys)
    update = arrangement.update(news(transfers=(transfer(2, "sending"),)))
    assert update.arrange
    assert update.changed == {2}
    assert arrangement.keys == before
    assert arrangement.arrange().index(2) < before.index(2)


def test_progress_alone_moves_nothing(arrangement: Arrangement) -> None:
    update = arrangement.update(news(transfers=(transfer(3, "sending", done_bytes=5),)))
    assert not update.arrange
    assert not update.added


def test_what_is_removed_stays_readable_until_the_list_is_arranged(
    arrangement: Arrangement,
) -> None:
    assert arrangement.update(news(gone=(1,), gone_roots=(2,))).arrange
    assert arrangement.row(1) is not None
    arrangement.arrange()
    assert arrangement.row(1) is None
    assert not {1, -2} & set(arrangement.keys)
    assert arrangement.counts[Chip.DONE] == 1


def test_the_rows_of_an_expanded_folder_stand_below_it(arrangement: Arrangement) -> None:
    arrangement.expand(-1)
    arrangement.add_children(
        -1, [transfer(11, "done", root=1, finished=1.0), transfer(12, "sending", root=1)]
    )
    keys = arrangement.arrange()
    assert keys[keys.index(-1) : keys.index(-1) + 3] == [-1, 12, 11]
    assert arrangement.is_child(11)
    arrangement.collapse(-1)
    assert 11 not in arrangement.arrange()


def test_what_changed_while_a_folder_was_read_is_not_overwritten(
    arrangement: Arrangement,
) -> None:
    arrangement.expand(-1)
    arrangement.update(news(transfers=(transfer(12, "done", root=1),)))
    arrangement.add_children(-1, [transfer(12, "sending", root=1)])
    found = arrangement.row(12)
    assert found is not None
    assert getattr(found, "state", "") == "done"


def test_a_search_finds_names_and_folders_that_hold_them(arrangement: Arrangement) -> None:
    arrangement.text = "FILE-3"
    assert arrangement.arrange() == [3]
    arrangement.found = {-2: [77]}
    assert arrangement.arrange() == [3, -2]


def test_an_expanded_folder_shows_only_what_is_searched_for(arrangement: Arrangement) -> None:
    arrangement.expand(-1)
    arrangement.add_children(
        -1, [transfer(11, root=1, name="kyoto.jpg"), transfer(12, root=1, name="osaka.jpg")]
    )
    arrangement.text, arrangement.found = "kyoto", {-1: [11]}
    assert arrangement.arrange() == [-1, 11]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.NAME, [3, 1, 2]),
        (Order.SIZE, [2, 3, 1]),
        (Order.NEWEST, [3, 2, 1]),
    ],
)
def test_orders(order: Order, expected: list[int]) -> None:
    arrangement = Arrangement()
    arrangement.load(
        Loaded.of(
            [
                transfer(1, name="beta", size=1),
                transfer(2, name="Gamma", size=3),
                transfer(3, name="alpha", size=2),
            ],
            [],
        )
    )
    arrangement.order = order
    assert arrangement.arrange() == expected
