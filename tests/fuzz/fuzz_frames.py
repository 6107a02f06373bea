"""Feed the frame parser streams that are nearly right, for as long as it is given.

    python tests/fuzz/fuzz_frames.py --seconds 60 --seed 1

Each case is drawn from the seed and its number alone, so that a finding can be made again:
`--seed S --case N`. A case is a valid stream, damaged in a few places and cut at random. What the
parser then says is held against a second parser, which reads the whole stream at once and is as plain
as the table in docs/protocol.md: the same events, no more payload than was announced, a FrameError
where the stream stops being frames and never another exception, and nothing held back but the
beginning of a header, of a digest or of a recipe's step. Recipes come from `fuzz_recipes`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1])
)  # run by hand, it is no part of a package

from fuzz.fuzz_recipes import (
    MOST_LONGER_BYTES,
    expected_of,
    valid_recipe,
)
from howdah_common.frames import (
    RECIPE,
    Event,
    FrameEnd,
    FrameError,
    FrameParser,
    FrameStart,
    Payload,
    Range,
    frame_header,
)

HEADER_BYTES = 20
DIGEST_BYTES = 32
MOST_PAYLOAD_BYTES = 2_000
RECIPE_MARK = b"HCF1\2"

MakeParser = Callable[[int], FrameParser]


class Finding(Exception):
    """The parser did what it must not; the message says what, and how to see it again."""


@dataclass(slots=True)
class Frame:
    """One frame as far as it was seen."""

    number: int
    length: int
    payload: bytearray = field(default_factory=bytearray)
    """With zeros for what a recipe takes from elsewhere, which is:"""
    ranges: list[tuple[int, str, int, int]] = field(default_factory=list)
    digest: bytes | None = None


@dataclass(slots=True)
class Seen:
    """What a parser made of a stream. `error`: it is not made of frames, or ends inside one."""

    frames: list[Frame] = field(default_factory=list)
    error: bool = False


@dataclass(slots=True)
class Tally:
    """What a run went through, so that nobody takes a fuzzer for thorough that saw one kind only."""

    cases: int = 0
    frames: int = 0
    refused: int = 0
    accepted: int = 0
    fed_bytes: int = 0


# -- the streams


def valid_stream(rng: Random) -> list[bytes]:
    """Frames that the parser must take, one item each."""
    sizes = [1, 2, 31, 32, 33, 300, MOST_PAYLOAD_BYTES - 1, MOST_PAYLOAD_BYTES]
    frames = []
    for _ in range(rng.randrange(6)):
        length = rng.choice([*sizes, rng.randint(1, MOST_PAYLOAD_BYTES)])
        number = rng.choice([0, 1, 65_535, 2**32 - 1, rng.randrange(2**32)])
        if rng.random() < 0.3:
            fill = valid_recipe(rng, length)
            header = frame_header(number, len(fill), RECIPE)
        else:  # now and then payload that looks like a frame
            fill = rng.choice([rng.randbytes(length), (frame_header(1, 5) * length)[:length]])
            header = frame_header(number, length)
        frames.append(header + fill + rng.randbytes(DIGEST_BYTES))
    return frames


def damaged(rng: Random, frames: list[bytes]) -> bytes:
    """The stream of `frames` after up to three accidents."""
    frames = list(frames)
    if frames and rng.random() < 0.3:
        rng.shuffle(frames)
    if frames and rng.random() < 0.2:
        frames.append(rng.choice(frames))
    stream = bytearray(b"".join(frames))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        rng.choice(ACCIDENTS)(rng, stream)
    return bytes(stream)


def _flip(rng: Random, stream: bytearray) -> None:
    if stream:
        stream[rng.randrange(len(stream))] ^= 1 << rng.randrange(8)


def _overwrite_header(rng: Random, stream: bytearray) -> None:
    """A value that somebody may have forgotten, in one field of a header, most often the first's."""
    marks = [at for at in range(len(stream)) if stream.startswith(b"HCF1", at)]
    if not marks:
        return
    at = rng.choice([marks[0], rng.choice(marks)])
    lengths = [0, 1, MOST_PAYLOAD_BYTES, MOST_PAYLOAD_BYTES + 1, 2**31, 2**32, 2**63, 2**64 - 1]
    offset, value = rng.choice(
        [
            (0, rng.choice([b"HCF2", b"hcf1", bytes(4)])),
            (4, bytes([rng.choice([1, 2, 255])])),
            (5, rng.choice([b"\0\0\1", b"\1\0\0", b"\xff\xff\xff"])),
            (8, rng.choice([bytes(4), b"\xff" * 4])),
            (12, rng.choice(lengths).to_bytes(8, "big")),
        ]
    )
    stream[at + offset : at + offset + len(value)] = value


def _cut_off(rng: Random, stream: bytearray) -> None:
    del stream[rng.randint(0, len(stream)) :]


def _lose(rng: Random, stream: bytearray) -> None:
    at = rng.randint(0, len(stream))
    del stream[at : at + rng.choice([1, 20, 32, rng.randint(0, 500)])]


def _repeat(rng: Random, stream: bytearray) -> None:
    at = rng.randint(0, len(stream))
    stream[at:at] = stream[at : at + rng.randint(0, 100)]


def _insert(rng: Random, stream: bytearray) -> None:
    at = rng.randint(0, len(stream))
    stream[at:at] = rng.choice([b"HCF1", b"\0", rng.randbytes(rng.randint(1, 60))])


ACCIDENTS = [_flip, _overwrite_header, _overwrite_header, _cut_off, _lose, _repeat, _insert]


def pieces(rng: Random, stream: bytes) -> Iterator[bytes]:
    """The stream as a line may bring it: at once, in crumbs, in blocks, with empty reads between."""
    most = rng.choice([1, 3, 21, 64, 1_000, len(stream) + 1])
    at = 0
    while at < len(stream):
        length = rng.randint(0, most)
        yield stream[at : at + length]
        at += length


# -- what must come out


def expected(stream: bytes) -> Seen:
    """The whole stream, read by the table of the protocol."""
    seen = Seen()
    at = 0
    while at < len(stream):
        header = stream[at : at + HEADER_BYTES]
        if len(header) < HEADER_BYTES:
            seen.error = True
            return seen
        length = int.from_bytes(header[12:20], "big")
        recipe = header[4] == 2
        most = MOST_PAYLOAD_BYTES + recipe * MOST_LONGER_BYTES
        mark = header[:4] + header[5:8]
        if mark != b"HCF1\0\0\0" or header[4] not in (0, 2) or not 0 < length <= most:
            seen.error = True
            return seen
        at += HEADER_BYTES
        payload = stream[at : at + length]
        if recipe and not _expect_recipe(seen, header, payload, length):
            return seen
        digest = stream[at + length : at + length + DIGEST_BYTES]
        at += length + DIGEST_BYTES
        whole = len(digest) == DIGEST_BYTES
        if recipe:
            seen.frames[-1].digest = digest if whole else None
        else:
            number = int.from_bytes(header[8:12], "big")
            end = digest if whole else None
            seen.frames.append(Frame(number, length, bytearray(payload), digest=end))
        seen.error = not whole
    return seen


def _expect_recipe(seen: Seen, header: bytes, payload: bytes, length: int) -> bool:
    """Add what comes of a recipe; whether the stream goes on after it."""
    made = expected_of(payload, length, MOST_PAYLOAD_BYTES)
    if made.length is not None:
        number = int.from_bytes(header[8:12], "big")
        seen.frames.append(Frame(number, made.length, made.chunk, made.ranges))
    seen.error = made.error
    return not made.error


class Watcher:
    """Takes the events of a parser, and raises Finding for one that must not come."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.accounted_bytes = 0

    def take(self, event: Event) -> None:
        open_frame = self._open_frame()
        match event:
            case FrameStart(number, length):
                if open_frame:
                    raise Finding("a frame begins inside another")
                self.seen.frames.append(Frame(number, length))
                self.accounted_bytes += HEADER_BYTES
            case Payload(data):
                if not open_frame or len(open_frame.payload) + len(data) > open_frame.length:
                    raise Finding("more payload than was announced")
                if not data:
                    raise Finding("a payload of nothing")
                open_frame.payload += data
                self.accounted_bytes += len(data)
            case Range(version, offset, length):
                if not open_frame or len(open_frame.payload) + length > open_frame.length:
                    raise Finding("more payload than was announced")
                open_frame.ranges.append((len(open_frame.payload), version, offset, length))
                open_frame.payload += bytes(length)
            case FrameEnd(digest):
                if not open_frame or len(open_frame.payload) != open_frame.length:
                    raise Finding("a frame ends before its payload does")
                open_frame.digest = digest
                self.accounted_bytes += DIGEST_BYTES

    def _open_frame(self) -> Frame | None:
        last = self.seen.frames[-1:]
        return last[0] if last and last[0].digest is None else None


def observed(stream_pieces: Iterator[bytes], make_parser: MakeParser) -> Seen:
    """What the parser makes of the pieces. Raises Finding."""
    parser = make_parser(MOST_PAYLOAD_BYTES)
    watcher = Watcher()
    fed = bytearray()
    try:
        for piece in stream_pieces:
            fed += piece
            for event in parser.feed(piece):
                watcher.take(event)
            # Nobody tells of the steps of a recipe, which stand between its bytes.
            held_bytes = 0 if RECIPE_MARK in fed else len(fed) - watcher.accounted_bytes
            if held_bytes >= DIGEST_BYTES:
                raise Finding(f"{held_bytes} bytes are held back")
        parser.finish()
    except FrameError:
        watcher.seen.error = True
    except Finding:
        raise
    except Exception as error:
        raise Finding(f"{error!r} in place of a FrameError") from error
    return watcher.seen


# -- the run


def try_case(seed: int, number: int, make_parser: MakeParser, tally: Tally) -> None:
    """One case. Raises Finding with what is needed to see it again."""
    rng = Random(f"{seed}:{number}")
    stream = damaged(rng, valid_stream(rng))
    try:
        seen = observed(pieces(rng, stream), make_parser)
        if seen != expected(stream):
            raise Finding("the events are not those of the stream")
    except Finding as finding:
        raise Finding(f"{finding} (--seed {seed} --case {number}): {stream.hex()}") from finding
    tally.cases += 1
    tally.frames += sum(frame.digest is not None for frame in seen.frames)
    tally.refused += seen.error
    tally.accepted += not seen.error
    tally.fed_bytes += len(stream)


def fuzz(
    seed: int,
    *,
    seconds: float | None = None,
    cases: int | None = None,
    make_parser: MakeParser = FrameParser,
) -> Tally:
    """Cases 0, 1, ... until the time is over or their number is reached. Raises Finding."""
    tally = Tally()
    end = None if seconds is None else time.monotonic() + seconds
    for number in itertools.count() if cases is None else range(cases):
        if end is not None and time.monotonic() >= end:
            break
        try_case(seed, number, make_parser, tally)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the frame parser.")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="this case only")
    asked = parser.parse_args()
    try:
        if asked.case is None:
            tally = fuzz(asked.seed, seconds=asked.seconds)
        else:
            tally = Tally()
            try_case(asked.seed, asked.case, FrameParser, tally)
    except Finding as finding:
        print(f"finding: {finding}", file=sys.stderr)
        return 1
    print(
        f"seed {asked.seed}: {tally.cases} streams of {tally.fed_bytes} bytes, {tally.frames} whole"
        f" frames, {tally.refused} streams refused, {tally.accepted} accepted: nothing found"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
