"""A zip as a stream: nothing is gone back to, and next to nothing is kept. Pure.

The format is that of PKWARE's APPNOTE 6.3.10 (the numbers in comments are its sections). Contents are stored,
not compressed: most large files are compressed already, and so a line is filled and a processor is not.
Checksums stand behind each content (4.3.9), as they are not known before. Zip64 is used where something does
not fit the old fields.
"""

from __future__ import annotations

import calendar
import struct
import time
import zlib
from collections.abc import Iterator

LIMIT = 0xFFFFFFFF
MOST_ENTRIES = 0xFFFF
_FIELD32, _FIELD16 = 0xFFFFFFFF, 0xFFFF
_DESCRIPTOR_FOLLOWS, _UTF8 = 1 << 3, 1 << 11
_FLAGS = _DESCRIPTOR_FOLLOWS | _UTF8
_MADE_BY_UNIX = 3 << 8
_PLAIN_VERSION, _ZIP64_VERSION = 20, 45
_FILE_ATTRIBUTES = 0o100644 << 16
_FOLDER_ATTRIBUTES = 0o40755 << 16 | 0x10
_GATHER_BYTES = 64 * 1024


class ZipStream:
    """Entries one after the other: `begin`, the content past `content`, `end`; at last `finish`.

    What each gives is what goes out next. The directory of the end is kept compressed: some 40 bytes an
    entry. `limit` and `most_entries` are those of the old fields, lower in tests.
    """

    def __init__(self, *, limit: int = LIMIT, most_entries: int = MOST_ENTRIES) -> None:
        self._limit = limit
        self._most_entries = most_entries
        self._at = 0
        self._entries = 0
        self._directory = _Kept()
        self._begun: _Entry | None = None

    def begin(self, name: str, size: int, modified_ns: int) -> bytes:
        """The head of a file of `size` bytes. `name`: a path inside the zip."""
        self._begun = _Entry(name.encode(), size, modified_ns, self._at, big=size >= self._limit)
        return self._out(self._begun.head())

    def content(self, block: bytes) -> bytes:
        """The next bytes of the file that was begun."""
        assert self._begun is not None
        self._begun.crc = zlib.crc32(block, self._begun.crc)
        self._begun.count += len(block)
        return self._out(block)

    def end(self) -> bytes:
        """What stands behind a content. Raises ValueError where that has another size than was said."""
        entry = self._begun
        assert entry is not None
        if entry.count != entry.size:
            raise ValueError(f"{entry.count} bytes, not {entry.size}")
        return self._close(entry, entry.descriptor(), _FILE_ATTRIBUTES)

    def folder(self, name: str, modified_ns: int) -> bytes:
        """A folder; needed where it is empty."""
        entry = _Entry(f"{name}/".encode(), 0, modified_ns, self._at, big=False)
        head = self._out(entry.head())
        return head + self._close(entry, entry.descriptor(), _FOLDER_ATTRIBUTES)

    def finish(self) -> Iterator[bytes]:
        """The directory of all entries, and the end (4.3.12 to 4.3.16)."""
        start, size = self._at, self._directory.size
        yield from self._directory.blocks()
        yield self._end_records(start, size)

    def _close(self, entry: _Entry, descriptor: bytes, attributes: int) -> bytes:
        self._directory.add(entry.directory_record(attributes, self._limit))
        self._entries += 1
        self._begun = None
        return self._out(descriptor)

    def _out(self, data: bytes) -> bytes:
        self._at += len(data)
        return data

    def _end_records(self, start: int, size: int) -> bytes:
        count = self._entries
        big = count >= self._most_entries or start >= self._limit or size >= self._limit
        records = b""
        if big:
            records = struct.pack(
                "<IQHHIIQQQQ", 0x06064B50, 44, _MADE_BY_UNIX | _ZIP64_VERSION, _ZIP64_VERSION,
                0, 0, count, count, size, start,
            ) + struct.pack("<IIQI", 0x07064B50, 0, start + size, 1)  # fmt: skip
            count, size, start = _FIELD16, _FIELD32, _FIELD32
        return records + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, start, 0)


class _Entry:
    def __init__(self, name: bytes, size: int, modified_ns: int, at: int, *, big: bool) -> None:
        self.name = name
        self.size = size
        self.at = at
        self.big = big
        self.crc = 0
        self.count = 0
        self._seconds = modified_ns // 10**9
        self._dos = _dos_time(self._seconds)

    def head(self) -> bytes:
        """4.3.7. With a descriptor behind, checksum and sizes are zero here; that they are 64-bit there
        shows in the extra field."""
        extra = self._time_field()
        size = 0
        if self.big:
            extra += struct.pack("<HHQQ", 0x0001, 16, 0, 0)
            size = _FIELD32
        version = _ZIP64_VERSION if self.big else _PLAIN_VERSION
        fixed = struct.pack(
            "<IHHHHHIIIHH", 0x04034B50, version, _FLAGS, 0, *self._dos, 0, size, size,
            len(self.name), len(extra),
        )  # fmt: skip
        return fixed + self.name + extra

    def descriptor(self) -> bytes:
        """4.3.9."""
        sizes = "QQ" if self.big else "II"
        return struct.pack(f"<II{sizes}", 0x08074B50, self.crc, self.size, self.size)

    def directory_record(self, attributes: int, limit: int) -> bytes:
        """4.3.12, with what does not fit in the extra field (4.5.3)."""
        far = self.at >= limit
        wide = [self.size, self.size] if self.big else []
        wide += [self.at] if far else []
        extra = self._time_field()
        if wide:
            extra += struct.pack(f"<HH{len(wide)}Q", 0x0001, 8 * len(wide), *wide)
        version = _ZIP64_VERSION if wide else _PLAIN_VERSION
        size, at = (_FIELD32 if self.big else self.size), (_FIELD32 if far else self.at)
        fixed = struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014B50, _MADE_BY_UNIX | version, version, _FLAGS, 0,
            *self._dos, self.crc, size, size, len(self.name), len(extra), 0, 0, 0, attributes, at,
        )  # fmt: skip
        return fixed + self.name + extra

    def _time_field(self) -> bytes:
        """The time in UTC ("UT", as Info-ZIP defines it): the old field knows no time zone."""
        if not -(2**31) <= self._seconds < 2**31:
            return b""
        return struct.pack("<HHBi", 0x5455, 5, 1, self._seconds)


def _dos_time(seconds: int) -> tuple[int, int]:
    """Time and date in steps of two seconds, from 1980 to 2107 (4.4.6)."""
    first, last = (
        calendar.timegm((1980, 1, 1, 0, 0, 0)),
        calendar.timegm((2107, 12, 31, 23, 59, 58)),
    )
    t = time.gmtime(min(max(seconds, first), last))
    return (
        t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2,
        (t.tm_year - 1980) << 9 | t.tm_mon << 5 | t.tm_mday,
    )


class _Kept:
    """Bytes that are wanted at the end, compressed until then."""

    def __init__(self) -> None:
        self.size = 0
        self._pressing = zlib.compressobj(1)
        self._pressed: list[bytes] = []
        self._gathered = bytearray()

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._gathered += data
        if len(self._gathered) >= _GATHER_BYTES:
            self._pressed.append(self._pressing.compress(self._gathered))
            self._gathered.clear()

    def blocks(self) -> Iterator[bytes]:
        last = self._pressing.compress(self._gathered) + self._pressing.flush()
        unpressing = zlib.decompressobj()
        for pressed in (*self._pressed, last):
            data = unpressing.decompress(pressed)
            if data:
                yield data
