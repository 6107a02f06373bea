"""What may stand in one file after a power cut, drawn from what was done to it since its last sync."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.diskshim import Op, Record
from kit.sparse import PAGE_BYTES, SECTOR_BYTES, Content

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16  # of fallocate


@dataclass(slots=True)
class Change:
    """A change of one file's bytes or size; ``sizes`` when the file system journals it as metadata."""

    moment: int
    record: Record
    sizes: bool
    lost: bool = False  # a sync failed after it: the kernel has forgotten to write it

    def keep(self, content: Content) -> None:
        """What a later successful sync makes of it. A lost write leaves only its size."""
        if self.lost:
            content.resize(max(content.size, self.record.offset + self.record.length))
        else:
            self.apply(content)

    def apply(self, content: Content) -> None:
        record = self.record
        match record.op:
            case Op.WRITE:
                content.write(record.offset, record.data)
            case Op.TRUNCATE:
                content.resize(record.length)
            case _ if record.flags & (PUNCH_HOLE | ZERO_RANGE):
                content.clear(record.offset, record.length)
        if record.op is Op.FALLOCATE and not record.flags & KEEP_SIZE:
            content.resize(max(content.size, record.offset + record.length))


def draw_journaled(
    durable: Content, changes: Sequence[Change], reached: int, rng: random.Random
) -> Content:
    """Sizes that the journal reached are certain; nothing after the first that it did not can be
    there: those blocks are not yet the file's."""
    known = list(itertools.takewhile(lambda c: not c.sizes or c.moment <= reached, changes))
    return draw(durable, known, rng, certain=lambda change: change.sizes)


def draw(
    durable: Content,
    changes: Sequence[Change],
    rng: random.Random,
    certain: Callable[[Change], bool] = lambda _: False,
) -> Content:
    if not changes:
        return durable

    def version(kept: int) -> Content:
        content = durable.copy()
        for number, change in enumerate(changes):
            if number < kept or certain(change):
                change.apply(content)
        return content

    count = len(changes)
    how = rng.choice(["none", "all", "some", "pages", "sectors"])
    if how in ("none", "all", "some"):
        return version({"none": 0, "all": count, "some": rng.randint(0, count)}[how])
    versions = [version(kept) for kept in {0, count, rng.randint(0, count), rng.randint(0, count)}]
    return _mix(versions, PAGE_BYTES if how == "pages" else SECTOR_BYTES, rng)


def _mix(versions: list[Content], unit: int, rng: random.Random) -> Content:
    """Each page (or sector) of any of the versions, the size of any."""
    mixed = rng.choice(versions).copy()
    size = mixed.size
    for number in sorted({n for version in versions for n in version.pages}):
        pages = [version.page(number) for version in versions]
        if any(page is not pages[0] for page in pages):
            parts = [rng.choice(pages)[at : at + unit] for at in range(0, PAGE_BYTES, unit)]
            mixed.pages[number] = b"".join(parts)
    mixed.size = max(mixed.pages, default=0) * PAGE_BYTES + PAGE_BYTES
    mixed.resize(size)
    return mixed
