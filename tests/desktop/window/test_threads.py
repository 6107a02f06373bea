"""Between the threads: the mailbox, the desk, and the bridge that rests when nothing moves."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from PySide6.QtCore import QMimeData, QUrl

from howdah_common.problems import ProblemError
from howdah_desktop.window import dropped
from howdah_desktop.window.bridge import Bridge
from howdah_desktop.window.desk import Desk
from howdah_desktop.window.mailbox import Mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def desk(mailbox: Mailbox) -> Iterator[Desk]:
    made = Desk(mailbox)
    yield made
    made.close()


@pytest.fixture
def bridge(mailbox: Mailbox, qtbot: QtBot) -> Iterator[Bridge]:
    made = Bridge(mailbox)
    yield made
    made.close()


def test_only_the_first_letter_wakes() -> None:
    woken: list[int] = []
    mailbox = Mailbox(lambda: woken.append(1))
    mailbox.put(lambda: None)
    mailbox.put(lambda: None)
    assert len(woken) == 1
    assert len(mailbox.take()) == 2
    mailbox.put(lambda: None)
    assert len(woken) == 2


def test_answers_come_into_the_gui_thread(qtbot: QtBot, bridge: Bridge, desk: Desk) -> None:
    heard: list[tuple[int, bool]] = []
    here = threading.current_thread()
    desk.ask(lambda: 42, lambda found: heard.append((found, threading.current_thread() is here)))
    qtbot.waitUntil(lambda: heard == [(42, True)])


def test_what_cannot_be_done_is_told(qtbot: QtBot, bridge: Bridge, desk: Desk) -> None:
    heard: list[str] = []

    def refuse() -> None:
        raise ProblemError("offline")

    def fail() -> None:
        raise RuntimeError("a mistake")

    desk.ask(refuse, None, lambda problem: heard.append(problem.code))
    qtbot.waitUntil(lambda: heard == ["offline"])
    desk.ask(fail, None, lambda problem: heard.append(problem.code))
    qtbot.waitUntil(lambda: heard == ["offline", "internal"])


def test_work_that_hangs_does_not_hold_up_other_work(
    qtbot: QtBot, bridge: Bridge, desk: Desk
) -> None:
    hanging = threading.Event()
    heard: list[int] = []
    try:
        for _ in range(3):
            desk.ask(hanging.wait)
        desk.ask(lambda: 1, heard.append)
        qtbot.waitUntil(lambda: heard == [1])
    finally:
        hanging.set()


def test_the_timer_rests_when_nothing_moves(qtbot: QtBot, bridge: Bridge, mailbox: Mailbox) -> None:
    heard: list[int] = []
    before = bridge.resting
    assert before
    threading.Thread(target=lambda: mailbox.put(lambda: heard.append(1))).start()
    qtbot.waitUntil(lambda: heard == [1])
    while_it_moves = bridge.resting
    assert not while_it_moves
    qtbot.waitUntil(lambda: bridge.resting)


def test_a_closed_bridge_hears_nothing(qtbot: QtBot, mailbox: Mailbox) -> None:
    bridge = Bridge(mailbox)
    bridge.close()
    mailbox.put(lambda: pytest.fail("nobody is there"))
    qtbot.wait(1)
    assert bridge.resting


def test_dropped_paths_are_those_of_the_disk(tmp_path: Path) -> None:
    names = [b"plain.txt", b"100% #1?.txt", "Kyōto 🐘.jpg".encode(), b"not utf-8 \xff\xfe"]
    paths = [os.path.join(os.fsencode(tmp_path), name) for name in names]
    urls = [QUrl.fromEncoded(f"file://{quote(path)}".encode()) for path in paths]
    assert dropped.local_paths(urls) == paths


def test_a_folder_with_a_slash_at_its_end_is_that_folder() -> None:
    assert dropped.local_paths([QUrl("file:///home/me/Photos/")]) == [b"/home/me/Photos"]
    assert dropped.local_paths([QUrl("file:///")]) == [b"/"]


def test_what_is_not_of_this_computer_is_not_taken() -> None:
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/film.mp4")])
    assert not dropped.has_local_paths(data)
    assert dropped.local_paths(data.urls()) == []
