"""Recipes for the fuzzer of frames: valid ones, and a reader as plain as the table in docs/protocol.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from howdah_common.recipes import literal_step, range_step, recipe_head

MOST_LONGER_BYTES = 12 + 8 * 129 + 4096 * 16

_ID = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


@dataclass(slots=True)
class Made:
    """What a recipe makes: bytes, with zeros for each range, and the ranges with their places."""

    length: int | None = None
    chunk: bytearray = field(default_factory=bytearray)
    ranges: list[tuple[int, str, int, int]] = field(default_factory=list)
    error: bool = False


def valid_recipe(rng: Random, length: int) -> bytes:
    """The payload of a frame whose chunk has that many bytes."""
    versions = [
        bytes(rng.choices(_ID, k=rng.choice([1, 32, 128]))).decode()
        for _ in range(rng.choice([0, 1, 1, 8]))
    ]
    made = recipe_head(length, versions)
    while length:
        count = min(length, rng.choice([1, 7, 300, length]))
        length -= count
        if versions and rng.random() < 0.5:
            offset = rng.choice([0, 1, 2**40, 2**63 - 1 - count])
            made += range_step(rng.randrange(len(versions)), offset, count)
        else:
            made += literal_step(count) + rng.randbytes(count)
    return made


def expected_of(payload: bytes, announced: int, most_chunk_bytes: int) -> Made:
    """What is to come out of a payload, which the stream may have cut off before the length `announced`."""
    made = Made()
    made.error = not _read(payload, made, most_chunk_bytes) or len(payload) < announced
    return made


def _read(payload: bytes, made: Made, most_chunk_bytes: int) -> bool:
    """Whether it is a recipe; what comes before a mistake is made all the same."""
    length = int.from_bytes(payload[:8], "big")
    if len(payload) < 12 or payload[9:12] != bytes(3) or payload[8] > 8:
        return False
    if not 0 < length <= most_chunk_bytes:
        return False
    made.length = length
    at, versions = 12, []
    for _ in range(payload[8]):
        count = payload[at] if at < len(payload) else 0
        name = payload[at + 1 : at + 1 + count]
        if not 0 < count <= 128 or len(name) < count or set(name) - set(_ID):
            return False
        versions.append(name.decode())
        at += 1 + count
    steps = 0
    while at < len(payload):
        steps += 1
        if not _read_step(payload[at:], made, versions, steps):
            return False
        at += 16 if payload[at] else 8 + int.from_bytes(payload[at + 4 : at + 8], "big")
    return len(made.chunk) == length


def _read_step(rest: bytes, made: Made, versions: list[str], steps: int) -> bool:
    count = int.from_bytes(rest[4:8], "big")
    room = (made.length or 0) - len(made.chunk)
    if len(rest) < 8 or not 0 < count <= room or steps > 4096 or rest[2:4] != bytes(2):
        return False
    if rest[0] == 0 and rest[1] == 0:
        made.chunk += rest[8 : 8 + count]
        return len(rest) >= 8 + count
    if rest[0] != 1 or rest[1] >= len(versions) or len(rest) < 16:
        return False
    offset = int.from_bytes(rest[8:16], "big")
    if offset + count >= 2**63:
        return False
    made.ranges.append((len(made.chunk), versions[rest[1]], offset, count))
    made.chunk += bytes(count)
    return True
