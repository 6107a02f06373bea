"""The chunk stream (`application/vnd.howdah.chunks`): frames of one chunk each, one after the other.

    offset  bytes  what
         0      4  "HCF1"
         4      1  encoding: 0 plain
         5      3  zero
         8      4  chunk number, unsigned big-endian
        12      8  payload length in bytes, unsigned big-endian
        20      n  payload
      20+n     32  digest of the plain bytes, by the algorithm of the upload

The digest comes last, so that a sender can read, hash and send in one pass. The parser takes bytes as
they come and gives events; it keeps at most a header or a digest of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from howdah_common.digests import DIGEST_BYTES

MEDIA_TYPE = "application/vnd.howdah.chunks"
PLAIN = 0

_MAGIC = b"HCF1"
_HEADER = struct.Struct(">4sB3sIQ")
HEADER_BYTES = _HEADER.size
FRAME_OVERHEAD_BYTES = HEADER_BYTES + DIGEST_BYTES


class FrameError(ValueError):
    """The stream is not made of frames; the message says where it went wrong."""


@dataclass(frozen=True, slots=True)
class FrameStart:
    """A chunk begins: its number, and how many bytes of payload follow."""

    number: int
    length: int


@dataclass(frozen=True, slots=True)
class Payload:
    """Some bytes of the chunk that has begun; a view into what was fed."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class FrameEnd:
    """The chunk is whole; the sender's digest of it."""

    digest: bytes


Event = FrameStart | Payload | FrameEnd


def frame_header(number: int, length: int) -> bytes:
    """What stands before the payload of chunk `number`, `length` bytes long."""
    return _HEADER.pack(_MAGIC, PLAIN, b"\0\0\0", number, length)


class FrameParser:
    """Bytes in, events out. Feed it whatever arrives; call `finish` at the end of the stream."""

    def __init__(self, most_payload_bytes: int) -> None:
        """`most_payload_bytes`: a frame that announces more is refused before its payload comes."""
        self._most = most_payload_bytes
        self._held = bytearray()
        self._payload_left = 0
        self._in_frame = False

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        """Events of `data`. Payload views are valid as long as `data` is. Raises FrameError."""
        view = memoryview(data)
        while view:
            if self._payload_left:
                piece, view = view[: self._payload_left], view[self._payload_left :]
                self._payload_left -= len(piece)
                yield Payload(piece)
                continue
            wanted = DIGEST_BYTES if self._in_frame else HEADER_BYTES
            missing = wanted - len(self._held)
            self._held += view[:missing]
            view = view[missing:]
            if len(self._held) == wanted:
                whole = bytes(self._held)
                self._held.clear()
                yield self._end(whole) if self._in_frame else self._start(whole)

    def finish(self) -> None:
        """The stream has ended. Raises FrameError in the middle of a frame."""
        if self._in_frame or self._held:
            raise FrameError("the stream ends in the middle of a frame")

    def _start(self, header: bytes) -> FrameStart:
        magic, encoding, zero, number, length = _HEADER.unpack(header)
        if magic != _MAGIC or zero != b"\0\0\0":
            raise FrameError("a frame does not begin with its mark")
        if encoding != PLAIN:
            raise FrameError(f"chunk {number} has the encoding {encoding}, which is not known here")
        if not 0 < length <= self._most:
            raise FrameError(f"chunk {number} announces {length} bytes; {self._most} are the most")
        self._in_frame = True
        self._payload_left = length
        return FrameStart(number, length)

    def _end(self, digest: bytes) -> FrameEnd:
        self._in_frame = False
        return FrameEnd(digest)
