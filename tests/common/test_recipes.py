"""Recipes: any list of ranges and bytes makes the chunk, however it was cut; nothing else passes."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_common.digests import SHA256, digest
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
from howdah_common.recipes import (
    LITERAL_BYTES,
    MOST_OVERHEAD_BYTES,
    MOST_STEPS,
    MOST_VERSIONS,
    RANGE_BYTES,
    literal_step,
    range_step,
    recipe_head,
)

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
MOST = 1_000
VERSIONS = {"a": bytes(range(256)), "b-2_C": bytes(reversed(range(256))) * 2, "9" * 128: b"\7" * 50}

Step = bytes | tuple[str, int, int]
"""Bytes as they are, or version, offset and length."""


@st.composite
def ranges(draw: st.DrawFn) -> Step:
    version = draw(st.sampled_from(sorted(VERSIONS)))
    size = len(VERSIONS[version])
    offset = draw(st.integers(0, size - 1))
    return version, offset, draw(st.integers(1, size - offset))


recipes = st.lists(
    st.one_of(st.binary(min_size=1, max_size=60), ranges()), min_size=1, max_size=8
).filter(lambda steps: len(plain(steps)) <= MOST)


def plain(steps: list[Step]) -> bytes:
    """The chunk that they make."""
    return b"".join(
        step if isinstance(step, bytes) else VERSIONS[step[0]][step[1] : step[1] + step[2]]
        for step in steps
    )


def payload(steps: list[Step]) -> bytes:
    versions = sorted({step[0] for step in steps if isinstance(step, tuple)})
    made = recipe_head(len(plain(steps)), versions)
    for step in steps:
        if isinstance(step, bytes):
            made += literal_step(len(step)) + step
        else:
            made += range_step(versions.index(step[0]), step[1], step[2])
    return made


def frame(number: int, made: bytes, end: bytes = bytes(32)) -> bytes:
    return frame_header(number, len(made), RECIPE) + made + end


def composed(events: list[Event]) -> list[tuple[int, bytes, bytes]]:
    """Number, chunk and digest of every frame."""
    found: list[tuple[int, bytes, bytes]] = []
    number, length, chunk = -1, -1, b""
    for event in events:
        match event:
            case FrameStart():
                number, length, chunk = event.number, event.length, b""
            case Payload(data):
                chunk += data
            case Range(version, offset, count):
                chunk += VERSIONS[version][offset : offset + count]
            case FrameEnd(end):
                assert len(chunk) == length
                found.append((number, chunk, end))
    return found


def parsed(stream: bytes, places: list[int]) -> list[Event]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    parser = FrameParser(MOST)
    events = [event for low, high in pairwise(borders) for event in parser.feed(stream[low:high])]
    parser.finish()
    return events


@given(st.lists(recipes, min_size=1, max_size=3), st.lists(st.integers(0, 10_000), max_size=20))
def test_ranges_and_bytes_make_the_chunk_however_the_stream_was_cut(
    sent: list[list[Step]], places: list[int]
) -> None:
    stream = b"".join(frame(n, payload(steps)) for n, steps in enumerate(sent))
    # Plain frames stand between recipes, in the same stream.
    stream += frame_header(7, 3) + b"abc" + bytes(32) + frame(8, payload([b"x"]))
    assert composed(parsed(stream, places)) == [
        *((n, plain(steps), bytes(32)) for n, steps in enumerate(sent)),
        (7, b"abc", bytes(32)),
        (8, b"x", bytes(32)),
    ]


@given(recipes)
def test_byte_for_byte_gives_the_same_as_at_once(steps: list[Step]) -> None:
    stream = frame(0, payload(steps))
    assert composed(parsed(stream, list(range(len(stream))))) == composed(parsed(stream, []))


@given(
    recipes,
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=5),
    st.lists(st.integers(0, 10_000), max_size=10),
    st.integers(0, 10_000),
)
def test_a_damaged_recipe_never_makes_more_than_it_says_and_raises_frame_errors_only(
    steps: list[Step], damage: list[tuple[int, int]], places: list[int], lost: int
) -> None:
    stream = bytearray(frame(0, payload(steps)))
    for place, value in damage:
        stream[place % len(stream)] = value
    del stream[len(stream) - lost % len(stream) :]
    said = made = 0
    try:
        for event in parsed(bytes(stream), places):
            match event:
                case FrameStart(_, length):
                    said, made = length, 0
                    assert 0 < length <= MOST
                case Payload(data):
                    made += len(data)
                case Range(_, offset, length):
                    assert length > 0
                    assert 0 <= offset < offset + length < 2**63
                    made += length
                case FrameEnd():
                    assert made == said
            assert made <= said
    except FrameError:
        pass


def test_a_recipe_is_what_the_protocol_says() -> None:
    made = recipe_head(7, ["v1"]) + range_step(0, 258, 4) + literal_step(3) + b"abc"
    stream = frame(2, made, digest(SHA256, b"wxyzabc"))
    assert stream.hex() == (
        "48434631" + "02" + "000000" + "00000002" + "000000000000002a"
        "0000000000000007" + "01" + "000000" + "02" + "7631"
        "01" + "00" + "0000" + "00000004" + "0000000000000102"
        "00" + "000000" + "00000003" + "616263" + digest(SHA256, b"wxyzabc").hex()
    )
    assert f"`{stream.hex()}`" in PROTOCOL
    assert (LITERAL_BYTES, RANGE_BYTES) == (8, 16)
    assert list(FrameParser(MOST).feed(stream)) == [
        FrameStart(2, 7),
        Range("v1", 258, 4),
        Payload(memoryview(b"abc")),
        FrameEnd(digest(SHA256, b"wxyzabc")),
    ]


LITERAL = literal_step(1) + b"x"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (recipe_head(1, []), "chunk 5 makes 0 of 1 bytes"),
        (recipe_head(1, [])[:-1], "chunk 5 makes 0 of 0 bytes"),
        (recipe_head(0, []) + LITERAL, "chunk 5 announces 0 bytes; 1000 are the most"),
        (recipe_head(1001, []) + LITERAL, "chunk 5 announces 1001 bytes; 1000 are the most"),
        (recipe_head(2**63, []) + LITERAL, "chunk 5 announces 9223372036854775808 bytes"),
        (recipe_head(2, []) + LITERAL, "makes 1 of 2 bytes"),
        (recipe_head(1, []) + LITERAL + b"\0", "goes on after its last step"),
        (recipe_head(1, []) + LITERAL + LITERAL, "a chunk of another length than it says"),
        (recipe_head(1, []) + literal_step(2) + b"xx", "a chunk of another length than it says"),
        (recipe_head(1, []) + literal_step(0), "a chunk of another length than it says"),
        (recipe_head(2, []) + literal_step(2) + b"x", "makes 2 of 2 bytes"),
        (recipe_head(1, ["v"]) + range_step(0, 0, 0), "a chunk of another length than it says"),
        (recipe_head(1, ["v"]) + range_step(1, 0, 1), "a step that is not known here"),
        (recipe_head(1, []) + range_step(0, 0, 1), "a step that is not known here"),
        (recipe_head(1, ["v"]) + b"\2" + range_step(0, 0, 1)[1:], "a step that is not known"),
        (recipe_head(1, ["v"]) + b"\1\0\1" + range_step(0, 0, 1)[3:], "a step that is not known"),
        (recipe_head(1, []) + b"\0\1" + LITERAL[2:], "a step that is not known here"),
        (recipe_head(1, ["v"]) + range_step(0, 2**63 - 1, 1), "from beyond where any file ends"),
        (recipe_head(1, ["v"]) + range_step(0, 2**64 - 1, 1), "from beyond where any file ends"),
        (recipe_head(1, ["v"]) + range_step(0, 0, 1)[:-1], "makes 1 of 1 bytes"),
        (recipe_head(1, [])[:8] + b"\x09\0\0\0", "does not begin like one"),
        (recipe_head(1, [])[:8] + b"\0\0\0\1", "does not begin like one"),
        (recipe_head(1, [])[:8] + b"\1\0\0\0\0", "has an id of 0 bytes"),
        (recipe_head(1, [])[:8] + b"\1\0\0\0\x81", "has an id of 129 bytes"),
        (recipe_head(1, [])[:8] + b"\1\0\0\0\x03../", "has an id that is none"),
        (recipe_head(1, [])[:8] + b"\1\0\0\0\x02\xc3\xa4", "has an id that is none"),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_refused(made: bytes, sentence: str) -> None:
    with pytest.raises(FrameError, match=sentence):
        list(FrameParser(MOST).feed(frame(5, made)))


def test_a_recipe_has_so_many_steps_and_no_more() -> None:
    most = LITERAL * MOST_STEPS
    events = FrameParser(MOST_STEPS + 1).feed(frame(0, recipe_head(MOST_STEPS, []) + most))
    assert [type(event) for event in events][-1] is FrameEnd
    more = frame(0, recipe_head(MOST_STEPS + 1, []) + most + LITERAL)
    with pytest.raises(FrameError, match=f"has more than {MOST_STEPS} steps"):
        list(FrameParser(MOST_STEPS + 1).feed(more))


def test_a_recipe_that_is_longer_than_any_can_be_is_refused_before_it_comes() -> None:
    longest = MOST + MOST_OVERHEAD_BYTES
    assert list(FrameParser(MOST).feed(frame_header(0, longest, RECIPE))) == []
    with pytest.raises(FrameError, match=f"announces {longest + 1} bytes"):
        list(FrameParser(MOST).feed(frame_header(0, longest + 1, RECIPE)))


@pytest.mark.parametrize(
    "versions", [["v"] * (MOST_VERSIONS + 1), [""], ["../v"], ["ä"], ["v" * 129]]
)
def test_nobody_writes_a_recipe_that_is_refused(versions: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot be the versions"):
        recipe_head(1, versions)


def test_the_parser_keeps_nothing_of_the_bytes() -> None:
    block = bytes(64 * 1024)
    length = 1_000 * len(block)
    parser = FrameParser(length)
    head = recipe_head(length, []) + literal_step(length)
    list(parser.feed(frame_header(0, len(head) + length, RECIPE) + head))
    given_out = 0
    tracemalloc.start()
    try:
        for _ in range(1_000):
            given_out += sum(
                len(event.data) for event in parser.feed(block) if isinstance(event, Payload)
            )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert given_out == length
    assert peak < len(block)
