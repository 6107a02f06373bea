"""The window's orders: what a click means to the engine, given through the desk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.views import Withdrawn
from howdah_desktop.window.acts import Chosen
from howdah_desktop.window.desk import Desk
from howdah_desktop.window.feed import Feed
from howdah_desktop.window.look import Act


class Orders:
    """From the GUI thread; nothing waits. `failed` hears of what could not be done."""

    def __init__(self, desk: Desk, feed: Feed, failed: Callable[[ProblemError], None]) -> None:
        self._desk = desk
        self._feed = feed
        self._failed = failed

    def act(self, act: Act, keys: Iterable[int]) -> None:
        """The button of a row."""
        orders = {
            Act.PAUSE: self.pause,
            Act.GO_ON: self.resume,
            Act.TRY_NOW: self.resume,
            Act.REMOVE: self.remove,
        }
        orders[act](keys)

    def pause(self, keys: Iterable[int] | None) -> None:
        self._order(keys, lambda face: face.pause)

    def resume(self, keys: Iterable[int] | None) -> None:
        """Go on with what was paused, try again what waits or failed."""
        self._order(keys, lambda face: face.resume)

    def cancel(self, keys: Iterable[int] | None) -> None:
        self._order(keys, lambda face: face.cancel)

    def remove(self, keys: Iterable[int] | None) -> None:
        """Out of the list; what arrived stays where it is."""
        self._order(keys, lambda face: face.remove)

    def add(self, paths: Sequence[bytes], to: str, then: Callable[[int], None]) -> None:
        """Files and folders, for the folder `to`; `then` gets the number of the group."""
        # It looks at them first, and their disk may hang.
        self._desk.ask(
            lambda: self._feed.face().add_sends(paths, to, ask_beyond=True),
            then,
            self._failed,
            may_hang=True,
        )

    def release(self, group: int) -> None:
        """Yes: all of it is meant."""
        self._desk.ask(lambda: self._feed.face().release(group), None, self._failed)

    def withdraw(self, group: int, then: Callable[[Withdrawn], None] | None = None) -> None:
        """Take back what was given."""
        self._desk.ask(lambda: self._feed.face().withdraw(group), then, self._failed)

    def look(self) -> None:
        """Ask the receiver now."""
        self._desk.ask(lambda: self._feed.face().look(), None, self._failed)

    def expand(self, root: int) -> None:
        self._feed.expand(root)
        self._desk.ask(self._feed.nudge)

    def collapse(self, root: int) -> None:
        self._feed.collapse(root)

    def find(self, text: str, then: Callable[[Mapping[int, Sequence[int]]], None]) -> None:
        """Folders that hold something called so: by key, with the ids."""

        def find() -> Mapping[int, Sequence[int]]:
            reader = self._feed.reader()
            try:
                return {-root: ids for root, ids in reader.roots_with(text).items()}
            finally:
                reader.close()

        self._desk.ask(find, then, self._failed)

    def _order(self, keys: Iterable[int] | None, choose: Callable[[Face], _Order]) -> None:
        chosen = None if keys is None else Chosen.of(keys)

        def work() -> int:
            order = choose(self._feed.face())
            return order() if chosen is None else order(chosen.ids, chosen.roots)

        self._desk.ask(work, None, self._failed)


class _Order(Protocol):
    def __call__(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int: ...


def folder_to_show(path: str) -> str:
    """The folder of a local file, for the desktop's file manager."""
    return os.path.dirname(path) or path  # noqa: PTH120  # as the engine shows it
