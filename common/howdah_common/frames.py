"""The chunk stream (`application/vnd.howdah.chunks`): frames of one chunk each, one after the other.

    offset  bytes  what
         0      4  "HCF1"
         4      1  encoding: 0 plain, 2 recipe
         5      3  zero
         8      4  chunk number, unsigned big-endian
        12      8  payload length in bytes, unsigned big-endian
        20      n  payload: the chunk itself, or how it is made (see `recipes`)
      20+n     32  digest of the plain bytes, by the algorithm of the upload

The digest comes last, so that a sender can read, hash and send in one pass. The parser takes bytes as
they come and gives events; it keeps at most a header, a digest or part of a recipe's step of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from howdah_common.digests import DIGEST_BYTES
from howdah_common.frame_events import Event, FrameEnd, FrameError, FrameStart, Payload, Range
from howdah_common.recipes import MOST_OVERHEAD_BYTES, RecipeParser

__all__ = [
    "FRAME_OVERHEAD_BYTES",
    "HEADER_BYTES",
    "MEDIA_TYPE",
    "PLAIN",
    "RECIPE",
    "Event",
    "FrameEnd",
    "FrameError",
    "FrameParser",
    "FrameStart",
    "Payload",
    "Range",
    "frame_header",
]

MEDIA_TYPE = "application/vnd.howdah.chunks"
PLAIN = 0
RECIPE = 2

_MAGIC = b"HCF1"
_HEADER = struct.Struct(">4sB3sIQ")
HEADER_BYTES = _HEADER.size
FRAME_OVERHEAD_BYTES = HEADER_BYTES + DIGEST_BYTES


def frame_header(number: int, length: int, encoding: int = PLAIN) -> bytes:
    """What stands before the payload of chunk `number`, `length` bytes long."""
    return _HEADER.pack(_MAGIC, encoding, b"\0\0\0", number, length)


class FrameParser:
    """Bytes in, events out. Feed it whatever arrives; call `finish` at the end of the stream."""

    def __init__(self, most_chunk_bytes: int) -> None:
        """`most_chunk_bytes`: a frame that announces more is refused before its payload comes."""
        self._most = most_chunk_bytes
        self._held = bytearray()
        self._payload_left = 0
        self._recipe: RecipeParser | None = None
        self._in_frame = False

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        """Events of `data`. Payload views are valid as long as `data` is. Raises FrameError."""
        view = memoryview(data)
        while view:
            if self._payload_left:
                piece, view = view[: self._payload_left], view[self._payload_left :]
                self._payload_left -= len(piece)
                yield from self._payload(piece)
                continue
            wanted = DIGEST_BYTES if self._in_frame else HEADER_BYTES
            missing = wanted - len(self._held)
            self._held += view[:missing]
            view = view[missing:]
            if len(self._held) == wanted:
                whole = bytes(self._held)
                self._held.clear()
                if self._in_frame:
                    self._in_frame = False
                    yield FrameEnd(whole)
                else:
                    yield from self._start(whole)

    def finish(self) -> None:
        """The stream has ended. Raises FrameError in the middle of a frame."""
        if self._in_frame or self._held:
            raise FrameError("the stream ends in the middle of a frame")

    def _start(self, header: bytes) -> Iterator[Event]:
        magic, encoding, zero, number, length = _HEADER.unpack(header)
        if magic != _MAGIC or zero != b"\0\0\0":
            raise FrameError("a frame does not begin with its mark")
        if encoding not in (PLAIN, RECIPE):
            raise FrameError(f"chunk {number} has the encoding {encoding}, which is not known here")
        most = self._most + (MOST_OVERHEAD_BYTES if encoding == RECIPE else 0)
        if not 0 < length <= most:
            raise FrameError(f"chunk {number} announces {length} bytes; {most} are the most")
        self._in_frame = True
        self._payload_left = length
        if encoding == RECIPE:
            self._recipe = RecipeParser(number, self._most)
        else:
            yield FrameStart(number, length)

    def _payload(self, piece: memoryview) -> Iterator[Event]:
        if self._recipe is None:
            yield Payload(piece)
            return
        yield from self._recipe.feed(piece)
        if not self._payload_left:
            self._recipe.finish()
            self._recipe = None
