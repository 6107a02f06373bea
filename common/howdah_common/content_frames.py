"""The answer with many small files (`application/vnd.howdah.contents`): a frame for each that was asked for.

    offset  bytes  what
         0      4  "HFC1"
         4      4  length of the item in bytes, unsigned big-endian
         8      4  length of the payload in bytes, unsigned big-endian
        12      i  the item: a BatchItem as JSON, with the file (200) or the problem
      12+i      n  the file's bytes; none after a problem

There is no digest at the end: the manifest digest in the item is that of the upload, and the bytes are held
against it, here as there. The parser takes bytes as they come and keeps one frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from howdah_common.chunks import KIB, MIB, ChunkPlanError
from howdah_common.digests import UnknownAlgorithm
from howdah_common.manifest import manifest_of
from howdah_common.messages import FileInfo
from howdah_common.messages_batch import BatchItem

MEDIA_TYPE = "application/vnd.howdah.contents"
MOST_FILE_BYTES = 256 * KIB
"""Of one file; what is larger comes by itself."""
MOST_BYTES = 8 * MIB
"""Of all files in one answer."""
MOST_ITEM_BYTES = 64 * KIB
"""A path of 4,096 bytes, of which JSON makes six each, and room for what a newer receiver adds."""

_MAGIC = b"HFC1"
_HEAD = struct.Struct(">4sII")
HEAD_BYTES = _HEAD.size


class ContentFrameError(ValueError):
    """The stream is not made of frames; the message says where it went wrong."""


@dataclass(frozen=True, slots=True)
class ContentFrame:
    """What the receiver says of a file, and its bytes, if it is there."""

    item: BatchItem
    data: bytes = b""


def content_frame(frame: ContentFrame) -> bytes:
    """A frame as it goes out. Raises ValueError for what no frame can say."""
    item = msgspec.json.encode(frame.item)
    if fault := _fault(frame.item, len(frame.data)):
        raise ValueError(fault)
    if len(item) > MOST_ITEM_BYTES or len(frame.data) > MOST_FILE_BYTES:
        raise ValueError(f"no frame holds {len(item)} and {len(frame.data)} bytes")
    return _HEAD.pack(_MAGIC, len(item), len(frame.data)) + item + frame.data


def is_whole(file: FileInfo, data: bytes) -> bool:
    """Whether these are the bytes that the file had when it was uploaded."""
    try:
        found = manifest_of(data, file.chunk_bytes, file.digest_algorithm).digest()
    except (ChunkPlanError, UnknownAlgorithm):
        return False
    return len(data) == file.size and found.hex() == file.manifest_digest


class ContentFrameParser:
    """Bytes in, frames out, each as soon as it is whole. Call `finish` at the end of the stream."""

    def __init__(self, most_frames: int, most_bytes: int = MOST_BYTES) -> None:
        """More frames, or more bytes of files, are refused as soon as a head says it."""
        self._most_frames = most_frames
        self._left_bytes = self._most_bytes = most_bytes
        self._held = bytearray()
        self._lengths: tuple[int, int] | None = None
        self._wanted = HEAD_BYTES
        self.frames = 0
        """Whose heads have come."""

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[ContentFrame]:
        """Frames that `data` makes whole. Raises ContentFrameError."""
        view = memoryview(data)
        while view:
            step = min(self._wanted - len(self._held), len(view))
            self._held += view[:step]
            view = view[step:]
            if len(self._held) < self._wanted:
                return
            whole = bytes(self._held)
            self._held.clear()
            if self._lengths is None:
                self._read_head(whole)
            else:
                yield self._frame(whole, *self._lengths)

    def finish(self) -> None:
        """The stream has ended. Raises ContentFrameError in the middle of a frame."""
        if self._held or self._lengths is not None:
            raise ContentFrameError("the stream ends in the middle of a frame")

    def _read_head(self, whole: bytes) -> None:
        magic, item_bytes, size = _HEAD.unpack(whole)
        self.frames += 1
        which = f"frame {self.frames}"
        if magic != _MAGIC:
            raise ContentFrameError(f"{which} does not begin with its mark")
        if self.frames > self._most_frames:
            raise ContentFrameError(f"there are more than {self._most_frames} frames")
        if not 0 < item_bytes <= MOST_ITEM_BYTES:
            raise ContentFrameError(f"{which} announces an item of {item_bytes} bytes")
        if size > MOST_FILE_BYTES:
            raise ContentFrameError(f"{which} announces {size} bytes; {MOST_FILE_BYTES} at most")
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise ContentFrameError(f"the files have more than {self._most_bytes} bytes")
        self._lengths = item_bytes, size
        self._wanted = item_bytes + size

    def _frame(self, whole: bytes, item_bytes: int, size: int) -> ContentFrame:
        try:
            item = msgspec.json.decode(whole[:item_bytes], type=BatchItem)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ContentFrameError(f"the item of frame {self.frames} is none: {error}") from error
        if fault := _fault(item, size):
            raise ContentFrameError(f"frame {self.frames}: {fault}")
        self._lengths, self._wanted = None, HEAD_BYTES
        return ContentFrame(item, whole[item_bytes:])


def _fault(item: BatchItem, size: int) -> str:
    if (item.file is None) == (item.problem is None):
        return "it tells of a file or of a problem"
    if item.file is not None and item.file.size != size:
        return f"the file has {item.file.size} bytes, and {size} come"
    return f"{size} bytes come with a problem" if item.file is None and size else ""
