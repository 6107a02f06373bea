"""Pieces: a file cut where its content says, so that they are found again wherever it has moved to.

Where a piece ends is up to the bytes from its beginning on and to nothing else (FastCDC): after an
insertion or a removal the cuts soon fall on the same bytes as before. What is kept of a list of pieces
is bounded: of a file so large that it would have more, each entry is a group of pieces, which ends where
the digest of one says so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fastcdc import fastcdc  # type: ignore[import-untyped]  # it has no types

from howdah_common.chunks import KIB, MIB
from howdah_common.digests import BLAKE3, Hasher, digest, hasher

PIECE_BYTES = 256 * KIB
FINE_PIECE_BYTES = 64 * KIB
FINE_UP_TO_BYTES = 64 * MIB
"""Smaller files are cut into fine pieces: little is sent for a little change."""
WANTED_PIECES = 32_768
"""About so many has the list of a large file at most; with 20 bytes each it comes to 640 KiB."""
MOST_PIECES = 2 * WANTED_PIECES
"""No list is longer, whatever the file holds."""
_LONGEST_GROUP = 16
"""Times the length that is wanted: what always looks the same, zeros for example, ends no group by itself."""
_MOST_GROUP_BYTES = 2**31

DIGEST_BYTES = 16
"""Of blake3: enough to find something by. Whether it is the same, the digest of its chunk says."""
_HEAD = struct.Struct(">4sBB2s")
_MAGIC = b"HPL1"
_ENTRY = struct.Struct(f">I{DIGEST_BYTES}s")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How a file is cut; lists that were cut alike can be compared."""

    piece_bits: int
    """Pieces have about 2 to this power bytes: from half of that to twice as many."""
    group_bits: int = 0
    """An entry is about 2 to this power pieces."""

    @property
    def piece_bytes(self) -> int:
        return 1 << self.piece_bits

    def fits(self, size: int) -> bool:
        """Whether a file of `size` bytes has a list that is not too long this way."""
        return size >> (self.piece_bits + self.group_bits) <= WANTED_PIECES * 3 // 2

    @classmethod
    def for_file(cls, size: int) -> Sizes:
        piece_bytes = FINE_PIECE_BYTES if size < FINE_UP_TO_BYTES else PIECE_BYTES
        piece_bits = piece_bytes.bit_length() - 1
        return cls(piece_bits, max(0, (size // piece_bytes // WANTED_PIECES).bit_length()))


class PieceList:
    """The pieces of a whole file, in order, 20 bytes each."""

    def __init__(self, sizes: Sizes, packed: bytes | bytearray = b"") -> None:
        self.sizes = sizes
        self._packed = bytearray(packed)

    def __len__(self) -> int:
        return len(self._packed) // _ENTRY.size

    def __bytes__(self) -> bytes:
        """For the ledger."""
        head = _HEAD.pack(_MAGIC, self.sizes.piece_bits, self.sizes.group_bits, b"\0\0")
        return head + bytes(self._packed)

    @classmethod
    def from_bytes(cls, data: bytes) -> PieceList:
        """Raises ValueError for what is none."""
        try:
            magic, piece_bits, group_bits, zero = _HEAD.unpack_from(data)
        except struct.error as error:
            raise ValueError("no list of pieces") from error
        packed = data[_HEAD.size :]
        whole = not len(packed) % _ENTRY.size and len(packed) <= MOST_PIECES * _ENTRY.size
        known = 10 <= piece_bits <= 24 and group_bits <= 24
        if magic != _MAGIC or zero != b"\0\0" or not (whole and known):
            raise ValueError("no list of pieces")
        return cls(Sizes(piece_bits, group_bits), packed)

    def add(self, length: int, found: bytes) -> None:
        self._packed += _ENTRY.pack(length, found)

    def pieces(self) -> Iterator[tuple[int, int, bytes]]:
        """Offset, length and digest of each."""
        offset = 0
        for length, found in _ENTRY.iter_unpack(self._packed):
            yield offset, length, found
            offset += length


class Cutter:
    """Cuts a stretch of a file from `at` on, as its bytes are read. `note` hears of each piece: offset,
    length, digest. It holds as much as two of the longest pieces, which is 1 MiB."""

    def __init__(self, sizes: Sizes, at: int, note: Callable[[int, int, bytes], None]) -> None:
        self._sizes = sizes
        self._note = note
        self._most = 2 * sizes.piece_bytes
        self._buffer = memoryview(bytearray(2 * self._most))
        self._begin = self._end = 0
        self.at = at
        """Offset of the byte that is to be fed next."""
        self.begins = at
        """Offset of the piece that has not ended yet."""
        self._group: Hasher | None = None
        self._group_bytes = 0

    def feed(self, data: memoryview) -> None:
        """The next bytes of the file."""
        while data:
            if self._end == len(self._buffer):
                self._make_room()
            count = min(len(data), len(self._buffer) - self._end)
            self._buffer[self._end : self._end + count] = data[:count]
            self._end += count
            self.at += count
            data = data[count:]
            self._cut(self._most)

    def finish(self) -> None:
        """The file has ended: so has its last piece."""
        self._cut(1)
        self._end_group()

    def _make_room(self) -> None:
        left = bytes(self._buffer[self._begin : self._end])
        self._buffer[: len(left)] = left
        self._begin, self._end = 0, len(left)

    def _cut(self, needed: int) -> None:
        """As long as `needed` bytes are there: with fewer, a cut could be another once more have come."""
        if self._end - self._begin < needed:
            return
        whole = self._buffer[self._begin : self._end]
        average = self._sizes.piece_bytes
        for piece in fastcdc(whole, average // 2, average, self._most):
            first, length = piece.offset, piece.length
            self._ended(length, digest(BLAKE3, whole[first : first + length])[:DIGEST_BYTES])
            self._begin += length
            if self._end - self._begin < needed:
                return

    def _ended(self, length: int, found: bytes) -> None:
        bits = self._sizes.group_bits
        if not bits:
            self._note(self.begins, length, found)
            self.begins += length
            return
        if self._group is None:
            self._group = hasher(BLAKE3)
        self._group.update(found)
        self._group_bytes += length
        last = not int.from_bytes(found[:4], "big") & ((1 << bits) - 1)
        longest = min((self._sizes.piece_bytes << bits) * _LONGEST_GROUP, _MOST_GROUP_BYTES)
        if last or self._group_bytes >= longest:
            self._end_group()

    def _end_group(self) -> None:
        if self._group is not None:
            self._note(self.begins, self._group_bytes, self._group.digest()[:DIGEST_BYTES])
            self.begins += self._group_bytes
            self._group, self._group_bytes = None, 0
