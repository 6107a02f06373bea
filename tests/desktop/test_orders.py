"""Orders about transfers: pause, go on, cancel, remove, take back; and what waits for a yes."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, cast

import pytest

from howdah_common.chunks import KIB
from howdah_common.problems import ProblemError
from howdah_desktop.engine import holding
from howdah_desktop.engine.attach import attach
from howdah_desktop.engine.control import Face, RemoteEngine
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_orders import Chosen
from howdah_desktop.engine.ledger_reader import LedgerReader
from howdah_desktop.engine.link import LinkMemory
from howdah_desktop.engine.transfers import Hold, IfExists, Kind, TransferState
from howdah_desktop.engine.views import RootView, Withdrawn
from howdah_desktop.engine.walk import named_by_user, walk
from kit.engine_bench import PATIENCE_SECONDS, Bench, ended, quick_waits, row, seen, until

S = TransferState
CHUNK = 64 * KIB


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    return Bench(short_path)


@pytest.fixture(params=["here", "in another process"])
def face(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Face]:
    """An engine, spoken to directly and over its socket. Its receiver is away."""
    bench.receiver.away = True
    first = attach(bench.settings, bench.connect)
    second = attach(bench.settings, bench.connect)
    first.engine.look()
    seen(first.engine, lambda overview: overview.receiver.code == "offline")
    yield (first if request.param == "here" else second).engine
    second.close()
    first.close()


class Held:
    """A call of the receiver that waits until a test lets it go on."""

    def __init__(self, bench: Bench, call: str) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        bench.receiver.before[call] = self._hold

    def _hold(self) -> None:
        self.reached.set()
        assert self.go_on.wait(PATIENCE_SECONDS)

    def wait(self) -> None:
        assert self.reached.wait(PATIENCE_SECONDS)


def listed(bench: Bench) -> dict[str, str]:
    """What is in the list, by name: its state."""
    reader = LedgerReader(bench.home)
    try:
        rows = reader.top_level()
        for root in reader.roots():
            rows += reader.children(root.id)
        return {row.name: row.state for row in rows}
    finally:
        reader.close()


def folders(bench: Bench) -> list[RootView]:
    reader = LedgerReader(bench.home)
    try:
        return reader.roots()
    finally:
        reader.close()


def states(engine: Face, group: int | None = None) -> dict[str, int]:
    return engine.snapshot(0, group).counts


# -- pause and go on


def test_what_is_paused_stays_so_until_it_is_resumed(face: Face, bench: Bench) -> None:
    group = face.add_sends([bench.file("a"), bench.file("b")])
    first, _ = face.snapshot(0, group).transfers
    assert face.pause([first.id]) == 1
    assert face.pause([first.id]) == 0
    assert states(face) == {"paused": 1, "queued": 1}
    paused = face.snapshot(0, group).transfers[0]
    assert (paused.state, paused.code, paused.sentence) == ("paused", "user", "Paused by you.")
    bench.receiver.away = False
    face.look()
    until(face, group, lambda s: s.counts == {"paused": 1, "done": 1})
    assert face.resume([first.id]) == 1
    assert until(face, group, ended).counts == {"done": 2}


def test_everything_can_be_paused_and_resumed_at_once(face: Face, bench: Bench) -> None:
    group = face.add_sends([bench.file(f"{n}") for n in range(5)])
    assert face.pause() == 5
    assert face.resume() == 5
    bench.receiver.away = False
    face.look()
    assert until(face, group, ended).counts == {"done": 5}


def test_a_folder_is_paused_with_all_that_is_in_it(face: Face, bench: Bench) -> None:
    group = face.add_sends([bench.folder("folder", 3), bench.file("single")])
    until(face, group, lambda s: not s.listing)
    [root] = folders(bench)
    assert face.pause(roots=[root.id]) == 3
    assert folders(bench)[0].files == {"paused": 3}
    assert states(face, group) == {"paused": 3, "queued": 1}
    assert face.resume(roots=[root.id]) == 3
    assert face.cancel(roots=[root.id]) == 3
    assert states(face, group) == {"cancelled": 3, "queued": 1}


def test_what_is_paused_outlives_a_restart(bench: Bench) -> None:
    bench.receiver.away = True
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a"), bench.file("b")])
        engine.pause([engine.snapshot(0, group).transfers[0].id])
    bench.receiver.away = False
    with bench.engine() as engine:
        until(engine, group, lambda s: s.counts == {"paused": 1, "done": 1})
        engine.resume()
        assert until(engine, group, ended).counts == {"done": 2}


def of_many_chunks(bench: Bench) -> bytes:
    """A file that is sent in many requests."""
    ledger = Ledger(bench.home)
    ledger.remember_link(LinkMemory(carried_bytes=1, good=False))
    ledger.close()
    return bench.file("film", os.urandom(9 * 1024 * KIB))


def test_pausing_what_is_being_sent_keeps_what_arrived_and_sends_only_the_rest(
    bench: Bench,
) -> None:
    path = of_many_chunks(bench)
    size = 9 * 1024 * KIB
    first = Held(bench, "send_chunks")
    with bench.engine() as engine:
        group = engine.add_sends([path])
        first.wait()
        second = Held(bench, "send_chunks")
        first.go_on.set()
        second.wait()
        engine.pause()
        assert states(engine) == {"paused": 1}, "at once, whatever its thread still does"
        second.go_on.set()
        until(engine, group, lambda s: not engine._runs.running)
        received = bench.receiver.chunk_bytes_received
        assert 0 < received < size
        assert 0 < row(engine.snapshot(0, group)).done_bytes <= received
        engine.resume()
        assert until(engine, group, ended).counts == {"done": 1}
    assert bench.receiver.chunk_bytes_received == size
    assert bench.receiver.calls.count("upload_manifest") == 0, "what was hashed is still known"
    assert bench.receiver.cancelled == []


def test_a_pause_outlives_a_kill_that_comes_before_the_thread_has_ended(bench: Bench) -> None:
    held = Held(bench, "send_chunks")
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        held.wait()
        engine.pause()
        ledger = Ledger(bench.home, read_only=True)
        assert [row.state for row in ledger.everything()] == [S.PAUSED]
        ledger.close()
        held.go_on.set()
    with bench.engine() as engine:
        assert states(engine, group) == {"paused": 1}


def test_what_is_resumed_before_its_thread_has_ended_goes_on(bench: Bench) -> None:
    held = Held(bench, "send_chunks")
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        held.wait()
        assert engine.pause() == 1
        assert engine.resume() == 1
        held.go_on.set()
        assert until(engine, group, ended).counts == {"done": 1}


def test_what_arrives_although_it_was_paused_has_arrived(bench: Bench) -> None:
    held = Held(bench, "complete")
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        held.wait()
        engine.pause()
        held.go_on.set()
        assert until(engine, group, ended).counts == {"done": 1}


def test_the_same_order_again_lets_what_was_paused_go_on(bench: Bench) -> None:
    bench.receiver.away = True
    path = bench.file("a")
    with bench.engine() as engine:
        engine.add_sends([path])
        engine.pause()
        group = engine.add_sends([path])
        assert states(engine) == {"queued": 1}
        bench.receiver.away = False
        engine.look()
        assert until(engine, group, ended).counts == {"done": 1}


def test_what_waits_is_tried_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("howdah_desktop.engine.backoff.DELAYS_SECONDS", (3600.0,) * 10)
    bench.receiver.fail("complete", ProblemError("unavailable"))
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        until(engine, group, lambda s: s.counts == {"waiting": 1})
        assert engine.resume([row(engine.snapshot(0, group)).id]) == 1
        assert until(engine, group, ended).counts == {"done": 1}


def test_what_is_found_in_a_folder_that_is_paused_comes_in_paused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.folder("folder", 6)
    monkeypatch.setattr("howdah_desktop.engine.listing.BATCH", 2)
    with paused_walk(monkeypatch, after=2) as listing, bench.engine() as engine:
        group = engine.add_sends([os.fsencode(bench.files / "folder")])
        listing.wait()
        engine.pause()
        listing.go_on.set()
        until(engine, group, lambda s: not s.listing)
        counts = states(engine, group)
        assert counts.pop("done", 0) + counts.pop("paused") == 6
        assert not counts
        engine.resume()
        assert until(engine, group, ended).counts == {"done": 6}


@contextmanager
def paused_walk(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[Held]:
    """A listing that stops after so many rows until the test lets it go on."""
    held = Held.__new__(Held)
    held.reached, held.go_on = threading.Event(), threading.Event()

    def walk_and_wait(
        root: bytes, remote: str, own: bytes, check: Callable[[], None]
    ) -> Iterator[NewTransfer]:
        for count, found in enumerate(walk(root, remote, own, check)):
            if count == after:
                held.reached.set()
                assert held.go_on.wait(PATIENCE_SECONDS)
            yield found

    monkeypatch.setattr("howdah_desktop.engine.listing.walk", walk_and_wait)
    yield held


# -- cancel, remove, take back


def test_cancelling_a_folder_ends_its_listing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.receiver.away = True
    bench.folder("folder", 6)
    monkeypatch.setattr("howdah_desktop.engine.listing.BATCH", 2)
    with paused_walk(monkeypatch, after=4) as listing, bench.engine() as engine:
        group = engine.add_sends([os.fsencode(bench.files / "folder")])
        listing.wait()
        [root] = folders(bench)
        engine.cancel(roots=[root.id])
        listing.go_on.set()
        assert until(engine, group, ended).counts == {"cancelled": 4}


def test_an_order_given_while_the_same_is_being_cancelled_is_not_cancelled_with_it(
    bench: Bench,
) -> None:
    path, held = bench.file("a"), Held(bench, "send_chunks")
    with bench.engine() as engine:
        engine.add_sends([path])
        held.wait()
        engine.cancel()
        group = engine.add_sends([path])
        held.go_on.set()
        assert until(engine, group, ended).counts == {"done": 1}


def test_what_has_ended_can_be_removed_and_the_history_stays(face: Face, bench: Bench) -> None:
    group = face.add_sends([bench.file("a"), bench.file("b"), b"/nowhere"])
    a, b, nowhere = (row.id for row in face.snapshot(0, group).transfers)
    face.cancel([a])
    assert face.remove() == 1
    assert listed(bench) == {"b": "queued", "nowhere": "failed"}
    assert face.remove([b]) == 0, "it is not at an end"
    assert face.remove([nowhere]) == 1, "one that failed is removed if it is meant"
    assert listed(bench) == {"b": "queued"}
    assert states(face, group) == {"cancelled": 2, "queued": 1}


def test_taking_an_order_back_cancels_what_it_added_and_says_what_had_arrived(
    face: Face, bench: Bench
) -> None:
    old = face.add_sends([bench.file("old")])
    face.add_sends([bench.file("other")])
    bench.folder("folder", 2)
    paths = [os.fsencode(bench.files / name) for name in ("old", "folder")]
    group = face.add_sends([*paths, bench.file("a"), b"/nowhere"])
    until(face, group, lambda s: not s.listing)
    assert states(face, group) == {"queued": 4, "failed": 1}, "the old one came over"
    assert face.withdraw(group) == Withdrawn(cancelled=4, arrived=0)
    assert listed(bench) == {"old": "queued", "other": "queued"}
    assert folders(bench) == []
    assert face.withdraw(old) == Withdrawn(0, 0)
    assert face.withdraw(12345) == Withdrawn(0, 0)


def test_what_had_arrived_stays_when_an_order_is_taken_back(bench: Bench) -> None:
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a"), b"/nowhere"])
        until(engine, group, ended)
        assert engine.withdraw(group) == Withdrawn(cancelled=1, arrived=1)
    assert listed(bench) == {"a": "done"}


def test_what_arrives_although_it_was_taken_back_is_shown(bench: Bench) -> None:
    held = Held(bench, "complete")
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        held.wait()
        before = engine.overview().change
        assert engine.withdraw(group) == Withdrawn(1, 0)
        assert listed(bench) == {}
        assert len(engine.overview(before).gone) == 1
        held.go_on.set()
        until(engine, group, ended)
        assert engine.overview(before).gone == ()
    assert listed(bench) == {"a": "done"}


def test_what_was_taken_back_is_not_sent_by_the_next_engine(bench: Bench) -> None:
    bench.receiver.away = True
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
    ledger = Ledger(bench.home)
    ledger.hide(Chosen(), frozenset(S))  # as a kill leaves it, before its thread has ended
    ledger.close()
    bench.receiver.away = False
    with bench.engine() as engine:
        assert until(engine, group, ended).counts == {"cancelled": 1}


def test_a_folder_that_could_not_be_listed_is_listed_again(bench: Bench) -> None:
    bench.folder("folder", 2)
    folder = bench.files / "folder"
    elsewhere = folder.rename(bench.files / "elsewhere")
    folder.write_bytes(b"")
    with bench.engine() as engine:
        ledger_group = engine.add_sends([os.fsencode(folder)])
        until(engine, ledger_group, ended)
    folder.unlink()
    with bench.engine() as engine:
        group = engine.add_sends([os.fsencode(folder)])
        assert row(until(engine, group, ended)).code == "source_missing"
        elsewhere.rename(folder)
        assert engine.resume() == 1
        until(engine, group, lambda s: s.counts.get("done") == 2)
    assert listed(bench) == {"0": "done", "1": "done", "folder": "done"}
    assert set(bench.receiver.contents) == {"folder", "folder/0", "folder/1"}


def test_a_folder_that_cannot_be_read_stands_for_itself_and_fails_as_often_as_it_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.folder("folder", 2)
    with bench.engine() as engine:
        with monkeypatch.context() as patched:
            patched.setattr(os, "scandir", unreadable)
            group = engine.add_sends([folder])
            first = row(until(engine, group, ended))
            assert (first.code, first.root) == ("source_unreadable", None)
            assert engine.resume([first.id]) == 1
            again = until(engine, group, lambda s: s.counts.get("failed", 0) == 1 and ended(s))
            assert again.counts == {"cancelled": 1, "failed": 1}
            assert engine._ledger.root_views() == []
        assert engine.resume() == 1
        until(engine, group, lambda s: s.counts.get("done") == 2)
        [root] = engine._ledger.root_views()
        assert root.files == {"done": 2}


def unreadable(path: object) -> NoReturn:
    raise PermissionError(errno.EACCES, "no")


def test_what_is_not_there_to_be_fetched_is_no_folder(bench: Bench) -> None:
    with bench.engine() as engine:
        group = engine.add_fetches(["missing"], os.fsencode(bench.files))
        first = row(until(engine, group, ended))
        assert (first.code, first.root) == ("file_not_found", None)
        assert engine._ledger.root_views() == []
        assert engine.resume([first.id]) == 1
        again = until(engine, group, lambda s: s.counts.get("failed", 0) == 1 and ended(s))
        assert [t.state for t in again.transfers] == ["cancelled", "failed"]
        assert engine.overview().counts == {"failed": 1}


# -- what waits for a yes


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than three files are more than anyone gives by accident."""
    monkeypatch.setattr(holding, "MOST_FILES", 3)


@pytest.mark.usefixtures("little")
def test_what_is_little_enough_goes_by_itself_once_it_is_counted(bench: Bench) -> None:
    with bench.engine() as engine:
        group = engine.add_sends([bench.folder("f", 2), bench.file("a")], ask_beyond=True)
        assert until(engine, group, ended).counts == {"done": 3}
        assert engine.overview().asks == ()


@pytest.mark.usefixtures("little")
def test_what_is_more_waits_for_a_yes_and_counts_on(
    face: Face, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.folder("f", 8)
    monkeypatch.setattr("howdah_desktop.engine.listing.BATCH", 2)
    with paused_walk(monkeypatch, after=2) as listing:
        group = face.add_sends([os.fsencode(bench.files / "f")], ask_beyond=True)
        listing.wait()
        [counted] = {row.sentence for row in face.snapshot(0, group).transfers}
        assert counted == "Being counted."
        assert face.overview().asks == ()
        listing.go_on.set()
        until(face, group, lambda s: s.counts == {"paused": 8} and not s.listing)
    [ask] = face.overview().asks
    assert (ask.group, ask.files, ask.bytes, ask.counting) == (group, 8, 8, False)
    assert [root.asks for root in folders(bench)] == [True]
    assert face.snapshot(0, group).transfers[0].sentence.startswith("Waits for your yes")
    assert face.release(group) == 8
    assert face.overview().asks == ()
    assert states(face) == {"queued": 8}


@pytest.mark.usefixtures("little")
def test_what_waits_for_a_yes_does_so_after_a_restart(bench: Bench) -> None:
    with bench.engine() as engine:
        group = engine.add_sends([bench.folder("f", 5)], ask_beyond=True)
        until(engine, group, lambda s: not s.listing)
    with bench.engine() as engine:
        [ask] = seen(engine, lambda o: bool(o.asks)).asks
        assert (ask.files, ask.counting) == (5, False)
        assert states(engine) == {"paused": 5}
        assert engine.withdraw(group) == Withdrawn(5, 0)
        assert engine.overview().asks == ()
    assert bench.receiver.contents == {}


def test_a_group_that_was_just_being_counted_goes_on_in_the_next_engine(bench: Bench) -> None:
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        until(engine, group, ended)
    ledger = Ledger(bench.home)
    counting = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False, held=Hold.COUNTS)
    ledger.add(counting, [NewTransfer(Kind.UPLOAD, bench.file("b"), "b", size=7)])
    ledger.close()
    with bench.engine() as engine:
        assert until(engine, counting.id, ended).counts == {"done": 1}


@pytest.mark.usefixtures("little")
def test_pausing_everything_is_no_yes_and_going_on_with_everything_is(bench: Bench) -> None:
    bench.receiver.away = True
    with bench.engine() as engine:
        group = engine.add_sends([bench.folder("f", 5)], ask_beyond=True)
        until(engine, group, lambda s: s.counts == {"paused": 5} and not s.listing)
        engine.pause()
        assert engine.overview().asks == ()
        assert {row.code for row in engine.snapshot(0, group).transfers} == {"user"}
        again = engine.add_sends([bench.folder("g", 5)], ask_beyond=True)
        until(engine, again, lambda s: s.counts == {"paused": 5} and not s.listing)
        assert len(engine.overview().asks) == 1
        assert engine.resume() == 10
        assert engine.overview().asks == ()
        assert states(engine) == {"queued": 10}


@pytest.mark.usefixtures("little")
def test_the_same_folder_again_takes_over_what_waits_and_is_asked_about_once(bench: Bench) -> None:
    folder = bench.folder("f", 5)
    with bench.engine(away=True) as engine:
        for _ in range(2):
            engine.add_sends([folder], ask_beyond=True)
            until(engine, None, lambda s: s.counts == {"paused": 5} and not s.listing)
        [ask] = engine.overview().asks
        assert ask.files == 5
        assert [root.id for root in folders(bench)] == [2]
        engine.add_sends([folder])
        until(engine, None, lambda s: s.counts == {"queued": 5} and not s.listing)
        assert engine.overview().asks == ()


@pytest.mark.usefixtures("little")
def test_single_files_are_counted_too(bench: Bench) -> None:
    bench.receiver.away = True
    with bench.engine() as engine:
        paths = [bench.file(f"{n}") for n in range(4)]
        group = engine.add_sends(paths[:3], ask_beyond=True)
        assert states(engine, group) == {"queued": 3}
        asked = engine.add_sends([bench.file(f"x{n}") for n in range(4)], ask_beyond=True)
        assert states(engine, asked) == {"paused": 4}
        assert engine.cancel() == 7
        assert engine.overview().asks == ()


# -- many, and from elsewhere


def test_orders_about_twenty_thousand_files_are_quick(bench: Bench) -> None:
    ledger = Ledger(bench.home)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    ledger.add(group, [NewTransfer(Kind.UPLOAD, b"/%d" % n, f"{n}", size=9) for n in range(20_000)])
    ledger.close()
    with bench.engine(away=True) as engine:
        since = engine.overview().change
        began = time.process_time()
        assert engine.pause() == 20_000
        assert engine.overview(since).reload, "nobody is told of each"
        assert states(engine) == {"paused": 20_000}
        assert engine.resume() == 20_000
        assert engine.cancel() == 20_000
        assert engine.remove() == 20_000
        # About 0.3 s; a thread, a request or a commit for each would take many times that.
        assert time.process_time() - began < 5
        assert engine.overview().counts == {}
    assert "cancel" not in bench.receiver.calls


def test_an_order_is_not_held_up_by_one_that_waits(bench: Bench) -> None:
    first = attach(bench.settings, bench.connect)
    remote = RemoteEngine(bench.home)
    answers: list[int] = []
    try:
        group = first.engine.add_sends([bench.file("a")])
        until(first.engine, group, ended)
        since = seen(remote, lambda o: o.receiver.heard is not None).change
        waiting = threading.Thread(
            target=lambda: answers.append(remote.overview(since, (), 15.0).calls)
        )
        waiting.start()
        assert remote.pause() == 0
        remote.call_window(group)
        waiting.join(PATIENCE_SECONDS)
        assert answers
        assert remote.overview().called_group == group
    finally:
        remote.close()
        first.close()


def test_a_disk_that_hangs_holds_up_no_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hang(path: bytes, folder: str) -> object:
        if path == b"/hangs":
            reached.set()
            assert go_on.wait(PATIENCE_SECONDS)
        return named_by_user(path, folder)

    monkeypatch.setattr("howdah_desktop.engine.transfer_face.named_by_user", hang)
    bench.receiver.away = True
    with bench.engine() as engine:
        hanging = threading.Thread(target=lambda: engine.add_sends([b"/hangs"]))
        hanging.start()
        assert reached.wait(PATIENCE_SECONDS)
        group = engine.add_sends([bench.file("a")])
        assert engine.pause() == 1
        go_on.set()
        hanging.join(PATIENCE_SECONDS)
        assert states(engine, group) == {"paused": 1}


def test_an_engine_that_ends_ends_those_who_ask_it(bench: Bench) -> None:
    first = attach(bench.settings, bench.connect)
    remote = cast("RemoteEngine", attach(bench.settings, bench.connect).engine)
    first.close()
    with pytest.raises(ProblemError) as caught:
        remote.pause()
    assert caught.value.code == "engine_unreachable"
    remote.close()
    with pytest.raises(ProblemError):
        remote.pause()
