"""The stream of small files: however it is cut on the way, the same files come out, or one kind of error."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_common.digests import DIGEST_BYTES, SHA256, digest
from howdah_common.file_frames import (
    HEAD_BYTES,
    MEDIA_TYPE,
    MOST_FILE_BYTES,
    Event,
    FileEnd,
    FileFrameError,
    FileFrameParser,
    FileHead,
    FileStart,
    file_head,
)

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
ID = "000102030405060708090a0b0c0d0e0f"
ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
words: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.just({"if_exists": "keep_both"}),
    st.just({"if_version": "none"}),
    ids.filter(lambda id_: id_ != "0" * 32).map(lambda id_: {"if_version": id_}),
)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@st.composite
def small_files(draw: st.DrawFn) -> tuple[FileHead, bytes, bytes]:
    data = draw(st.binary(max_size=80))
    more = draw(words)
    time = draw(st.integers(-(2**63), 2**63 - 1))
    head = FileHead(draw(ids), draw(names), len(data), time, **more)
    return head, data, draw(st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES))


def parsed(pieces: list[bytes], **limits: int) -> list[Event]:
    parser = FileFrameParser(**limits)
    events = [event for piece in pieces for event in parser.feed(piece)]
    parser.finish()
    return events


@given(st.lists(small_files(), max_size=5), st.data())
def test_the_same_files_come_out_however_the_stream_is_cut(
    sent: list[tuple[FileHead, bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(file_head(head) + payload + end for head, payload, end in sent)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=9)))
    pieces = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
    events = parsed(pieces)
    assert len(events) == 2 * len(sent)
    for (head, payload, end), start, finish in zip(sent, events[::2], events[1::2], strict=True):
        assert isinstance(start, FileStart)
        assert start.head == head
        assert stream[start.offset : start.offset + head.size] == payload
        assert finish == FileEnd(end)


@given(st.lists(small_files(), min_size=1, max_size=3), st.data())
def test_a_stream_that_ends_inside_a_frame_is_none(
    sent: list[tuple[FileHead, bytes, bytes]], data: st.DataObject
) -> None:
    frames = [file_head(head) + payload + end for head, payload, end in sent]
    ends = {sum(map(len, frames[:n])) for n in range(len(frames) + 1)}
    stream = b"".join(frames)
    cut = data.draw(st.integers(1, len(stream) - 1).filter(lambda n: n not in ends))
    with pytest.raises(FileFrameError, match="in the middle"):
        parsed([stream[:cut]])


@given(st.binary(max_size=400))
def test_anything_else_is_refused_and_nothing_worse(stream: bytes) -> None:
    parser = FileFrameParser()
    try:
        for event in parser.feed(stream):
            assert isinstance(event, FileStart | FileEnd)
        parser.finish()
    except FileFrameError:
        pass


def test_the_frame_of_the_protocol_page() -> None:
    head = FileHead(ID, "notes/abc.txt", 3, 1_700_000_000_123_456_789)
    stream = file_head(head) + b"abc" + digest(SHA256, b"abc")
    assert f"`{stream.hex()}`" in PROTOCOL
    assert MEDIA_TYPE in PROTOCOL
    assert HEAD_BYTES == 52
    start, end = parsed([stream])
    assert start == FileStart(head, 65)
    assert end == FileEnd(digest(SHA256, b"abc"))


def changed(at: int, value: bytes) -> bytes:
    whole = bytearray(file_head(FileHead(ID, "a", 0, 0)) + bytes(DIGEST_BYTES))
    whole[at : at + len(value)] = value
    return bytes(whole)


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        (changed(0, b"HCF1"), "file 1 does not begin with its mark"),
        (changed(5, b"\1"), "file 1 does not begin with its mark"),
        (changed(4, b"\3"), "flags 3"),
        (changed(4, b"\10"), "flags 8"),
        (changed(4, b"\4"), "flags 4"),
        (changed(36, b"\1"), "flags 0"),
        (changed(6, b"\0\0"), "a path of 0 bytes"),
        (changed(6, b"\x10\x01"), "a path of 4097 bytes"),
        (changed(8, (MOST_FILE_BYTES + 1).to_bytes(4, "big")), "announces 1048577 bytes"),
        (changed(52, b"\xff"), "the path of file 1 is not UTF-8"),
        (changed(0, b"H") * 3, "more than 2 files"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_sentence(stream: bytes, sentence: str) -> None:
    with pytest.raises(FileFrameError, match=sentence):
        parsed([stream], most_files=2)


@pytest.mark.parametrize(
    "head",
    [
        FileHead(ID, "", 0, 0),
        FileHead(ID, "a" * 4097, 0, 0),
        FileHead(ID, "a", MOST_FILE_BYTES + 1, 0),
        FileHead(ID, "a", -1, 0),
        FileHead("00", "a", 0, 0),
        FileHead(ID, "a", 0, 0, "keep_both", "none"),
    ],
)
def test_what_no_frame_can_say_is_not_made(head: FileHead) -> None:
    with pytest.raises(ValueError, match=r"no frame|a path has|is not an id"):
        file_head(head)
