"""What stands around the list: figures that do not flicker, the card, the banner."""

from __future__ import annotations

import pytest

from howdah_common.problems import PROBLEMS
from howdah_desktop.engine.showing import explain_limits
from howdah_desktop.engine.views import LimitsView, Overview, ReceiverView
from howdah_desktop.window import figures, overall
from howdah_desktop.window.acts import Chosen, Possible, possible
from howdah_desktop.window.look import Tone
from howdah_desktop.window.overall import Paired
from kit.window_rows import MB, NOW, folder, transfer

NAS = Paired("nas.home", "https://nas.home:8484", "owner", "ab" * 32)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.7, "1.00 kB"),
        (1000, "1.00 kB"),
        (12_345, "12.3 kB"),
        (999_949, "1.00 MB"),
        (18_300_000, "18.3 MB"),
        (468_000_000, "468 MB"),
        (2_100_000_000, "2.10 GB"),
        (5e18, "5000 PB"),
    ],
)
def test_sizes_have_three_digits(count: float, shown: str) -> None:
    assert figures.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "1 s"), (15.4, "15 s"), (47, "45 s"), (89, "90 s"), (200, "3 min"), (9_000, "2.5 h"),
     (100_000, "28 h"), (400_000, "5 days")],
)  # fmt: skip
def test_time_left_is_rounded(seconds: float, shown: str) -> None:
    assert figures.left(seconds) == shown


def test_a_countdown_ends_at_nothing() -> None:
    assert figures.until(NOW + 8.2, NOW) == "8 s"
    assert figures.until(NOW + 125, NOW) == "2:05 min"
    assert figures.until(NOW - 5, NOW) == "0 s"


def test_when_something_ended_is_said_shortly() -> None:
    assert figures.clock(NOW, NOW).count(":") == 1
    assert "," in figures.clock(NOW - 3 * 86_400, NOW)
    assert figures.clock(NOW - 700 * 86_400, NOW).count("-") == 2


def test_the_summary_tells_speed_rest_and_time() -> None:
    told = overall.summary(
        Overview(
            change=1,
            left_files=4,
            left_bytes=952 * MB,
            up_bytes_per_second=84.2 * MB,
            seconds_left=15.2,
        )
    )
    assert [(one.label, one.number, one.unit) for one in told] == [
        ("Sending", "84.2", "MB/s"),
        ("Left", "952", "MB in 4 transfers"),
        ("Done in", "15", "s"),
    ]


def test_both_ways_have_a_speed_each() -> None:
    told = overall.summary(
        Overview(change=1, up_bytes_per_second=1.0 * MB, down_bytes_per_second=2.0 * MB)
    )
    assert [one.label for one in told][:2] == ["Sending", "Fetching"]


def test_the_footer_counts() -> None:
    counts = {"sending": 3, "queued": 1, "failed": 1, "done": 9}
    assert overall.footer(counts, 1) == "3 sending, 1 waiting, 1 needs you"
    assert overall.footer({"done": 9}, 0) == "Nothing on its way"
    assert overall.on_its_way(counts) == 4


def test_the_card_knows_one_state_of_the_receiver() -> None:
    assert overall.card(None, ReceiverView(), NOW).name == "No receiver yet"
    assert overall.card(NAS, ReceiverView(), NOW).line == "Connecting…"
    good = overall.card(NAS, ReceiverView(checked=True), NOW)
    assert (good.tone, good.line) == (Tone.GOOD, "Connected · TLS pinned")
    away = overall.card(NAS, ReceiverView("offline", next_try=NOW + 8), NOW)
    assert away.tone is Tone.WARN
    assert away.detail == "next try in 8 s"


@pytest.mark.parametrize("code", sorted(overall.NEEDS_A_PERSON))
def test_what_waiting_does_not_help_is_a_banner_with_a_way_out(code: str) -> None:
    alarm = overall.alarm(NAS, ReceiverView(code, PROBLEMS[code].sentence))
    assert alarm is not None
    assert ("pair", "Pair again…") in alarm.acts
    assert overall.alarm(None, ReceiverView(code)) is None


def test_a_changed_certificate_shows_both_fingerprints() -> None:
    old, new = "ab" * 32, "cd" * 32
    sentence = f"Another one. It shows sha256:{new}; sha256:{old} was paired with."
    alarm = overall.alarm(NAS, ReceiverView("certificate_changed", sentence))
    assert alarm is not None
    assert alarm.facts == (("It shows", new), ("Paired with", old))
    assert alarm.tone is Tone.ERROR


def test_waiting_is_no_alarm() -> None:
    assert overall.alarm(NAS, ReceiverView("offline")) is None
    assert overall.alarm(NAS, ReceiverView()) is None


@pytest.mark.parametrize("paused", ["schedule", "metered", "battery"])
def test_a_pause_of_everything_is_a_banner_that_says_how_it_ends(paused: str) -> None:
    sentence, remedy = explain_limits(paused)
    banner = overall.held_back(LimitsView(paused, sentence, remedy, next_try=NOW + 60), NOW)
    assert banner is not None
    assert banner.title == sentence.rstrip(".")
    assert banner.text.startswith(f"Until {figures.clock(NOW + 60, NOW)}. It goes on by itself")
    assert "howdah limit" in banner.text
    assert overall.held_back(LimitsView(up=5), NOW) is None


def test_what_can_be_done_follows_from_the_states() -> None:
    assert possible([transfer(1, "sending")]) == Possible(pause=True, cancel=True)
    assert possible([transfer(1, "paused")]) == Possible(go_on=True, cancel=True)
    assert possible([transfer(1, "failed")]) == Possible(try_again=True, cancel=True)
    assert possible([transfer(1, "done")]) == Possible(remove=True)
    assert possible([folder(1, {"done": 2, "paused": 1})]) == Possible(
        go_on=True, cancel=True, remove=True
    )


def test_rows_are_named_as_the_engine_names_them() -> None:
    assert Chosen.of([3, -7, 5]) == Chosen(ids=(3, 5), roots=(7,))
