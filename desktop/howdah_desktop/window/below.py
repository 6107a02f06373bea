"""The rows of an expanded folder, with all that filtering and sorting asks of them. Pure.

Looked over as they come, some thousands at a time: of 100,000, to ask each for its place whenever the list is
arranged would take longer than anyone wants to wait for a key.
"""

from __future__ import annotations

from collections.abc import Iterable

from howdah_desktop.engine.views import TransferView
from howdah_desktop.window.classes import RANK_BITS, class_of, rank_of


class Below:
    def __init__(self) -> None:
        self.views: dict[int, TransferView] = {}
        self.names: dict[int, str] = {}
        """Casefolded."""
        self.places: dict[int, int] = {}
        """By activity; of one folder: as they were found, whether they arrived or not."""
        self._classes: dict[int, int] = {}
        self._old: set[int] = set()
        """Not seen again since everything is read anew."""

    def tell(self, view: TransferView) -> bool:
        """What a row is now; whether it may stand elsewhere."""
        before = self.views.get(view.id)
        self._take(view)
        self._old.discard(view.id)
        return before is None or before.state != view.state

    def read(self, views: Iterable[TransferView]) -> None:
        """Rows that were read. What was told since then stays."""
        for view in views:
            if view.id not in self.views or view.id in self._old:
                self._take(view)
                self._old.discard(view.id)

    def read_anew(self) -> None:
        """All of them will be read again; until then they are shown as they were."""
        self._old = set(self.views)

    def all_read(self) -> None:
        """What did not come again is gone."""
        for id_ in self._old:
            self.drop(id_)
        self._old = set()

    def drop(self, id_: int) -> bool:
        """Whether it was there."""
        if self.views.pop(id_, None) is None:
            return False
        for known in (self.names, self.places, self._classes):
            del known[id_]
        return True

    def chosen(self, wanted: int, text: str) -> list[int]:
        """Those of a class (0: of any) that are called so; `text` is casefolded."""
        ids = list(self.views)
        if wanted:
            classes = self._classes
            ids = [id_ for id_ in ids if classes[id_] & wanted]
        if text:
            names = self.names
            ids = [id_ for id_ in ids if text in names[id_]]
        return ids

    def _take(self, view: TransferView) -> None:
        class_ = class_of(view)
        self.views[view.id] = view
        self.names[view.id] = view.name.casefold()
        self.places[view.id] = rank_of(view, class_) >> RANK_BITS << RANK_BITS | view.id
        self._classes[view.id] = class_
