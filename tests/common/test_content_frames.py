"""The answer with many small files: however it is cut on the way, the same come out, or one kind of error."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_common.chunks import SMALLEST_CHUNK_BYTES
from howdah_common.content_frames import (
    HEAD_BYTES,
    MEDIA_TYPE,
    MOST_FILE_BYTES,
    MOST_ITEM_BYTES,
    ContentFrame,
    ContentFrameError,
    ContentFrameParser,
    content_frame,
    is_whole,
)
from howdah_common.digests import ALGORITHMS, BLAKE3, SHA256
from howdah_common.manifest import manifest_of
from howdah_common.messages import FileInfo
from howdah_common.messages_batch import BatchItem, outcome_of, refused
from howdah_common.problems import PROBLEMS, ProblemError

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def file_of(data: bytes, path: str = "a", algorithm: str = BLAKE3) -> FileInfo:
    return FileInfo(
        id="f",
        space="s",
        path=path,
        version="v",
        size=len(data),
        modified_ns=-1,
        added_ns=1,
        chunk_bytes=SMALLEST_CHUNK_BYTES,
        digest_algorithm=algorithm,
        manifest_digest=manifest_of(data, SMALLEST_CHUNK_BYTES, algorithm).digest().hex(),
    )


def given_file(data: bytes, path: str = "a") -> ContentFrame:
    return ContentFrame(BatchItem(status=200, file=file_of(data, path)), data)


problems = st.builds(ProblemError, st.sampled_from(sorted(PROBLEMS)), names)
frames = st.one_of(
    st.builds(given_file, st.binary(max_size=80), names),
    problems.map(lambda problem: ContentFrame(refused(problem))),
)


def parsed(
    pieces: list[bytes], most_frames: int = 10, most_bytes: int = 10**6
) -> list[ContentFrame]:
    parser = ContentFrameParser(most_frames, most_bytes)
    found = [frame for piece in pieces for frame in parser.feed(piece)]
    parser.finish()
    return found


@given(st.lists(frames, max_size=5), st.data())
def test_the_same_frames_come_out_however_the_stream_is_cut(
    sent: list[ContentFrame], data: st.DataObject
) -> None:
    stream = b"".join(map(content_frame, sent))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=9)))
    assert parsed([stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]) == sent


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_stream_that_ends_inside_a_frame_gives_what_was_whole_and_says_so(
    sent: list[ContentFrame], data: st.DataObject
) -> None:
    each = [content_frame(frame) for frame in sent]
    ends = {sum(map(len, each[:n])) for n in range(len(each) + 1)}
    stream = b"".join(each)
    cut = data.draw(st.integers(1, len(stream) - 1).filter(lambda n: n not in ends))
    parser = ContentFrameParser(10)
    whole = sum(end <= cut for end in ends) - 1
    assert list(parser.feed(stream[:cut])) == sent[:whole]
    with pytest.raises(ContentFrameError, match="in the middle"):
        parser.finish()


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_stream_with_a_byte_changed_gives_frames_or_the_error_and_nothing_worse(
    sent: list[ContentFrame], data: st.DataObject
) -> None:
    stream = bytearray(b"".join(map(content_frame, sent)))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at] ^= data.draw(st.integers(1, 255))
    try:
        found = parsed([bytes(stream)])
    except ContentFrameError:
        return
    for frame in found:
        file = outcome_of(frame.item)
        assert isinstance(file, FileInfo | ProblemError)


@given(st.binary(max_size=400))
def test_anything_else_is_refused_and_nothing_worse(stream: bytes) -> None:
    try:
        parsed([stream])
    except ContentFrameError:
        pass
    else:
        assert not stream


@given(st.binary(max_size=3 * SMALLEST_CHUNK_BYTES), st.sampled_from(sorted(ALGORITHMS)), st.data())
def test_only_the_bytes_that_were_uploaded_are_whole(
    content: bytes, algorithm: str, data: st.DataObject
) -> None:
    file = file_of(content, algorithm=algorithm)
    assert is_whole(file, content)
    assert not is_whole(file, content + b"x")
    assert not is_whole(msgspec.structs.replace(file, size=len(content) + 1), content)
    assert not is_whole(msgspec.structs.replace(file, chunk_bytes=3), content)
    assert not is_whole(msgspec.structs.replace(file, digest_algorithm="md5"), content)
    if content:
        wrong = bytearray(content)
        wrong[data.draw(st.integers(0, len(content) - 1))] ^= 1
        assert not is_whole(file, bytes(wrong))
        assert not is_whole(file, content[:-1])


def head(item: int, payload: int, mark: bytes = b"HFC1") -> bytes:
    return mark + item.to_bytes(4, "big") + payload.to_bytes(4, "big")


def framed(item: bytes, payload: bytes = b"") -> bytes:
    return head(len(item), len(payload)) + item + payload


GONE = msgspec.json.encode(refused(ProblemError("file_not_found")))


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        (head(1, 0, b"HBF1"), "frame 1 does not begin with its mark"),
        (head(0, 0), "an item of 0 bytes"),
        (head(MOST_ITEM_BYTES + 1, 0), "an item of 65537 bytes"),
        (head(1, MOST_FILE_BYTES + 1), "announces 262145 bytes"),
        (head(1, 1001), "more than 1000 bytes"),
        (content_frame(given_file(bytes(600))) * 2, "more than 1000 bytes"),
        (framed(GONE) * 3, "more than 2 frames"),
        (framed(b"{"), "the item of frame 1 is none"),
        (framed(b"\xff"), "the item of frame 1 is none"),
        (framed(b"[" * 5000), "the item of frame 1 is none"),
        (framed(b'{"status":200}'), "of a file or of a problem"),
        (framed(GONE, b"x"), "1 bytes come with a problem"),
        (framed(msgspec.json.encode(given_file(b"abc").item), b"ab"), "has 3 bytes, and 2 come"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_sentence(stream: bytes, sentence: str) -> None:
    with pytest.raises(ContentFrameError, match=sentence):
        parsed([stream], most_frames=2, most_bytes=1000)


@pytest.mark.parametrize(
    "frame",
    [
        ContentFrame(BatchItem(status=200)),
        ContentFrame(refused(ProblemError("file_not_found")), b"x"),
        ContentFrame(BatchItem(status=200, file=file_of(b"abc")), b"ab"),
        given_file(bytes(MOST_FILE_BYTES + 1)),
        given_file(b"", "a" * MOST_ITEM_BYTES),
    ],
)
def test_what_no_frame_can_say_is_not_made(frame: ContentFrame) -> None:
    with pytest.raises(ValueError, match=r"it tells|come|no frame"):
        content_frame(frame)


def test_the_frame_of_the_protocol_page() -> None:
    file = msgspec.structs.replace(
        file_of(b"abc", "notes/abc.txt", SHA256),
        id="f1",
        space="s1",
        version="v1",
        modified_ns=1_700_000_000_123_456_789,
        added_ns=1_700_000_060_000_000_000,
    )
    item = BatchItem(status=200, file=file)
    stream = content_frame(ContentFrame(item, b"abc"))
    assert HEAD_BYTES == 12
    assert f"`{stream[:HEAD_BYTES].hex()}`" in PROTOCOL
    assert f"`{stream[HEAD_BYTES:-3].decode()}`" in PROTOCOL
    assert stream[-3:] == b"abc"
    assert MEDIA_TYPE in PROTOCOL
