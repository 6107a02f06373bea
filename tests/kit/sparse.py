"""What a file holds, as pages that copies share: a copy costs a table, and a hole costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

PAGE_BYTES = 4096
SECTOR_BYTES = 512
_ZEROS = bytes(PAGE_BYTES)


class Content:
    """A sparse run of bytes. Pages are immutable, so ``copy`` is cheap and states can share them."""

    __slots__ = ("pages", "size")

    def __init__(self, data: bytes = b"") -> None:
        self.size = 0
        self.pages: dict[int, bytes] = {}
        if data:
            self.write(0, data)

    def copy(self) -> Content:
        twin = Content()
        twin.size = self.size
        twin.pages = self.pages.copy()
        return twin

    def page(self, number: int) -> bytes:
        """A whole page; zeros where nothing was written."""
        return self.pages.get(number, _ZEROS)

    def write(self, offset: int, data: bytes) -> None:
        at, end = 0, len(data)
        while at < end:
            number, within = divmod(offset + at, PAGE_BYTES)
            piece = data[at : at + PAGE_BYTES - within]
            if len(piece) < PAGE_BYTES:
                old = self.page(number)
                self.pages[number] = old[:within] + piece + old[within + len(piece) :]
            else:
                self.pages[number] = piece
            at += len(piece)
        self.size = max(self.size, offset + end)

    def resize(self, size: int) -> None:
        """Bytes beyond a smaller size are gone: growing again shows zeros."""
        if size < self.size:
            # To the end of the last page: a page beyond the size must not stay.
            self.clear(size, -(-self.size // PAGE_BYTES) * PAGE_BYTES - size)
        self.size = size

    def clear(self, offset: int, length: int) -> None:
        """Zeros, without a change of size (a punched hole)."""
        end = offset + length
        for number in _numbers(self.pages, offset, end):
            first = max(offset - number * PAGE_BYTES, 0)
            last = min(end - number * PAGE_BYTES, PAGE_BYTES)
            if first == 0 and last == PAGE_BYTES:
                del self.pages[number]
            else:
                old = self.pages[number]
                self.pages[number] = old[:first] + bytes(last - first) + old[last:]

    def runs(self) -> Iterator[tuple[int, bytes]]:
        """What was written, as (offset, bytes) of neighbouring pages, cut at the size."""
        run: list[bytes] = []
        start = 0
        for number in sorted(self.pages):
            if run and number != start + len(run):
                yield start * PAGE_BYTES, b"".join(run)
                run = []
            if not run:
                start = number
            run.append(self.pages[number])
        if run:
            yield start * PAGE_BYTES, b"".join(run)[: self.size - start * PAGE_BYTES]

    def data(self) -> bytes:
        whole = bytearray(self.size)
        for offset, run in self.runs():
            whole[offset : offset + len(run)] = run
        return bytes(whole)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Content) and self.data() == other.data()

    __hash__ = None  # type: ignore[assignment]  # it changes


def _numbers(pages: dict[int, bytes], start: int, end: int) -> list[int]:
    """The written pages that touch [start, end)."""
    first, last = start // PAGE_BYTES, -(-end // PAGE_BYTES)
    if last - first < len(pages):
        return [number for number in range(first, last) if number in pages]
    return [number for number in pages if first <= number < last]
