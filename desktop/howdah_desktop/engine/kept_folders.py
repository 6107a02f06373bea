"""The watched folders of a running engine, and what the ledger says of them."""

from __future__ import annotations

from howdah_common.problems import ProblemError
from howdah_desktop.engine.kept import Kept
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.news import News
from howdah_desktop.folders.watched import FolderState, Watched


class KeptFolders:
    """Belongs to the control thread."""

    def __init__(self, ledger: Ledger, news: News) -> None:
        self._ledger = ledger
        self._news = news
        self.by_id: dict[int, Kept] = {}

    def named(self, id_: int) -> Kept:
        """Raises ProblemError("folder_unknown")."""
        kept = self.by_id.get(id_)
        if kept is None:
            raise ProblemError("folder_unknown")
        return kept

    def read_again(self, kept: Kept) -> None:
        """After the ledger was told something of it."""
        kept.watched = self.in_ledger(kept.watched.id)

    def in_ledger(self, id_: int) -> Watched:
        found = self._ledger.watched_folder(id_)
        assert found is not None
        return found

    def set_state(
        self, kept: Kept, state: FolderState, detail: str = "", until: float | None = None
    ) -> Watched:
        """`until`: seconds since 1970, None: until somebody says so."""
        if (kept.watched.state, kept.watched.detail, kept.watched.until) != (state, detail, until):
            self._ledger.set_folder_state(kept.watched.id, state, detail, until)
            self.read_again(kept)
            self._news.something()
        return kept.watched
