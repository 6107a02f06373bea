"""The chunk stream: however it is cut on the way, the same events come out, or one kind of error."""

from __future__ import annotations

import tracemalloc
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from howdah_common.digests import DIGEST_BYTES, SHA256, digest
from howdah_common.frames import (
    FRAME_OVERHEAD_BYTES,
    HEADER_BYTES,
    MEDIA_TYPE,
    Event,
    FrameEnd,
    FrameError,
    FrameParser,
    FrameStart,
    Payload,
    frame_header,
)

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
MOST = 1_000

Frame = tuple[int, bytes, bytes]
"""Number, payload, digest."""

frames = st.tuples(
    st.integers(0, 2**32 - 1),
    st.binary(min_size=1, max_size=100),
    st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES),
)


def encoded(sent: list[Frame]) -> bytes:
    return b"".join(
        frame_header(number, len(payload)) + payload + end for number, payload, end in sent
    )


def flat(events: list[Event]) -> list[Event]:
    """With the pieces of each payload joined: where they are cut is the line's matter."""
    joined: list[Event] = []
    for event in events:
        if isinstance(event, Payload) and joined and isinstance(joined[-1], Payload):
            joined[-1] = Payload(memoryview(bytes(joined[-1].data) + bytes(event.data)))
        else:
            joined.append(event)
    return joined


def parsed(pieces: list[bytes]) -> list[Event]:
    parser = FrameParser(MOST)
    events = [event for piece in pieces for event in parser.feed(piece)]
    parser.finish()
    return flat(events)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[low:high] for low, high in pairwise(borders)]


@given(st.lists(frames, max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_what_was_sent_comes_out_however_it_was_cut(sent: list[Frame], places: list[int]) -> None:
    expected: list[Event] = []
    for number, payload, end in sent:
        expected += [
            FrameStart(number, len(payload)),
            Payload(memoryview(payload)),
            FrameEnd(end),
        ]
    assert parsed(cut(encoded(sent), places)) == expected


@given(st.lists(frames, min_size=1, max_size=3))
def test_byte_for_byte_gives_the_same_as_at_once(sent: list[Frame]) -> None:
    stream = encoded(sent)
    assert parsed([stream[at : at + 1] for at in range(len(stream))]) == parsed([stream])


@given(
    st.lists(frames, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=5),
    st.lists(st.integers(0, 10_000), max_size=10),
    st.integers(0, 10_000),
)
@example([(0, b"a", bytes(32))], [(12, 255)], [], 0)
def test_a_damaged_stream_raises_frame_errors_only(
    sent: list[Frame], damage: list[tuple[int, int]], places: list[int], lost: int
) -> None:
    stream = bytearray(encoded(sent))
    for place, value in damage:
        stream[place % len(stream)] = value
    del stream[len(stream) - lost % len(stream) :]
    parser = FrameParser(MOST)
    announced = given_out = ended = started = 0
    try:
        for piece in cut(bytes(stream), places):
            for event in parser.feed(piece):
                match event:
                    case FrameStart(_, length):
                        assert 0 < length <= MOST
                        started += 1
                        announced += length
                    case Payload(data):
                        given_out += len(data)
                        assert given_out <= announced
                    case FrameEnd():
                        ended += 1
                        assert (started, announced) == (ended, given_out)
        parser.finish()
    except FrameError:
        assert ended <= started <= ended + 1


@given(st.lists(frames, min_size=1, max_size=2), st.data())
def test_a_stream_may_end_between_frames_and_nowhere_else(
    sent: list[Frame], data: st.DataObject
) -> None:
    stream = encoded(sent)
    borders = {0}
    for _, payload, _ in sent:
        borders.add(max(borders) + len(payload) + FRAME_OVERHEAD_BYTES)
    end = data.draw(st.one_of(st.integers(0, len(stream)), st.sampled_from(sorted(borders))))
    parser = FrameParser(MOST)
    list(parser.feed(stream[:end]))
    if end in borders:
        parser.finish()
        assert [type(event) for event in parser.feed(encoded(sent[:1]))][-1] is FrameEnd
    else:
        with pytest.raises(FrameError, match="ends in the middle of a frame"):
            parser.finish()


def test_a_header_is_what_the_protocol_says() -> None:
    stream = frame_header(2, 3) + b"abc" + digest(SHA256, b"abc")
    assert stream.hex() == (
        "48434631" + "00" + "000000" + "00000002" + "0000000000000003" + "616263"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert f"`{stream.hex()}`" in PROTOCOL
    assert MEDIA_TYPE in PROTOCOL
    assert (HEADER_BYTES, FRAME_OVERHEAD_BYTES) == (20, 52)
    assert len(stream) == 3 + FRAME_OVERHEAD_BYTES


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("48434632 00 000000 00000002 0000000000000003", "a frame does not begin with its mark"),
        ("00434631 00 000000 00000002 0000000000000003", "a frame does not begin with its mark"),
        ("48434631 00 000001 00000002 0000000000000003", "a frame does not begin with its mark"),
        ("48434631 01 000000 00000002 0000000000000003", "chunk 2 has the encoding 1"),
        ("48434631 ff 000000 00000002 0000000000000003", "chunk 2 has the encoding 255"),
        ("48434631 00 000000 00000002 0000000000000000", "announces 0 bytes; 1000 are the most"),
        ("48434631 00 000000 00000002 00000000000003e9", "announces 1001 bytes; 1000 are the most"),
        ("48434631 00 000000 00000002 ffffffffffffffff", "chunk 2 announces 18446744073709551615"),
    ],
)
def test_a_wrong_header_is_refused_before_any_payload(header: str, sentence: str) -> None:
    events = FrameParser(MOST).feed(bytes.fromhex(header) + bytes(100))
    with pytest.raises(FrameError, match=sentence):
        next(events)


def test_the_frames_before_a_wrong_one_come_out_whole() -> None:
    stream = encoded([(7, b"abc", bytes(32))]) + b"HCF2" + bytes(16)
    events = FrameParser(MOST).feed(stream)
    assert list(islice(events, 3)) == [
        FrameStart(7, 3),
        Payload(memoryview(b"abc")),
        FrameEnd(bytes(32)),
    ]
    with pytest.raises(FrameError):
        next(events)


def test_the_largest_frame_that_is_allowed_passes() -> None:
    assert parsed([encoded([(0, bytes(MOST), bytes(32))])])[0] == FrameStart(0, MOST)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_payload_is_a_view_into_what_was_fed_and_no_copy(kind: type) -> None:
    fed = kind(encoded([(0, b"abc", bytes(32))]))
    (payload,) = [event for event in FrameParser(MOST).feed(fed) if isinstance(event, Payload)]
    assert payload.data.obj is (fed.obj if isinstance(fed, memoryview) else fed)
    assert bytes(payload.data) == b"abc"


def test_nothing_fed_is_nothing_seen() -> None:
    parser = FrameParser(MOST)
    assert list(parser.feed(b"")) == []
    parser.finish()


def test_the_parser_keeps_none_of_the_payload() -> None:
    block = bytes(64 * 1024)
    length = 1_000 * len(block)
    parser = FrameParser(length)
    given_out = 0
    list(parser.feed(frame_header(0, length)))
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
