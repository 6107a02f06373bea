"""The ledger as a window reads it, in a thread of its own, while an engine works on it."""

from __future__ import annotations

from pathlib import Path

from howdah_desktop.engine.ledger_rows import VIEW_COLUMNS
from howdah_desktop.engine.ledger_views import LedgerViews
from howdah_desktop.engine.showing import shown
from howdah_desktop.engine.views import RootView, TransferView

MOST_FOUND = 1_000


class LedgerReader(LedgerViews):
    """A connection that only reads; for one thread at a time. Methods raise ProblemError.

    What is at work stands in the ledger about a second late: an Overview has it as it is now.
    """

    def __init__(self, home: Path) -> None:
        """Raises ProblemError: ledger_newer, ledger_damaged, also where there is none yet."""
        super().__init__(home, read_only=True)

    def changes(self) -> int:
        """A number that is another one after any change by others; of this connection alone."""
        with self.told():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def top_level(self) -> list[TransferView]:
        """All in the list that were not given with a folder."""
        return self._views("root IS NULL AND hidden = 0 ORDER BY id")

    def roots(self) -> list[RootView]:
        """All folders in the list."""
        return self.root_views()

    def children(self, root: int, after: int = 0, limit: int = 5_000) -> list[TransferView]:
        """Some of what was given with a folder, by id, from the one after `after` on."""
        return self._views(
            "root = ? AND id > ? AND hidden = 0 ORDER BY id LIMIT ?", root, after, limit
        )

    def roots_with(self, text: str) -> dict[int, list[int]]:
        """Folders that hold something called so, whatever its case: root -> ids, some at most."""
        wanted = text.casefold()
        found: dict[int, list[int]] = {}
        with self.told():
            for id_, root, kind, local, remote in self._db.execute(
                "SELECT id, root, kind, local, remote FROM transfers"
                " WHERE root IS NOT NULL AND hidden = 0 ORDER BY root, id"
            ):
                path = remote if kind == "download" else local.decode("utf-8", "backslashreplace")
                if wanted in path.rpartition("/")[2].casefold():
                    ids = found.setdefault(root, [])
                    if len(ids) < MOST_FOUND:
                        ids.append(id_)
        return found

    def _views(self, where: str, *values: int) -> list[TransferView]:
        # Straight from the cursor: a hundred thousand rows at once would only be garbage to collect.
        with self.told():
            return [
                shown(*row)
                for row in self._db.execute(
                    f"SELECT {VIEW_COLUMNS} FROM transfers WHERE {where}", values
                )
            ]
