"""Pauses with an end: what goes on by itself at its moment, over restarts, and what is left alone."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_orders import Chosen
from howdah_desktop.engine.transfers import Hold, IfExists, Kind
from howdah_desktop.engine.views import TransferView
from howdah_desktop.window.sentences import Circumstances, transfer_look
from kit.client import Client
from kit.engine_bench import PATIENCE_SECONDS, Bench, ended, quick_waits, until

HOUR = 3600.0


class FakeClock:
    """Seconds since 1970, as a test likes them."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    return Bench(short_path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def named(engine: Engine, group: int) -> dict[str, TransferView]:
    return {row.name: row for row in engine.snapshot(0, group).transfers}


def test_what_is_paused_for_an_hour_goes_on_then(bench: Bench, clock: FakeClock) -> None:
    with bench.engine(away=True, clock=clock) as engine:
        group = engine.add_sends([bench.file("a"), bench.file("b")])
        assert engine.pause([named(engine, group)["a"].id], until=clock() + HOUR) == 1
        row = named(engine, group)["a"]
        assert (row.state, row.code, row.next_try) == ("paused", "user", clock() + HOUR)
        assert row.sentence == "Paused by you for a time; it goes on by itself."
        assert row.remedy == "`howdah resume` goes on at once."
        clock.now += HOUR - 1
        assert engine.snapshot(0, group).counts == {"paused": 1, "queued": 1}
        clock.now += 1
        until(engine, group, lambda s: s.counts == {"queued": 2})
        assert named(engine, group)["a"].next_try is None


def test_the_end_of_a_pause_outlives_a_restart_and_may_come_while_nothing_runs(
    bench: Bench, clock: FakeClock
) -> None:
    with bench.engine(away=True, clock=clock) as engine:
        group = engine.add_sends([bench.file(name) for name in "abc"])
        rows = named(engine, group)
        engine.pause([rows["a"].id], until=clock() + HOUR)
        engine.pause([rows["b"].id], until=clock() + 2 * HOUR)
        engine.pause([rows["c"].id])
    clock.now += 1.5 * HOUR
    with bench.engine(clock=clock) as engine:
        until(engine, group, lambda s: s.counts == {"done": 1, "paused": 2})
        assert named(engine, group)["a"].state == "done"
        clock.now += 1.5 * HOUR
        until(engine, group, lambda s: s.counts == {"done": 2, "paused": 1})
        assert named(engine, group)["c"].next_try is None, "it waits until somebody says so"


def test_the_last_word_about_the_end_counts(bench: Bench, clock: FakeClock) -> None:
    with bench.engine(away=True, clock=clock) as engine:
        group = engine.add_sends([bench.file("a")])
        id_ = named(engine, group)["a"].id
        assert engine.pause([id_], until=clock() + HOUR) == 1
        assert engine.pause([id_], until=clock() + HOUR) == 0
        assert engine.pause([id_], until=clock() + 2 * HOUR) == 1
        clock.now += HOUR
        assert engine.snapshot(0, group).counts == {"paused": 1}
        assert engine.pause([id_]) == 1, "until somebody says so"
        clock.now += 10 * HOUR
        assert engine.snapshot(0, group).counts == {"paused": 1}
        assert engine.resume([id_]) == 1
        assert engine.pause([id_], until=clock() + HOUR) == 1
        assert engine.cancel([id_]) == 1
        assert named(engine, group)["a"].next_try is None


def test_a_pause_of_everything_with_an_end_leaves_what_was_paused_before(
    bench: Bench, clock: FakeClock
) -> None:
    with bench.engine(away=True, clock=clock) as engine:
        group = engine.add_sends([bench.file(name) for name in "abc"])
        engine.pause([named(engine, group)["a"].id])
        assert engine.pause(until=clock() + HOUR) == 2
        clock.now += HOUR
        until(engine, group, lambda s: s.counts == {"paused": 1, "queued": 2})
        assert named(engine, group)["a"].state == "paused"


def test_a_pause_with_an_end_is_no_yes_to_what_waits_for_one(short_path: Path) -> None:
    ledger = Ledger(short_path)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False, held=Hold.ASKS)
    ledger.add(group, [NewTransfer(Kind.UPLOAD, b"/a", "a", size=1)])
    assert ledger.pause(Chosen(), until=5.0).count == 0
    assert ledger.next_to_go_on() is None
    assert ledger.pause(Chosen()).count == 1
    ledger.close()


def test_one_that_is_being_sent_stops_and_goes_on_at_its_moment(
    bench: Bench, clock: FakeClock
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)

    bench.receiver.before["send_chunks"] = hold
    with bench.engine(clock=clock) as engine:
        group = engine.add_sends([bench.file("a")])
        assert reached.wait(PATIENCE_SECONDS)
        engine.pause(until=clock() + HOUR)
        stored = bench_row(bench)
        assert stored == ("paused", clock() + HOUR), "so it stands in the ledger at once"
        go_on.set()
        until(engine, group, lambda s: s.counts == {"paused": 1} and not engine._runs.running)
        clock.now += HOUR
        assert until(engine, group, ended).counts == {"done": 1}


def bench_row(bench: Bench) -> tuple[str, float | None]:
    ledger = Ledger(bench.home, read_only=True)
    try:
        [row] = ledger.everything()
        return row.state.value, row.next_try
    finally:
        ledger.close()


def test_what_is_found_later_in_a_paused_folder_goes_on_with_it(
    short_path: Path, bench: Bench, clock: FakeClock
) -> None:
    with bench.engine(away=True, clock=clock) as engine:
        ledger = engine._ledger

        def given() -> tuple[int, int]:
            group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
            ledger.add_root(group, b"/folder", "folder")
            [root] = ledger.roots(group.id)
            engine._orders.pause(Chosen(None, [root.id]), clock() + HOUR)
            [root] = ledger.roots(group.id)
            ledger.put_in(group, [NewTransfer(Kind.UPLOAD, b"/folder/a", "a", size=1)], (), root)
            return group.id, root.id

        group, root = engine._control.ask(given)
        assert named(engine, group)["a"].next_try == clock() + HOUR
        clock.now += HOUR
        until(engine, group, lambda s: s.counts == {"queued": 1})
        found = engine._control.ask(lambda: ledger.root(root))
        assert found is not None
        assert not found.paused


def test_the_window_says_until_when() -> None:
    row = TransferView(
        1, 1, "upload", "a", "/a", "a", "paused", 5, 0, code="user", next_try=time.time() + 1
    )
    said = transfer_look(row, Circumstances(time.time())).status
    assert said.startswith("Paused by you until ")


# -- the command


def test_the_command_pauses_for_a_time_and_status_says_until_when(
    paired: Client, short_path: Path
) -> None:
    ledger = Ledger(paired.home)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    ledger.add(group, [NewTransfer(Kind.UPLOAD, b"/nowhere/a", "a", size=1)])
    ledger.pause(Chosen())
    ledger.close()
    assert (
        "1 paused until tomorrow 06:00." in paired.run("pause", "1", "--until", "tomorrow").stdout
    )
    assert "Until tomorrow 06:00." in paired.run("status").stdout
    told = json.loads(paired.run("pause", "1", "--for", "2h", "--json").stdout)
    assert told["until"] == pytest.approx(time.time() + 2 * HOUR, abs=60)
    [row] = json.loads(paired.run("status", "--json").stdout)["transfers"]
    assert row["next_try"] == told["until"]


@pytest.mark.parametrize(
    "wrong", [["--for", "soon"], ["--until", "2020-01-01"], ["--for", "1h", "--until", "tomorrow"]]
)
def test_what_is_no_end_of_a_pause_is_wrong_use(client: Client, wrong: list[str]) -> None:
    client.run("pause", "--all", *wrong, code=2)
