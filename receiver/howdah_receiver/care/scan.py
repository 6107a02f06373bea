"""Compares `files/` with what the catalogue knows, and takes up what other hands did there.

Every use of a file looks at that one file; a scan looks at all of them. What was put in by hand is read and
becomes a file, what was changed a version *changed outside*, what was renamed stays the file that it was.
Of what was taken away the last version that is kept goes to the trash; where none is, the file is
forgotten. Where so much is gone that a disk may not be mounted, nothing is forgotten unless it is asked for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_path
from howdah_receiver.accounts.caller import NOBODY
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import versions as version_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.tree import Tree

MANY = 50
"""So many may be gone without a question; beyond, not more than half."""
MOST_NAMED = 1000


@dataclass(slots=True)
class Scanned:
    """How far a scan of a space has come; `passed_over` names what is no file or has no valid name."""

    space: str
    looked_at: int = 0
    taken_in: int = 0
    moved: int = 0
    to_trash: int = 0
    forgotten: int = 0
    left_alone: int = 0
    """Gone from the disk, and not forgotten: too many at once."""
    passed_over: list[str] = field(default_factory=list)


class Scan:
    """One look at a space."""

    def __init__(
        self, catalogue: Catalogue, folder: DataFolder, tree: Tree, space: Space, *, forget: bool
    ) -> None:
        """`forget`: also where so much is gone that it looks like a disk that is not mounted."""
        self._catalogue = catalogue
        self._folder = folder
        self._tree = tree
        self._space = space
        self._forget = forget
        self._found = Scanned(space.name)
        # What is not where it was, by device and inode.
        self._missing: dict[tuple[int, int], FileRow] = {}

    def run(self) -> Iterator[Scanned]:
        """Look; how far it is, now and then. Stop asking to stop it. Raises ProblemError: storage_full,
        storage_failed."""
        for path, there in self._walk():
            self._note_missing(path, there)
            self._found.looked_at += len(there)
            yield self._found
        known = self._found.looked_at + len(self._missing)
        for path, there in self._walk():
            yield from self._take_up(path, there)
        yield from self._let_go(known)

    # -- what stands on the disk

    def _walk(self) -> Iterator[tuple[str, dict[str, os.stat_result]]]:
        """Every folder with the regular files in it, the outer ones first."""
        waiting = [""]
        while waiting:
            path = waiting.pop()
            try:
                files, folders = self._look(path)
            except OSError:
                continue  # gone meanwhile, or it was none
            yield path, files
            waiting += [remote_path.join(path, name) for name in sorted(folders, reverse=True)]

    def _look(self, path: str) -> tuple[dict[str, os.stat_result], list[str]]:
        whole = f"{self._space.folder}/{path}".rstrip("/")
        files, folders = {}, []
        with (
            disk.folder(self._folder.files, whole) as descriptor,
            os.scandir(descriptor) as entries,
        ):
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if not self._is_ours(remote_path.join(path, entry.name), status):
                    continue
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.name)
                else:
                    files[entry.name] = status
        return files, folders

    def _is_ours(self, path: str, status: os.stat_result) -> bool:
        try:
            check_path(path)
        except BadPath:
            self._pass_over(path)
            return False
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            return True
        self._pass_over(path)
        return False

    def _pass_over(self, path: str) -> None:
        shown = path.encode(errors="surrogateescape").decode(errors="backslashreplace")
        if shown not in self._found.passed_over and len(self._found.passed_over) < MOST_NAMED:
            self._found.passed_over.append(shown)

    # -- what the catalogue knows

    def _rows(self, path: str) -> tuple[FolderRow | None, dict[str, FileRow]]:
        with self._catalogue.read() as connection:
            folder = folder_rows.at_path(connection, self._space.id, path)
            if folder is None:
                return None, {}
            rows = file_rows.in_folder(connection, folder.id)
        return folder, {remote_path.name(row.path): row for row in rows}

    def _note_missing(self, path: str, there: dict[str, os.stat_result]) -> None:
        folder, rows = self._rows(path)
        self._note_gone(row for name, row in rows.items() if name not in there)
        if folder is None:
            return
        with self._catalogue.read() as connection:
            below = folder_rows.children(connection, folder.id)
        for child in below:
            if not self._is_on_disk(child.path):
                self._note_folder(child)

    def _note_folder(self, folder: FolderRow) -> None:
        """Of a folder that is gone, all that is known to be in it."""
        _, rows = self._rows(folder.path)
        self._note_gone(rows.values())
        with self._catalogue.read() as connection:
            below = folder_rows.children(connection, folder.id)
        for child in below:
            self._note_folder(child)

    def _note_gone(self, rows: Iterable[FileRow]) -> None:
        for row in rows:
            self._missing[row.device, row.inode] = row

    def _is_on_disk(self, path: str) -> bool:
        try:
            with disk.folder(self._folder.files, f"{self._space.folder}/{path}"):
                return True
        except OSError:
            return False

    # -- bringing them together

    def _take_up(self, path: str, there: dict[str, os.stat_result]) -> Iterator[Scanned]:
        folder, rows = self._rows(path)
        if folder is None and not there:
            self._tree.make_folder(self._space, path, NOBODY)
        for name, status in there.items():
            row = rows.get(name)
            if row is None or row.identity != Identity.of(status):
                self._take_up_file(remote_path.join(path, name), row, status)
                yield self._found

    def _take_up_file(self, path: str, row: FileRow | None, status: os.stat_result) -> None:
        stray = self._missing.get((status.st_dev, status.st_ino)) if row is None else None
        if stray is not None and self._tree.strays.moved(self._space, stray, path):
            del self._missing[status.st_dev, status.st_ino]
            self._found.moved += 1
            return
        self._tree.outside.take_in(self._space, path)
        self._found.taken_in += 1

    def _let_go(self, known: int) -> Iterator[Scanned]:
        gone = list(self._missing.values())
        if len(gone) > MANY and len(gone) * 2 > known and not self._forget:
            self._found.left_alone = len(gone)
            yield self._found
            return
        for row in gone:
            self._let_go_of(row)
            yield self._found
        self._let_go_of_folders("")
        yield self._found

    def _let_go_of(self, row: FileRow) -> None:
        with self._catalogue.read() as connection:
            versions = version_rows.all_of(connection, row.id)
        kept = next((one.id for one in versions if one.place == "kept" and not one.damaged), None)
        if kept is None:
            self._found.forgotten += self._tree.strays.taken_away(self._space, row)
            return
        try:
            self._tree.revert(self._space, row, kept, if_version=row.version_id, by=NOBODY)
            self._tree.trash(self._space, row, if_version=kept, by=NOBODY)
        except ProblemError as problem:
            if problem.code in ("storage_full", "storage_failed"):
                raise
            self._found.left_alone += 1
            return
        self._found.to_trash += 1

    def _let_go_of_folders(self, path: str) -> None:
        """The inner ones first."""
        with self._catalogue.read() as connection:
            folder = folder_rows.at_path(connection, self._space.id, path)
            below = [] if folder is None else folder_rows.children(connection, folder.id)
        for child in below:
            self._let_go_of_folders(child.path)
            if not self._is_on_disk(child.path):
                self._tree.strays.folder_taken_away(self._space, child)
