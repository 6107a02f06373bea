"""What a window hears of: what changed and nothing else, in figures that are right."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from howdah_common.chunks import KIB
from howdah_common.digests import BLAKE3, digest
from howdah_desktop.engine import presence
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_orders import MOST_TOLD
from howdah_desktop.engine.news import News
from howdah_desktop.engine.transfers import IfExists, Kind
from howdah_desktop.engine.views import Overview
from howdah_desktop.remote.paired import PairedReceiver
from howdah_desktop.remote.receiver import Receiver
from kit.engine_bench import PATIENCE_SECONDS, Bench, ended, lose, quick_waits, row, seen, until
from kit.scripted_receiver import ScriptedReceiver

CHUNK = 256 * KIB
"""What such files are cut into while nothing is known of the line."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)
    # Nothing is news by itself.
    monkeypatch.setattr(presence, "SILENCE_SECONDS", 3600.0)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    return Bench(short_path)


@pytest.fixture
def engine(bench: Bench) -> Iterator[Engine]:
    """An engine whose receiver was heard of, and that has nothing to do."""
    with bench.engine() as engine:
        seen(engine, lambda overview: overview.receiver.checked)
        yield engine


def unreachable(engine: Engine) -> None:
    """What is added from now on is queued, and stays so without being news."""
    engine._control.ask(lambda: lose(engine))


# -- what changed


def test_who_knows_nothing_is_told_to_read_the_ledger(engine: Engine) -> None:
    first = engine.overview()
    assert first.reload
    again = engine.overview(first.change)
    assert not again.reload
    assert (again.transfers, again.roots, again.gone, again.gone_roots) == ((), (), (), ())


def test_a_change_number_of_another_engine_is_known_as_such(bench: Bench) -> None:
    with bench.engine() as engine:
        until(engine, engine.add_sends([bench.file("a")]), ended)
        old = engine.overview().change
    with bench.engine() as engine:
        assert engine.overview(old).reload
        assert engine.overview(engine.overview().change + 1_000_000).reload


def test_only_what_changed_is_told_and_files_of_folders_where_they_are_open(
    bench: Bench, engine: Engine
) -> None:
    unreachable(engine)
    first = engine.overview().change
    group = engine.add_sends([bench.folder("folder", 3), bench.file("single")])
    until(engine, group, lambda s: not s.listing)
    told = engine.overview(first)
    assert [row.name for row in told.transfers] == ["single"]
    [root] = told.roots
    assert (root.name, root.files, root.listing) == ("folder", {"queued": 3}, False)
    assert len(engine.overview(first, [root.id]).transfers) == 4
    assert engine.overview(told.change).roots == ()
    one = next(row for row in engine.overview(first, [root.id]).transfers if row.root)
    engine.pause([one.id])
    now = engine.overview(told.change)
    assert [root.files for root in now.roots] == [{"paused": 1, "queued": 2}]
    assert now.transfers == (), "it is in a folder that is not open"


def test_what_was_removed_is_gone_and_a_folder_with_its_last_file(
    bench: Bench, engine: Engine
) -> None:
    group = engine.add_sends([bench.folder("folder", 2), bench.file("single")])
    until(engine, group, ended)
    [root] = engine._ledger.root_views()
    before = engine.overview().change
    ids = [row.id for row in engine.snapshot(0, group).transfers]
    engine.remove(ids[:1])
    single = engine.overview(before)
    assert (single.gone, single.gone_roots) == ((ids[0],), ())
    engine.remove(roots=[root.id])
    folder = engine.overview(single.change)
    assert (sorted(folder.gone), folder.gone_roots, folder.roots) == (ids[1:], (root.id,), ())
    assert folder.counts == {}


def test_what_is_taken_over_from_a_folder_changes_that_folder(bench: Bench, engine: Engine) -> None:
    unreachable(engine)
    engine.add_sends([bench.folder("folder", 1)])
    until(engine, None, lambda s: not s.listing)
    [root] = engine._ledger.root_views()
    before = engine.overview().change
    engine.add_sends([bench.file("folder/0")], to="folder")
    told = engine.overview(before)
    assert [row.name for row in told.transfers] == ["0"]
    assert told.gone_roots == (root.id,)


def test_one_that_failed_goes_when_its_order_is_given_again(bench: Bench, engine: Engine) -> None:
    first = row(until(engine, engine.add_sends([b"/nowhere"]), ended))
    before = engine.overview().change
    engine.add_sends([b"/nowhere"])
    assert engine.overview(before).gone == (first.id,)


def test_more_than_anyone_wants_to_hear_of_is_a_reload(bench: Bench) -> None:
    ledger = Ledger(bench.home)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    ledger.add(group, [NewTransfer(Kind.UPLOAD, b"/%d" % n, f"{n}") for n in range(MOST_TOLD + 1)])
    ledger.close()
    with bench.engine(away=True) as engine:
        before = engine.overview().change
        engine.pause()
        told = engine.overview(before)
        assert told.reload
        assert told.transfers == ()
        assert told.counts == {"paused": MOST_TOLD + 1}
        assert not engine.overview(told.change).reload


def test_changes_that_are_long_past_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("howdah_desktop.engine.news.MOST_REMEMBERED", 3)
    news = News()
    changes = []
    for number in range(5):
        changes.append(news.change)
        news.rows([(number, 0)])
    assert [news.knows(change) for change in changes] == [False, False, True, True, True]
    assert news.rows_since(changes[2]) == [(4, 0), (3, 0), (2, 0)]


def test_an_overview_of_nothing_new_asks_the_ledger_nothing(engine: Engine) -> None:
    change = engine.overview().change
    statements: list[str] = []

    def look() -> None:
        engine._ledger._db.set_trace_callback(statements.append)
        engine._overviews.overview(change, ())
        engine._ledger._db.set_trace_callback(None)

    engine._control.ask(look)
    assert statements == []


# -- figures


def test_the_figures_count_what_is_in_the_list(bench: Bench, engine: Engine) -> None:
    done = engine.add_sends([bench.file("done", b"123")])
    until(engine, done, ended)
    unreachable(engine)
    engine.add_sends([bench.file("a", b"12"), bench.file("b", b"1")])
    paused = engine.add_sends([bench.file("c", b"1234")])
    engine.pause([row(engine.snapshot(0, paused)).id])
    told = engine.overview()
    assert told.counts == {"done": 1, "queued": 2, "paused": 1}
    assert (told.left_files, told.left_bytes) == (3, 7)
    assert (told.up_bytes_per_second, told.down_bytes_per_second) == (None, None)
    assert told.seconds_left is None, "nothing moves"


def test_what_is_at_work_is_told_as_it_is_now(bench: Bench, engine: Engine) -> None:
    hold = Hold(bench)
    bench.file("folder/film", os.urandom(4 * CHUNK))
    before = engine.overview().change
    group = engine.add_sends([os.fsencode(bench.files / "folder")])
    hold.wait()
    until(engine, group, lambda s: s.transfers[0].done_bytes > 0)
    told = engine.overview(before)
    [root] = told.roots
    assert root.done_bytes > 0, "the ledger does not have it yet"
    assert root.left_bytes == root.size - root.done_bytes == told.left_bytes
    [film] = engine.overview(before, [root.id]).transfers
    assert film.done_bytes == root.done_bytes
    assert engine.overview(0).roots[0].done_bytes == root.done_bytes, "also after a reload"
    hold.go_on.set()
    until(engine, group, ended)
    assert engine._runs.traffic.up >= 4 * CHUNK


class Hold:
    """The second request with chunks waits until the test lets it go on."""

    def __init__(self, bench: Bench, first: int = 2) -> None:
        self._bench, self._left = bench, first
        self.reached, self.go_on = threading.Event(), threading.Event()
        bench.receiver.before["send_chunks"] = self._hold

    def _hold(self) -> None:
        self._left -= 1
        if self._left:
            self._bench.receiver.before["send_chunks"] = self._hold
            return
        self.reached.set()
        assert self.go_on.wait(PATIENCE_SECONDS)

    def wait(self) -> None:
        assert self.reached.wait(PATIENCE_SECONDS)


def test_the_map_of_chunks_says_which_arrived_which_are_under_way_and_which_were_there(
    bench: Bench, engine: Engine
) -> None:
    content = os.urandom(8 * CHUNK)
    for number in (6, 7):
        piece = content[number * CHUNK : (number + 1) * CHUNK]
        bench.receiver.known[digest(BLAKE3, piece)] = piece
    hold = Hold(bench)
    before = engine.overview().change
    group = engine.add_sends([bench.file("film", content)])
    hold.wait()
    [found] = seen_since(engine, before).chunks
    assert (found.chunk_bytes, found.total_chunks) == (CHUNK, 8)
    assert found.known == ((6, 7),)
    # A first request of 1 MiB finds out about the line; the second has taken what is left of that.
    assert found.received == ((0, 2), (6, 7))
    assert found.in_flight == (), "it was taken, but nothing of it has left"
    assert engine.chunks(found.id) == found
    engine.pause()
    hold.go_on.set()
    until(engine, group, lambda s: not engine._runs.running)
    paused = engine.chunks(found.id)
    assert paused is not None
    assert paused.in_flight == ()
    assert engine.overview(0).chunks == (paused,), "known also to who just came"
    engine.resume()
    until(engine, group, ended)
    assert engine.chunks(found.id) is None


def seen_since(engine: Engine, change: int) -> Overview:
    engine.snapshot(change, None, PATIENCE_SECONDS)
    told = engine.overview(change)
    return told if told.chunks else seen_since(engine, told.change)


# -- waiting, and being called


def test_an_overview_waits_for_news_and_a_nudge_ends_that(engine: Engine) -> None:
    change = engine.overview().change
    told: list[Overview] = []
    waiting = threading.Thread(
        target=lambda: told.append(engine.overview(change, (), PATIENCE_SECONDS * 10))
    )
    waiting.start()
    engine.nudge()
    waiting.join(PATIENCE_SECONDS)
    assert not told[0].reload
    engine.nudge()
    engine.overview(change, (), PATIENCE_SECONDS * 10)  # one that came too early counts as well


def test_a_window_that_is_called_hears_of_it(engine: Engine) -> None:
    before = engine.overview()
    engine.call_window(7)
    told = engine.overview(before.change, (), PATIENCE_SECONDS * 10)
    assert (told.calls, told.called_group) == (before.calls + 1, 7)


# -- the receiver


def test_a_receiver_that_answers_was_heard(bench: Bench) -> None:
    with bench.engine() as engine:
        told = seen(engine, lambda overview: overview.receiver.checked)
    assert told.receiver.code is None
    assert told.receiver.heard is not None


def test_nobody_asks_a_silent_receiver_while_no_window_follows(bench: Bench) -> None:
    with bench.engine() as engine:
        engine.snapshot()
        assert bench.receiver.calls == []
        assert not engine._control.ask(engine._presence.view).checked


def test_a_receiver_that_goes_away_while_nothing_is_sent_is_missed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "SILENCE_SECONDS", 0.02)
    with bench.engine() as engine:
        seen(engine, lambda overview: overview.receiver.heard is not None)
        bench.receiver.away = True
        told = seen(engine, lambda overview: overview.receiver.code == "offline")
        assert told.receiver.checked
        bench.receiver.away = False
        seen(engine, lambda overview: overview.receiver.code is None)


def test_what_a_transfer_hears_spares_the_question(bench: Bench) -> None:
    with bench.engine() as engine:
        until(engine, engine.add_sends([bench.file("a")]), ended)
        assert engine.overview().receiver.heard is not None
        assert "list" not in bench.receiver.calls


class Pairings:
    """What `connect` gives: the receiver of the pairing that is kept at that moment."""

    def __init__(self) -> None:
        self.paired = "first"
        self.closed: list[str] = []

    def connect(self) -> Receiver:
        receiver = ScriptedReceiver()
        name = self.paired
        receiver.paired = PairedReceiver(name, None, "", "", "", "", "")  # type: ignore[attr-defined]
        receiver.close = lambda: self.closed.append(name)  # type: ignore[method-assign]
        receiver.before["list"] = lambda: self.asked.append(name)
        return cast("Receiver", receiver)

    @property
    def asked(self) -> list[str]:
        return self.__dict__.setdefault("_asked", [])  # type: ignore[no-any-return]


def test_a_look_asks_the_receiver_that_is_paired_now(bench: Bench) -> None:
    pairings = Pairings()
    bench.connect = pairings.connect  # type: ignore[method-assign]
    with bench.engine() as engine:
        seen(engine, lambda overview: overview.receiver.heard is not None)
        pairings.paired = "second"
        heard = engine.overview().receiver.heard
        engine.look()
        seen(engine, lambda overview: overview.receiver.heard != heard)
        assert pairings.asked == ["first", "second"]
        assert pairings.closed == ["first"]
        heard = engine.overview().receiver.heard
        engine.look()
        seen(engine, lambda overview: overview.receiver.heard != heard)
        assert engine._presence.current().paired.address == "second"
