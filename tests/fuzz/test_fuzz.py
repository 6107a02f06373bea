"""A short run of each fuzzer with every test run, a long one in the soak, and a check of its eyes."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.fuzz_frames import Finding, MakeParser, fuzz
from howdah_common.frames import Event, FrameEnd, FrameParser, FrameStart, Payload, Range

SOAK_SECONDS = 120.0


def test_damaged_streams_of_chunks_are_read_or_refused() -> None:
    tally = fuzz(seed=1, cases=3_000)
    # Every kind of stream was among them.
    assert tally.cases == 3_000
    assert tally.refused > 500
    assert tally.accepted > 500
    assert tally.frames > 3_000


@pytest.mark.soak
@pytest.mark.timeout(SOAK_SECONDS * 2)
def test_damaged_streams_of_chunks_are_read_or_refused_for_minutes() -> None:
    tally = fuzz(seed=secrets.randbits(32), seconds=SOAK_SECONDS)
    assert tally.refused > 500
    assert tally.accepted > 500


def test_the_same_seed_gives_the_same_streams() -> None:
    assert fuzz(seed=5, cases=50) == fuzz(seed=5, cases=50)
    assert fuzz(seed=5, cases=50) != fuzz(seed=6, cases=50)


def test_a_run_ends_when_its_time_is_over() -> None:
    assert fuzz(seed=1, seconds=0).cases == 0


class Dropping(FrameParser):
    """Loses a payload of one byte."""

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        for event in super().feed(data):
            if not (isinstance(event, Payload) and len(event.data) == 1):
                yield event


class Wandering(FrameParser):
    """Takes ranges from another place than the recipe says."""

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        for event in super().feed(data):
            if isinstance(event, Range) and event.offset:
                yield Range(event.version, 0, event.length)
            else:
                yield event


class Trusting(FrameParser):
    """Takes any length for possible."""

    def __init__(self, most_chunk_bytes: int) -> None:
        super().__init__(2**64)


class Forgiving(FrameParser):
    """Minds no stream that ends early."""

    def finish(self) -> None:
        pass


class Leaking(FrameParser):
    """Raises what the stream made it raise."""

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        for event in super().feed(data):
            if isinstance(event, FrameStart) and event.number == 2**32 - 1:
                raise OverflowError(event.number)
            yield event


class Hoarding(FrameParser):
    """Says nothing before a frame is whole."""

    def __init__(self, most_chunk_bytes: int) -> None:
        super().__init__(most_chunk_bytes)
        self._hoard: list[Event] = []

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        for event in super().feed(data):
            self._hoard.append(event)
            if isinstance(event, FrameEnd):
                yield from self._hoard
                self._hoard.clear()


class Overflowing(FrameParser):
    """Gives every payload twice."""

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        for event in super().feed(data):
            yield event
            if isinstance(event, Payload):
                yield event


@pytest.mark.parametrize(
    ("broken", "finding"),
    [
        (Dropping, r"(a frame ends before its payload does|\d+ bytes are held back)"),
        (Wandering, "the events are not those of the stream"),
        (Trusting, "the events are not those of the stream"),
        (Forgiving, "the events are not those of the stream"),
        (Leaking, r"OverflowError\(4294967295\) in place of a FrameError"),
        (Hoarding, r"\d+ bytes are held back"),
        (Overflowing, "more payload than was announced"),
    ],
)
def test_a_broken_parser_is_found_and_can_be_seen_again(broken: MakeParser, finding: str) -> None:
    with pytest.raises(Finding, match=rf"{finding} \(--seed 1 --case \d+\): [0-9a-f]+"):
        fuzz(seed=1, cases=2_000, make_parser=broken)


def test_the_fuzzer_runs_by_hand() -> None:
    script = Path(__file__).with_name("fuzz_frames.py")
    command = [sys.executable, str(script), "--seconds", "0.2", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("seed 7: ")
    assert done.stdout.endswith("nothing found\n")
