"""Which rows stand in the list, in which order. Pure, and quick with 100,000 of them.

A row has a key: the id of a transfer, or the negative id of a folder that was given as one. The rows of
an expanded folder stand below it. Nothing here asks the engine; it is told what changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from howdah_desktop.engine.views import ChunksView, Overview, RootView, TransferView
from howdah_desktop.window.below import Below
from howdah_desktop.window.classes import CLASS_MASK, UNFINISHED, Class, Row, place_of


class Chip(Enum):
    """A filter of the list."""

    ALL = "all"
    ACTIVE = "active"
    WAITING = "waiting"
    PAUSED = "paused"
    NEEDS_YOU = "needs you"
    DONE = "done"


class Order(Enum):
    ACTIVITY = "activity"
    """What moves first, then what needs somebody, what waits in its order, what is done, newest first."""
    NEWEST = "newest"
    NAME = "name"
    SIZE = "size"


CLASS_OF_CHIP = {
    Chip.ALL: Class(0),
    Chip.ACTIVE: Class.ACTIVE,
    Chip.WAITING: Class.WAITING,
    Chip.PAUSED: Class.PAUSED,
    Chip.NEEDS_YOU: Class.NEEDS_YOU,
    Chip.DONE: Class.DONE,
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that stands at the top, looked over already: 100,000 rows take a while, in another thread."""

    rows: dict[int, Row]
    places: dict[int, int]
    tally: Counter[int]
    """How many rows are of which class."""

    @staticmethod
    def of(transfers: Iterable[TransferView], roots: Iterable[RootView]) -> Loaded:
        rows: dict[int, Row] = {view.id: view for view in transfers}
        for root in roots:
            rows[-root.id] = root
        places = {key: place_of(row) for key, row in rows.items()}
        return Loaded(rows, places, Counter(place & CLASS_MASK for place in places.values()))


@dataclass(slots=True)
class Update:
    """What a tick did. `arrange`: rows came or went, or may stand elsewhere now."""

    changed: set[int] = field(default_factory=set)
    arrange: bool = False
    added: bool = False
    """Somebody just gave these: they are to be seen at once."""


class Arrangement:
    """`keys` is the list as it is shown; it changes in `arrange` alone."""

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.rows: dict[int, Row] = {}
        """What stands at the top, by key."""
        self.children: dict[int, Below] = {}
        """Of expanded folders, by key; filled bit by bit."""
        self.chunks: dict[int, ChunksView] = {}
        self.chip = Chip.ALL
        self.order = Order.ACTIVITY
        self.text = ""
        self.found: Mapping[int, Sequence[int]] = {}
        """Folders, by key, and which of their rows are called what is searched for."""
        self._places: dict[int, int] = {}
        self._tally: Counter[int] = Counter()
        self._leaving: set[int] = set()

    # -- what is told

    def load(self, loaded: Loaded) -> None:
        """Everything anew. `arrange` shows it."""
        self.rows, self._places, self._tally = loaded.rows, loaded.places, loaded.tally
        self._leaving.clear()
        self.children = {key: below for key, below in self.children.items() if key in self.rows}
        for below in self.children.values():
            below.read_anew()
        self.chunks = {key: chunks for key, chunks in self.chunks.items() if key in self.rows}

    def update(self, overview: Overview) -> Update:
        update = Update()
        for view in overview.transfers:
            self._take(view.id if view.root is None else -view.root, view, update)
        for root in overview.roots:
            self._take_row(-root.id, root, update)
        for chunks in overview.chunks:
            self.chunks[chunks.id] = chunks
        for key in (*overview.gone, *(-root for root in overview.gone_roots)):
            self._leave(key, update)
        return update

    def expand(self, key: int) -> None:
        self.children.setdefault(key, Below())

    def collapse(self, key: int) -> None:
        below = self.children.pop(key, None)
        for id_ in below.views if below is not None else ():
            self.chunks.pop(id_, None)

    def add_children(self, key: int, views: Iterable[TransferView]) -> None:
        """More of an expanded folder's rows. What changed since they were read stays."""
        if key in self.children:
            self.children[key].read(views)

    def all_children(self, key: int) -> None:
        """All rows of an expanded folder have been read."""
        if key in self.children:
            self.children[key].all_read()

    # -- what is asked

    def row(self, key: int) -> Row | None:
        found = self.rows.get(key)
        if found is None and key > 0:
            for below in self.children.values():
                if key in below.views:
                    return below.views[key]
        return found

    def is_child(self, key: int) -> bool:
        return key > 0 and key not in self.rows

    def expanded(self, key: int) -> bool:
        return key in self.children

    @property
    def unfinished(self) -> int:
        """Rows at the top that still have something to do."""
        return sum(count for class_, count in self._tally.items() if class_ & UNFINISHED)

    @property
    def counts(self) -> dict[Chip, int]:
        """How many rows at the top each chip would show."""
        counts = dict.fromkeys(Chip, 0)
        for class_, count in self._tally.items():
            counts[Chip.ALL] += count
            for chip, wanted in CLASS_OF_CHIP.items():
                if class_ & wanted and not (chip is Chip.DONE and class_ & UNFINISHED):
                    counts[chip] += count
        return counts

    # -- the list

    def arrange(self) -> list[int]:
        """Put `keys` in order, as chip, text and order ask for."""
        for key in self._leaving:
            self._drop(key)
        self._leaving.clear()
        keys = self._sorted(self._filtered())
        if self.children:
            keys = list(self._with_children(keys))
        self.keys = keys
        return keys

    def _filtered(self) -> list[int]:
        wanted = int(CLASS_OF_CHIP[self.chip])
        places = self._places
        keys = [key for key, place in places.items() if place & wanted] if wanted else list(places)
        if wanted == int(Class.DONE):  # a folder is done when all of it is
            keys = [key for key in keys if not places[key] & UNFINISHED]
        if self.text:
            text, rows, found = self.text.casefold(), self.rows, self.found
            keys = [key for key in keys if text in rows[key].name.casefold() or key in found]
        return keys

    def _sorted(self, keys: list[int]) -> list[int]:
        rows = self.rows
        match self.order:
            case Order.ACTIVITY:
                return sorted(keys, key=self._places.__getitem__)
            case Order.NEWEST:
                return sorted(keys, key=lambda key: rows[key].added, reverse=True)
            case Order.NAME:
                return sorted(keys, key=lambda key: rows[key].name.casefold())
            case Order.SIZE:
                return sorted(keys, key=lambda key: rows[key].size or 0, reverse=True)

    def _with_children(self, keys: Iterable[int]) -> Iterable[int]:
        for key in keys:
            yield key
            below = self.children.get(key)
            if below is not None:
                yield from self._sorted_children(key, below)

    def _sorted_children(self, key: int, below: Below) -> list[int]:
        text, views = self.text.casefold(), below.views
        if text in self.rows[key].name.casefold():
            text = ""  # all of a folder that is called so
        ids = below.chosen(int(CLASS_OF_CHIP[self.chip]), text)
        match self.order:
            case Order.ACTIVITY:
                ids.sort(key=below.places.__getitem__)
            case Order.NAME:
                ids.sort(key=below.names.__getitem__)
            case Order.SIZE:
                ids.sort(key=lambda id_: views[id_].size or 0, reverse=True)
            case Order.NEWEST:
                ids.sort(reverse=True)
        return ids

    # -- inside

    def _take(self, key: int, view: TransferView, update: Update) -> None:
        if key > 0:
            self._take_row(key, view, update)
        elif key in self.children:
            if self.children[key].tell(view):
                update.arrange = True
            update.changed.add(view.id)

    def _take_row(self, key: int, row: Row, update: Update) -> None:
        place, before = place_of(row), self._places.get(key)
        if place != before:
            update.arrange = True
            update.added = update.added or before is None
            self._tally[place & CLASS_MASK] += 1
            if before is not None:
                self._tally[before & CLASS_MASK] -= 1
        self.rows[key], self._places[key] = row, place
        self._leaving.discard(key)
        update.changed.add(key)

    def _leave(self, key: int, update: Update) -> None:
        if key in self.rows:
            # It stays until the list is arranged anew: a view may still paint it.
            self._leaving.add(key)
            update.arrange = True
            return
        for below in self.children.values():
            if below.drop(key):
                update.arrange = True

    def _drop(self, key: int) -> None:
        place = self._places.pop(key, None)
        if place is not None:
            self._tally[place & CLASS_MASK] -= 1
        for known in (self.rows, self.chunks, self.children):
            known.pop(key, None)
