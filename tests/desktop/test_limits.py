"""Limits in the engine: what is paused as a whole, at once and over restarts; and the command."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from howdah_common.problems import ProblemError
from howdah_desktop.cli import limit_words
from howdah_desktop.cli.limit_commands import app
from howdah_desktop.cli.limit_words import BadWords
from howdah_desktop.cli.pipe_limits import PipeLimits
from howdah_desktop.engine import allowance, limits_file
from howdah_desktop.engine.attach import attach
from howdah_desktop.engine.bandwidth import BURST_SECONDS
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.limit_rules import DAYS, Limits, Rule
from kit.client import Client
from kit.engine_bench import PATIENCE_SECONDS, Bench, ended, quick_waits, seen, until

MB = 1_000_000
HOUR = 3600.0


@dataclass
class Around:
    """A computer as a test likes it."""

    is_metered: bool | None = None
    is_on_battery: bool | None = None
    looked: int = 0

    def metered(self) -> bool | None:
        self.looked += 1
        return self.is_metered

    def on_battery(self) -> bool | None:
        return self.is_on_battery


class FakeClock:
    """Noon of a Monday, in this computer's own time, and what a test adds."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 30, 12).astimezone().timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)
    monkeypatch.setattr(allowance, "LOOK_SECONDS", 0.05)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    return Bench(short_path)


@pytest.fixture(params=["here", "in another process"])
def face(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Face]:
    first = attach(bench.settings, bench.connect)
    second = attach(bench.settings, bench.connect)
    yield (first if request.param == "here" else second).engine
    second.close()
    first.close()


PAUSED = Limits(rules=(Rule(pause=True),))


def test_a_pause_by_rule_is_one_of_the_engine_and_changes_no_row(face: Face, bench: Bench) -> None:
    face.set_limits(PAUSED)
    group = face.add_sends([bench.file("a"), bench.file("b")])
    found = face.snapshot(0, group)
    assert (found.counts, found.limits.paused) == ({"queued": 2}, "schedule")
    assert "rule" in found.limits.sentence
    assert "howdah limit" in found.limits.remedy
    assert face.overview().limits == face.queue().limits == found.limits
    assert not bench.receiver.uploads_by_id
    face.set_limits(Limits(up=2 * MB))
    assert until(face, group, ended).counts == {"done": 2}
    assert face.snapshot(0, group).limits.up == 2 * MB


def test_who_follows_hears_of_a_pause_at_once(face: Face) -> None:
    face.set_limits(PAUSED)
    assert seen(face, lambda overview: overview.limits.paused == "schedule").limits.next_try
    face.set_limits(Limits())
    assert seen(face, lambda overview: overview.limits.paused is None).limits.up is None


def test_what_is_being_sent_stops_and_goes_on_where_it_was(bench: Bench) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)

    bench.receiver.before["send_chunks"] = hold
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        assert reached.wait(PATIENCE_SECONDS)
        engine.set_limits(PAUSED)
        go_on.set()
        until(engine, group, lambda s: s.counts == {"queued": 1} and not engine._runs.running)
        [row] = engine.snapshot(0, group).transfers
        assert (row.code, row.attempt) == (None, 0)
        engine.set_limits(Limits())
        assert until(engine, group, ended).counts == {"done": 1}
    assert len(bench.receiver.uploads_by_id) == 1, "the same upload"


def test_rules_begin_and_end_by_the_clock_and_over_restarts(bench: Bench) -> None:
    clock = FakeClock()
    noon = Limits(rules=(Rule(begin="11:00", end="14:00", pause=True),))
    with bench.engine(clock=clock) as engine:
        engine.set_limits(noon)
        group = engine.add_sends([bench.file("a")])
        limits = engine.snapshot(0, group).limits
        assert (limits.paused, limits.next_try) == ("schedule", clock() + 2 * HOUR)
    with bench.engine(clock=clock) as engine:
        assert engine.snapshot(0, group).limits.paused == "schedule"
        clock.now += 2 * HOUR - 1
        assert engine.snapshot(0, group).counts == {"queued": 1}
        clock.now += 1
        assert until(engine, group, ended).counts == {"done": 1}
        clock.now += 21 * HOUR
        until(engine, group, lambda s: s.limits.paused == "schedule")


def test_on_a_metered_network_nothing_is_sent_until_it_is_another_one(bench: Bench) -> None:
    limits_file.save(bench.home, Limits(metered="pause"))
    around = Around(is_metered=True)
    with bench.engine(surroundings=around) as engine:
        group = engine.add_sends([bench.file("a")])
        found = until(engine, group, lambda s: s.limits.paused == "metered")
        assert "howdah limit metered off" in found.limits.remedy
        assert found.limits.next_try is None
        assert not bench.receiver.uploads_by_id, "nor before that was known"
        around.is_metered = False
        assert until(engine, group, ended).counts == {"done": 1}


def test_a_setting_says_whether_a_network_is_metered(bench: Bench) -> None:
    limits_file.save(bench.home, Limits(metered="pause", network="metered"))
    around = Around(is_metered=False)
    with bench.engine(surroundings=around) as engine:
        assert engine.snapshot().limits.paused == "metered"
        assert not around.looked, "then nobody has to be asked"


def test_on_battery_there_is_another_limit(bench: Bench) -> None:
    limits_file.save(bench.home, Limits(up=5 * MB, battery=MB))
    around = Around(is_on_battery=True)
    with bench.engine(surroundings=around) as engine:
        until(engine, None, lambda s: s.limits.up == MB)
        around.is_on_battery = None
        until(engine, None, lambda s: s.limits.up == 5 * MB)
        engine.set_limits(Limits(battery="pause"))
        around.is_on_battery = True
        until(engine, None, lambda s: s.limits.paused == "battery")


def test_network_and_power_are_not_looked_at_while_nothing_depends_on_them(bench: Bench) -> None:
    around = Around()
    with bench.engine(surroundings=around) as engine:
        engine.set_limits(Limits(up=MB))
        group = engine.add_sends([bench.file("a")])
        until(engine, group, ended)
    assert not around.looked


def test_limits_that_cannot_be_read_let_nothing_pass_and_say_so(bench: Bench) -> None:
    (bench.home / "limits.json").write_text('{"up": "much"}')
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        found = engine.snapshot(0, group)
        assert (found.counts, found.limits.paused) == ({"queued": 1}, "limits")
        assert "limits.json" in found.limits.sentence
        assert found.limits.remedy
        engine.set_limits(Limits())
        assert until(engine, group, ended).counts == {"done": 1}


def test_limits_that_cannot_be_kept_are_a_problem_and_change_nothing(
    face: Face, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(home: Path, limits: Limits) -> None:
        raise ProblemError("local_full")

    monkeypatch.setattr(limits_file, "save", full)
    with pytest.raises(ProblemError) as caught:
        face.set_limits(PAUSED)
    assert caught.value.code == "local_full"
    assert face.snapshot().limits.paused is None


# -- what a command sends by itself


def test_standard_input_goes_by_the_limit_of_the_engine_that_runs(bench: Bench) -> None:
    attached = attach(bench.settings, bench.connect)
    limits = PipeLimits(bench.home, Around())
    try:
        assert limits.some(50 * MB) == 50 * MB
        attached.engine.set_limits(Limits(up=MB))
        pipe_limits_wait(limits)
        sent, began = 0, time.monotonic()
        while sent < MB // 2:
            sent += limits.some(50 * MB)
        assert sent <= MB * (time.monotonic() - began + BURST_SECONDS)
        attached.engine.set_limits(PAUSED)
        pipe_limits_wait(limits)
        assert limits.some(MB) == 0
        assert "howdah limit" in limits.paused
    finally:
        attached.close()
        limits.close()


def pipe_limits_wait(limits: PipeLimits) -> None:
    """As if the credit that it had were old."""
    limits._asked_at = -1e9


def test_standard_input_goes_by_the_same_rules_where_no_engine_runs(bench: Bench) -> None:
    around = Around(is_metered=True)
    limits = PipeLimits(bench.home, around)
    assert limits.some(50 * MB) == 50 * MB
    limits_file.save(bench.home, Limits(up=MB))
    pipe_limits_wait(limits)
    assert limits.some(50 * MB) <= MB * BURST_SECONDS
    limits_file.save(bench.home, Limits(metered="pause"))
    again = PipeLimits(bench.home, around)
    assert again.some(MB) == 0
    assert "metered" in again.paused
    (bench.home / "limits.json").write_text("?")
    assert again.some(MB) == 0
    assert "limits.json" in again.paused
    limits_file.save(bench.home, Limits())
    assert (again.some(MB), again.paused) == (MB, "")


# -- words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("5MB", 5 * MB),
        ("5m", 5 * MB),
        ("500kB/s", 500_000),
        ("1.5 MB", 1_500_000),
        ("2MiB", 2 * 2**20),
        ("10Mbit", 1_250_000),
        ("10mbit/s", 1_250_000),
        ("300000", 300_000),
        ("off", 0),
        ("0", 0),
    ],
)
def test_a_limit_has_units(text: str, count: int) -> None:
    assert limit_words.rate(text) == count


@pytest.mark.parametrize("text", ["", "fast", "5 apples", "-5MB", "MB", "5TB/h"])
def test_what_is_no_limit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadWords, match="5MB, 500kB"):
        limit_words.rate(text)


def test_days_are_ranges_and_lists() -> None:
    assert limit_words.days("mon-fri") == DAYS[:5]
    assert limit_words.days("Sat, sun") == ("sat", "sun")
    assert limit_words.days("fri-mon") == ("mon", "fri", "sat", "sun")
    assert limit_words.days("Monday") == ("mon",)
    assert limit_words.days("all") == DAYS
    for wrong in ("", "m", "mon-", "someday", "mon-fri-sun"):
        with pytest.raises(BadWords):
            limit_words.days(wrong)


def test_hours_may_leave_their_minutes_out() -> None:
    assert limit_words.hours("8-18") == ("08:00", "18:00")
    assert limit_words.hours("22:30-6:15") == ("22:30", "06:15")
    for wrong in ("", "8", "8:0-9", "8-"):
        with pytest.raises(BadWords):
            limit_words.hours(wrong)


def test_a_rule_is_shown_as_it_can_be_typed() -> None:
    rule = Rule(begin="08:00", end="18:00", days=DAYS[:5], up=MB, down=0)
    assert limit_words.rule_words(rule) == "mon-fri 08:00-18:00: up 1.0 MB/s, down no limit"
    assert limit_words.rule_words(Rule(days=("sat", "sun"), pause=True)) == "sat,sun: pause"
    assert limit_words.rule_words(Rule(pause=True)) == "every day: pause"


# -- the command


def test_the_command_sets_and_shows_limits_without_an_engine(client: Client) -> None:
    assert "up no limit, down no limit" in client.run("limit").stdout
    client.run("limit", "up", "5MB", "down", "off")
    client.run("limit", "rule", "add", "--days", "mon-fri", "--hours", "8-18", "--up", "1MB")
    told = client.run("limit", "rule", "add", "--pause", "--before", "1").stdout
    assert "rule 1: every day: pause" in told
    assert "rule 2: mon-fri 08:00-18:00: up 1.0 MB/s" in told
    assert "now: paused" in told
    told = client.run("limit", "rule", "remove", "1").stdout
    assert "rule 1: mon-fri" in told
    client.run("limit", "metered", "pause")
    client.run("limit", "battery", "1MB")
    found = json.loads(client.run("limit", "network", "metered", "--json").stdout)
    assert (found["up"], found["down"], found["metered"], found["battery"]) == (
        5 * MB,
        0,
        "pause",
        MB,
    )
    assert found["now"]["paused"] == "metered"
    assert not (client.home / "ledger.sqlite3").exists(), "and nothing was begun for it"


@pytest.mark.parametrize(
    "wrong",
    [
        ["up", "fast"],
        ["up", "5"],
        ["up", "5MB", "down"],
        ["up", "5MB", "up", "6MB"],
        ["metered", "sometimes"],
        ["network", "fast"],
        ["rule", "add"],
        ["rule", "add", "--pause", "--up", "1MB"],
        ["rule", "add", "--up", "1MB", "--hours", "25-26"],
        ["rule", "add", "--up", "1MB", "--days", "someday"],
        ["rule", "remove", "1"],
    ],
)
def test_what_is_no_limit_is_wrong_use(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    monkeypatch.setenv("HOWDAH_HOME", str(short_path / "howdah"))
    assert CliRunner().invoke(app, wrong).exit_code == 2
    assert limits_file.load(short_path / "howdah") == Limits()


def test_a_file_of_limits_that_cannot_be_read_is_named(client: Client) -> None:
    client.home.mkdir(exist_ok=True)
    (client.home / "limits.json").write_text("nonsense")
    assert "limits.json" in client.run("limit", code=1).stderr
