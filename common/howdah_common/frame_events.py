"""What a chunk stream is made of, as its parser tells it (see `frames`)."""

from __future__ import annotations

from dataclasses import dataclass


class FrameError(ValueError):
    """The stream is not made of frames; the message says where it went wrong."""


@dataclass(frozen=True, slots=True)
class FrameStart:
    """A chunk begins: its number, and how many bytes it has when it is whole."""

    number: int
    length: int


@dataclass(frozen=True, slots=True)
class Payload:
    """The next bytes of the chunk that has begun; a view into what was fed."""

    data: memoryview


@dataclass(frozen=True, slots=True)
class Range:
    """The next bytes of the chunk are those from `offset` on of a version that is there already."""

    version: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class FrameEnd:
    """The chunk is whole; the sender's digest of it."""

    digest: bytes


Event = FrameStart | Payload | Range | FrameEnd
