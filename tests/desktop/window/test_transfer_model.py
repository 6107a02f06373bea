"""The list's model keeps Qt's rules, whatever comes, goes, moves and is filtered."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from howdah_desktop.engine.views import ReceiverView
from howdah_desktop.window.arrangement import Chip, Loaded, Order
from howdah_desktop.window.models.roles import KeyRole, LookRole
from howdah_desktop.window.models.transfers import TransferModel
from kit.window_rows import NOW, folder, news, transfer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

STATES = ("queued", "sending", "waiting", "paused", "failed", "done", "cancelled")


@pytest.fixture
def model(qtbot: QtBot) -> Iterator[TransferModel]:
    made = TransferModel(clock=lambda: NOW)
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    del tester
    made.deleteLater()


def keys(model: TransferModel) -> list[int]:
    return [model.index(row).data(KeyRole) for row in range(model.rowCount())]


class Course:
    """A random course of events."""

    def __init__(self, model: TransferModel, seed: int) -> None:
        self.model = model
        self.chance = random.Random(seed)
        self.next_id = 30

    def run(self, steps: int) -> None:
        events = [self.came, self.changed, self.went, self.chosen, self.opened, self.closed]
        for _ in range(steps):
            self.chance.choice(events)()

    def came(self) -> None:
        self.model.apply(news(transfers=(transfer(self.next_id, "queued"),)))
        self.next_id += 1

    def changed(self) -> None:
        picked = self.chance.sample(range(1, self.next_id), 5)
        states = self.chance.choices(STATES, k=5)
        rows = tuple(transfer(n, state) for n, state in zip(picked, states, strict=True))
        self.model.apply(news(transfers=rows))
        self.chance.choice([lambda: None, self.model.arrange])()

    def went(self) -> None:
        self.model.apply(news(gone=tuple(self.chance.sample(range(1, self.next_id), 3))))

    def chosen(self) -> None:
        self.model.choose_chip(self.chance.choice(list(Chip)))
        self.model.choose_order(self.chance.choice(list(Order)))
        self.model.search(self.chance.choice(["", "1", "file", "nothing"]))

    def opened(self) -> None:
        number = self.chance.randrange(1, 4)
        self.model.apply(news(roots=(folder(number, {"queued": 3}),)))
        self.model.expand(-number)
        below = [transfer(1000 * number + n, root=number) for n in range(3)]
        self.model.add_children(number, below)

    def closed(self) -> None:
        self.model.collapse(-self.chance.randrange(1, 4))


@pytest.mark.parametrize("seed", range(20))
def test_any_course_of_events_keeps_the_model_whole(model: TransferModel, seed: int) -> None:
    """QAbstractItemModelTester ends the process at the first rule that is broken."""
    course = Course(model, seed)
    model.load(Loaded.of([transfer(n, course.chance.choice(STATES)) for n in range(1, 30)], []))
    course.run(60)
    model.choose_chip(Chip.ALL)
    model.search("")
    shown = keys(model)
    assert shown == model.arrangement.keys
    assert len(shown) == len(set(shown))


def test_who_holds_a_row_keeps_it_when_rows_move(model: TransferModel) -> None:
    model.load(Loaded.of([transfer(n, "queued") for n in range(1, 5)], []))
    held = QPersistentModelIndex(model.index(3))
    assert held.data(KeyRole) == 4
    model.apply(news(transfers=(transfer(4, "sending"),)))
    model.arrange()
    assert held.row() == 0
    assert held.data(KeyRole) == 4


def test_progress_is_told_as_runs_of_neighbours(model: TransferModel, qtbot: QtBot) -> None:
    model.load(Loaded.of([transfer(n, "sending") for n in range(1, 101)], []))
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, roles: told.append((first.row(), last.row())))
    model.apply(news(transfers=tuple(transfer(n, "sending", done_bytes=5) for n in (3, 4, 5, 50))))
    assert told == [(2, 4), (49, 49)]


def test_rows_stay_while_somebody_points_at_one(model: TransferModel, qtbot: QtBot) -> None:
    model.load(Loaded.of([transfer(n, "queued") for n in range(1, 4)], []))
    model.hold()
    model.apply(news(transfers=(transfer(3, "sending"), transfer(9, "queued"))))
    assert keys(model) == [1, 2, 3]
    model.release()
    qtbot.waitUntil(lambda: keys(model) == [3, 1, 2, 9], timeout=5_000)


def test_a_receiver_that_goes_is_said_in_every_waiting_row(model: TransferModel) -> None:
    model.load(Loaded.of([transfer(1, "queued")], []))
    model.name_receiver("nas.home")
    model.apply(news(receiver=ReceiverView("offline")))
    assert model.index(0).data(LookRole).status.startswith("Waits for nas.home")
    model.apply(news(receiver=ReceiverView()))
    assert model.index(0).data(LookRole).status.startswith("Waits for its turn")


def test_a_row_is_spoken_whole(model: TransferModel) -> None:
    model.load(Loaded.of([transfer(1, "queued", name="film.mp4")], []))
    spoken = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "film.mp4, to Videos/. Waits for its turn · 10.0 MB"
    assert model.rowCount(model.index(0)) == 0
    assert model.data(QModelIndex()) is None


def test_a_countdown_goes_on_without_news(model: TransferModel) -> None:
    now = [NOW]
    counting = TransferModel(clock=lambda: now[0])
    counting.load(
        Loaded.of([transfer(1, "waiting", code="offline", sentence="Away.", next_try=NOW + 9)], [])
    )
    assert counting.index(0).data(LookRole).tag == "next try in 9 s"
    now[0] += 1
    counting.tick(0, 0)
    assert counting.index(0).data(LookRole).tag == "next try in 8 s"
