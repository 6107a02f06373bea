"""Recipes: the payload of a frame that says of what is there already how a chunk is made.

    offset  bytes  what
         0      8  length of the chunk in bytes, unsigned big-endian
         8      1  how many versions it takes from: 0 to 8
         9      3  zero
    then each version:
                1  length of its id: 1 to 128
                n  its id: letters, digits, "_" and "-"
    then the steps, which make the chunk from its first byte to its last, 1 to 4,096 of them; bytes:
                1  0
                3  zero
                4  how many bytes, unsigned big-endian, not 0
                n  the bytes
    or a range of a version:
                1  1
                1  which of the versions, from 0 on
                2  zero
                4  how many bytes, unsigned big-endian, not 0
                8  where they begin in the version, unsigned big-endian

The payload ends with the step that makes the chunk's last byte. The digest after it is that of the chunk,
not of its recipe: whatever a version holds by then, other bytes than the sender's never count.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from enum import Enum

from howdah_common.frame_events import FrameError, FrameStart, Payload, Range

MOST_VERSIONS = 8
MOST_STEPS = 4_096
MOST_ID_BYTES = 128

_HEAD = struct.Struct(">QB3s")
_STEP = struct.Struct(">BB2sI")
_OFFSET = struct.Struct(">Q")
_LITERAL, _RANGE = 0, 1
_ID = re.compile(rb"[A-Za-z0-9_-]+")

LITERAL_BYTES = _STEP.size
"""What stands before the bytes of a step that brings some."""
RANGE_BYTES = _STEP.size + _OFFSET.size
MOST_STEP_LENGTH = 2**32 - 1
MOST_OVERHEAD_BYTES = (
    _HEAD.size + MOST_VERSIONS * (1 + MOST_ID_BYTES) + MOST_STEPS * max(LITERAL_BYTES, RANGE_BYTES)
)
"""So much longer than its chunk a recipe may be at most."""


def recipe_head(length: int, versions: Sequence[str]) -> bytes:
    """What a recipe begins with; `length` is that of the chunk, in bytes. Raises ValueError for versions
    that none can name."""
    ids = [version.encode() for version in versions]
    fit = all(_ID.fullmatch(id_) and len(id_) <= MOST_ID_BYTES for id_ in ids)
    if len(ids) > MOST_VERSIONS or not fit:
        raise ValueError("these cannot be the versions of a recipe")
    named = b"".join(bytes([len(id_)]) + id_ for id_ in ids)
    return _HEAD.pack(length, len(ids), b"\0\0\0") + named


def literal_step(length: int) -> bytes:
    """What stands before `length` bytes that are sent as they are."""
    return _STEP.pack(_LITERAL, 0, b"\0\0", length)


def range_step(version: int, offset: int, length: int) -> bytes:
    """The step that takes `length` bytes from `offset` on of a version, counted from 0."""
    return _STEP.pack(_RANGE, version, b"\0\0", length) + _OFFSET.pack(offset)


class _Part(Enum):
    """What comes next."""

    HEAD = "head"
    ID_LENGTH = "id length"
    ID = "id"
    STEP = "step"
    OFFSET = "offset"


_LENGTHS = {
    _Part.HEAD: _HEAD.size,
    _Part.ID_LENGTH: 1,
    _Part.STEP: _STEP.size,
    _Part.OFFSET: _OFFSET.size,
}


class RecipeParser:
    """The payload of one frame in, events out. It keeps the ids, and at most part of one step."""

    def __init__(self, number: int, most_bytes: int) -> None:
        """`number` is the chunk's; one of more than `most_bytes` is refused."""
        self._number = number
        self._most = most_bytes
        self._held = bytearray()
        self._part = _Part.HEAD
        self._wanted = _HEAD.size
        self._versions: list[str] = []
        self._to_name = 0
        self._length = self._made = self._steps = 0
        self._literal_left = 0
        self._version, self._range_length = 0, 0

    def feed(self, data: memoryview) -> Iterator[FrameStart | Payload | Range]:
        """Events of `data`, which is as long valid as their views. Raises FrameError."""
        while data:
            if self._literal_left:
                piece, data = data[: self._literal_left], data[self._literal_left :]
                self._literal_left -= len(piece)
                yield Payload(piece)
                continue
            missing = self._wanted - len(self._held)
            self._held += data[:missing]
            data = data[missing:]
            if len(self._held) == self._wanted:
                whole = bytes(self._held)
                self._held.clear()
                event = self._take(whole)
                if event is not None:
                    yield event

    def finish(self) -> None:
        """The payload has ended. Raises FrameError where the chunk is not whole by then."""
        if self._made != self._length or self._literal_left or self._part is not _Part.STEP:
            self._refuse(f"makes {self._made} of {self._length} bytes")
        if self._held:
            self._refuse("goes on after its last step")

    def _take(self, whole: bytes) -> FrameStart | Range | None:
        match self._part:
            case _Part.HEAD:
                return self._head(whole)
            case _Part.ID_LENGTH:
                if not 0 < whole[0] <= MOST_ID_BYTES:
                    self._refuse(f"has an id of {whole[0]} bytes")
                self._expect(_Part.ID, whole[0])
            case _Part.ID:
                self._named(whole)
            case _Part.STEP:
                self._step(whole)
            case _Part.OFFSET:
                (offset,) = _OFFSET.unpack(whole)
                self._expect(_Part.STEP)
                if offset + self._range_length >= 2**63:
                    self._refuse("takes from beyond where any file ends")
                return Range(self._versions[self._version], offset, self._range_length)
        return None

    def _head(self, whole: bytes) -> FrameStart:
        self._length, self._to_name, zero = _HEAD.unpack(whole)
        if zero != b"\0\0\0" or self._to_name > MOST_VERSIONS:
            self._refuse("does not begin like one")
        if not 0 < self._length <= self._most:
            raise FrameError(
                f"chunk {self._number} announces {self._length} bytes; {self._most} are the most"
            )
        self._expect(_Part.ID_LENGTH if self._to_name else _Part.STEP)
        return FrameStart(self._number, self._length)

    def _named(self, whole: bytes) -> None:
        if not _ID.fullmatch(whole):
            self._refuse("has an id that is none")
        self._versions.append(whole.decode())
        more = len(self._versions) < self._to_name
        self._expect(_Part.ID_LENGTH if more else _Part.STEP)

    def _step(self, whole: bytes) -> None:
        kind, version, zero, length = _STEP.unpack(whole)
        self._steps += 1
        if self._steps > MOST_STEPS:
            self._refuse(f"has more than {MOST_STEPS} steps")
        if not 0 < length <= self._length - self._made:
            self._refuse("makes a chunk of another length than it says")
        self._made += length
        if kind == _LITERAL and version == 0 and zero == b"\0\0":
            self._literal_left = length
        elif kind == _RANGE and version < len(self._versions) and zero == b"\0\0":
            self._version, self._range_length = version, length
            self._expect(_Part.OFFSET)
        else:
            self._refuse("has a step that is not known here")

    def _expect(self, part: _Part, wanted: int | None = None) -> None:
        self._part = part
        self._wanted = _LENGTHS[part] if wanted is None else wanted

    def _refuse(self, what: str) -> None:
        raise FrameError(f"the recipe of chunk {self._number} {what}")
