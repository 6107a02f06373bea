"""Versions of a file: looked at, fetched, brought back, removed. Synchronous; called from threads."""

from __future__ import annotations

from dataclasses import dataclass

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import versions as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.versions import Stood, VersionRow
from howdah_receiver.files.service import Files, OpenFile, own_file
from howdah_receiver.storage.tree import Tree


@dataclass(frozen=True, slots=True)
class Version:
    """A version and where it stood, the last first."""

    row: VersionRow
    stood: list[Stood]


class History:
    """Thread-safe. A caller needs the right to read the space, and to change it for what changes it."""

    def __init__(self, catalogue: Catalogue, tree: Tree, files: Files) -> None:
        self._catalogue = catalogue
        self._tree = tree
        self._files = files

    def versions(self, caller: Caller, file_id: str) -> list[Version]:
        """All that can be fetched, the newest first. Raises ProblemError (file_not_found)."""
        with self._catalogue.read() as connection:
            own_file(connection, caller, file_id, Right.READ)
            stood = rows.stood(connection, file_id)
            return [Version(row, stood.get(row.id, [])) for row in rows.all_of(connection, file_id)]

    def version(self, caller: Caller, file_id: str, version_id: str) -> Version:
        """Raises ProblemError (file_not_found)."""
        with self._catalogue.read() as connection:
            own_file(connection, caller, file_id, Right.READ)
            row = rows.of_file(connection, file_id, version_id)
            stood = rows.stood(connection, file_id)
        if row is None or row.place == "lost":
            raise ProblemError("file_not_found", "This version is not there any more.")
        return Version(row, stood.get(row.id, []))

    def open(self, caller: Caller, file_id: str, version_id: str) -> OpenFile:
        """For reading. Raises ProblemError: file_not_found, file_damaged, unavailable, storage_failed."""
        self.version(caller, file_id, version_id)
        space, _ = self._own(caller, file_id, Right.READ)
        return self._files.open_version(space, version_id)

    def restore(
        self, caller: Caller, file_id: str, version_id: str, *, if_version: str | None = None
    ) -> FileRow:
        """The file, with that version standing at its path. Raises ProblemError: file_not_found,
        not_allowed, file_damaged, version_conflict, path_conflict, storage_full, storage_failed."""
        space, row = self._own(caller, file_id, Right.CHANGE)
        self._tree.revert(space, row, version_id, if_version=if_version, by=caller.actor)
        return self._own(caller, file_id, Right.READ)[1]

    def remove(self, caller: Caller, file_id: str, version_id: str) -> None:
        """A kept version, for good. Raises ProblemError: file_not_found, not_allowed, version_current,
        storage_full, storage_failed."""
        space, row = self._own(caller, file_id, Right.CHANGE)
        self.version(caller, file_id, version_id)
        if row.version_id == version_id:
            raise ProblemError("version_current")
        self._tree.remove_versions(space, [version_id], path=row.path, by=caller.actor)

    def _own(self, caller: Caller, file_id: str, need: Right) -> tuple[Space, FileRow]:
        with self._catalogue.read() as connection:
            row = own_file(connection, caller, file_id, need)
            return spaces.by_id(connection, row.space_id), row
