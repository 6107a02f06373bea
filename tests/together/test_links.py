"""Lines that break, and a line that is long: how much is sent twice, and how much of it is used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from together.carriage import MB, Carriage, finished, same, write_random

if TYPE_CHECKING:
    from collections.abc import Callable

SLOW_BYTES_PER_SECOND = 500_000
LONG_BYTES_PER_SECOND = 12_500_000  # 100 Mbit/s
LONG_ROUND_TRIP_SECONDS = 0.1
LEAST_SHARE = 0.9
BEFORE_CONTENT = 50_000
"""What requests, lists and manifests may come to before it."""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("size", "cut_every", "most"),
    [pytest.param(20 * MB, 10.0, 1.25, id="20-MB"), pytest.param(4 * MB, 3.0, 1.5, id="4-MB")],
)
def test_a_slow_line_that_breaks_every_few_seconds_still_moves_forward(
    way: Carriage, size: int, cut_every: float, most: float
) -> None:
    source = write_random(way.folder / "film.bin", size)
    way.link.rate_bytes_per_second = SLOW_BYTES_PER_SECOND
    way.link.cut_every(cut_every)
    way.mark()
    began = time.monotonic()
    way.run("send", source, timeout=150)
    seconds = time.monotonic() - began
    assert same(source, way.stored("film.bin"))
    share = way.up / size
    print(f"{size / MB:g} MB in {seconds:.1f} s, {way.link.cuts} cuts, {share:.3f} times up")
    assert way.link.cuts >= size / SLOW_BYTES_PER_SECOND / cut_every - 1
    assert share <= most


@pytest.mark.timeout(180)
def test_a_download_over_a_line_that_breaks_goes_on_where_it_was(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 4 * MB)
    way.run("send", source)
    way.link.rate_bytes_per_second = SLOW_BYTES_PER_SECOND
    way.link.cut_every(3.0)
    way.mark()
    assert same(source, way.fetched("film.bin"))
    print(f"{way.down / source.stat().st_size:.3f} times down, {way.link.cuts} cuts")
    assert way.down <= 1.5 * source.stat().st_size


@pytest.mark.timeout(120)
def test_a_line_with_a_long_round_trip_is_filled(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 100 * MB)
    make_long(way)
    way.mark()
    began = time.monotonic()
    sending = way.client.start("send", source)
    rate = _rate(way, lambda: way.up, source.stat().st_size)
    finished(sending)
    print(_report("up", rate, time.monotonic() - began))
    assert same(source, way.stored("film.bin"))
    assert rate >= LEAST_SHARE * LONG_BYTES_PER_SECOND


@pytest.mark.timeout(120)
def test_a_download_over_a_long_round_trip_fills_the_line_too(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 100 * MB)
    way.run("send", source)
    make_long(way)
    way.mark()
    began = time.monotonic()
    fetching = way.client.start("get", "film.bin", "--to", way.folder / "back")
    rate = _rate(way, lambda: way.down, source.stat().st_size)
    finished(fetching)
    print(_report("down", rate, time.monotonic() - began))
    assert same(source, way.folder / "back" / "film.bin")
    assert rate >= LEAST_SHARE * LONG_BYTES_PER_SECOND


def make_long(way: Carriage) -> None:
    way.link.rate_bytes_per_second = LONG_BYTES_PER_SECOND
    way.link.round_trip_seconds = LONG_ROUND_TRIP_SECONDS


def _rate(way: Carriage, carried: Callable[[], int], size: int) -> float:
    """Bytes a second, from the first byte of the content to the last one."""
    way.link.wait_for(lambda: carried() > BEFORE_CONTENT)
    first = time.monotonic()
    way.link.wait_for(lambda: carried() >= size, 60)
    return (size - BEFORE_CONTENT) / (time.monotonic() - first)


def _report(which: str, rate: float, seconds: float) -> str:
    share = rate / LONG_BYTES_PER_SECOND
    return (
        f"{which}: {rate / MB:.2f} MB/s, {share:.0%} of the line; the command took {seconds:.1f} s"
    )
