"""A file that may be a change of one that was sent before: its pieces, and what of it need not be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from howdah_common.chunks import MIB, ChunkPlan
from howdah_common.messages import FileInfo
from howdah_common.recipes import recipe_head
from howdah_desktop.engine.link import Link
from howdah_desktop.engine.piece_notes import PieceNotes
from howdah_desktop.engine.pieces import PieceList, Sizes
from howdah_desktop.engine.recipes import Recipes, matches
from howdah_desktop.engine.source import Source

LEAST_BYTES = 4 * MIB
"""Less is sent as it is: it costs no more than to find out."""

MOSTLY = 3 / 4
"""Where less was noted of a file that hardly changes, the rest is not read again for that."""

Remembered = Callable[[str], tuple[str, bytes] | None]
"""The version of a file that was last sent from here, and its pieces, by the file's id."""


class Change:
    """Of one upload, over all its runs. `begin` comes first.

    To take note of the pieces doubles what sending costs the processor (measured: 2.4 s and 4.8 s for
    512 MiB). So it is done where the file will change, as it is watched, or has changed, as another one
    stands where it goes; and of any other as long as the line is what holds it up.
    """

    def __init__(self, remembered: Remembered | None) -> None:
        self._remembered = remembered
        self._begun = self._likely = False
        self._before: tuple[str, PieceList] | None = None
        self._notes: PieceNotes | None = None
        self._now: PieceList | None = None
        self.recipes: Recipes | None = None

    def begin(self, size: int, there: FileInfo | None, *, watched: bool) -> None:
        """A file of `size` bytes goes where `there` stands."""
        if self._begun or self._remembered is None or size < LEAST_BYTES:
            return
        self._begun = True
        self._likely = watched or there is not None
        self._before = None if there is None else self._known(there.id, size)
        sizes = Sizes.for_file(size) if self._before is None else self._before[1].sizes
        self._notes = PieceNotes(sizes, size)

    def notes_over(self, link: Link) -> PieceNotes | None:
        """Who takes note of what is read to be sent; None: nobody."""
        return self._notes if self._likely or not link.fast else None

    @property
    def may_save(self) -> bool:
        """Whether it is still to be found out what need not be sent."""
        return self._before is not None and self.recipes is None

    @contextmanager
    def reading(self, offset: int) -> Iterator[Callable[[memoryview], None] | None]:
        """For who reads a stretch of the file from `offset` on: whom to show it to."""
        notes = self._notes
        if notes is None:
            yield None
            return
        cutter = notes.begin(offset)
        yield cutter.feed
        notes.end(cutter, offset)

    def plan(self, plan: ChunkPlan, source: Source, check: Callable[[], None]) -> None:
        """Every chunk that is missing was read: compare the file with what was sent before."""
        self.finish(source, check)
        if self._before is not None:
            version, before = self._before
            runs = [] if self._now is None else list(matches(before, self._now))
            self.recipes = Recipes(version, plan, runs)

    def finish(self, source: Source, check: Callable[[], None]) -> None:
        """Read what nobody has, so that the pieces of the whole file are known."""
        if self._notes is not None:
            if self._likely or self._notes.seen_bytes >= source.identity.size * MOSTLY:
                self._now = self._notes.whole(source, check)
            self._notes = None

    @property
    def pieces(self) -> bytes | None:
        """For the next time."""
        return None if self._now is None else bytes(self._now)

    def _known(self, file_id: str, size: int) -> tuple[str, PieceList] | None:
        found = self._remembered(file_id) if self._remembered is not None else None
        if found is None:
            return None
        try:
            recipe_head(size, [found[0]])  # can be named in one
            pieces = PieceList.from_bytes(found[1])
        except ValueError:
            return None
        return (found[0], pieces) if pieces.sizes.fits(size) else None
