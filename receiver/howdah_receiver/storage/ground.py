"""What every kind of change stands on: the places on the disk, and the looks and steps they share."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import names
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.outside import Outside
from howdah_receiver.storage.unfinished import Unfinished


class GivenUp(ProblemError):
    """The change could not be begun on the disk: nothing of it was done, and its intent is gone."""


class Ground:
    """Used under the lock of the space."""

    def __init__(
        self, catalogue: Catalogue, folder: DataFolder, outside: Outside, unfinished: Unfinished
    ) -> None:
        self.catalogue = catalogue
        self.folder = folder
        self.outside = outside
        self.unfinished = unfinished
        # Spaces whose own folder was made durable by this process.
        self._durable_spaces: set[str] = set()

    # -- looks, which change nothing

    def check_parents(self, connection: Connection, space: Space, path: str) -> None:
        """Raises ProblemError (path_conflict) where a file stands above the path."""
        taken = file_rows.among(connection, space.id, remote_path.parents(path))
        if taken:
            raise ProblemError("path_conflict", f"{taken[0]!r} is a file, and no folder.")

    def check_on_disk(self, space: Space, path: str) -> None:
        """What other hands put where the catalogue knows nothing: a link, a pipe, a folder.

        Raises ProblemError (path_conflict).
        """
        there = self.look_checked(space, path)
        if there is not None and not stat.S_ISREG(there.st_mode):
            raise ProblemError("path_conflict", f"{path!r} is no regular file on the disk.")

    def look_checked(self, space: Space, path: str) -> os.stat_result | None:
        """What stands on the disk. Raises ProblemError (path_conflict) where a folder above is none."""
        folder, name = remote_path.parent(path), remote_path.name(path)
        try:
            with self.open(space, folder) as parent:
                return None if name == "." else disk.look(name, dir_fd=parent)
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise ProblemError("path_conflict", f"{folder!r} is no folder on the disk.") from error

    def look(self, space: Space, path: str) -> os.stat_result | None:
        """What stands on the disk; None also where a folder above is none."""
        try:
            return self.look_checked(space, path)
        except ProblemError:
            return None

    def is_free(self, connection: Connection, space: Space, path: str) -> bool:
        """Whether nothing stands there, by the catalogue or by the disk, nor under another case where that
        is the same."""
        path = names.standing(connection, space, path)
        taken = file_rows.among(connection, space.id, [path]) or folder_rows.among(
            connection, space.id, [path]
        )
        return not taken and self.look(space, path) is None

    def free_beside(self, connection: Connection, space: Space, path: str) -> str:
        """The path, or the first numbered one that is free."""
        number, found = 1, path
        while not self.is_free(connection, space, found):
            number += 1
            found = remote_path.numbered(path, number)
        return found

    def stands(self, space: Space, row: FileRow) -> bool:
        """Whether the very file that the row tells of is on the disk, and not taken away by other hands."""
        there = self.look(space, row.path)
        return there is not None and Identity.of(there) == row.identity

    def is_kept(self, version_id: str) -> bool:
        return disk.look(version_id, dir_fd=self.folder.versions) is not None

    # -- steps on the disk, each of which can be done again

    @contextmanager
    def open(self, space: Space, path: str) -> Iterator[int]:
        """A folder of a space. Raises OSError."""
        with disk.folder(self.folder.files, f"{space.folder}/{path}".rstrip("/")) as descriptor:
            yield descriptor

    @contextmanager
    def made(self, space: Space, path: str) -> Iterator[int]:
        """The folder `path` of a space, durable. A folder with a row was made durable before its row was."""
        above = [*remote_path.parents(f"{path}/.")] if path else []
        with self.catalogue.read() as connection:
            known = set(folder_rows.among(connection, space.id, above))
        steps = next((at for at, step in enumerate(above) if step not in known), len(above))
        whole = f"{space.folder}/{path}".rstrip("/")
        durable = 1 + steps if space.id in self._durable_spaces else 0
        with disk.made_folder(
            self.folder.files, whole, durable_steps=durable, dress=self.folder.modes.dress_folder
        ) as folder:
            self._durable_spaces.add(space.id)
            yield folder

    def keep(self, folder: int, name: str, kept_id: str, renew: Callable[[str], object]) -> str:
        """Give what stands under `name` a second name in versions/, durably; that name.

        A hard link: the path is never empty, and nothing is copied. Where the id is taken by another
        inode, other hands have put something there since the intent was written: that is kept as well,
        under an id that the intent names first (`renew`).
        """
        kept_id = self.link_kept(folder, name, kept_id, renew)
        os.fsync(self.folder.versions)
        return kept_id

    def link_kept(
        self, folder: int, name: str, kept_id: str, renew: Callable[[str], object]
    ) -> str:
        """As `keep`, but not durable yet."""
        while (there := disk.look(name, dir_fd=folder)) is not None:
            try:
                os.link(name, kept_id, src_dir_fd=folder,
                        dst_dir_fd=self.folder.versions, follow_symlinks=False)  # fmt: skip
            except FileExistsError:
                kept = disk.look(kept_id, dir_fd=self.folder.versions)
                if kept is None or kept.st_ino != there.st_ino:
                    kept_id = new_id()
                    renew(kept_id)
                    continue
            break
        return kept_id

    def record_unknown(self, space: Space, path: str, kept_id: str) -> None:
        """A row for what was kept, where it is of other hands."""
        if not self.is_kept(kept_id):
            return
        with self.catalogue.read() as connection:
            known = file_rows.has_version(connection, kept_id)
            current = file_rows.at_path(connection, space.id, path)
        if not known:
            place = "kept" if current and self.is_kept(current.version_id) else "lost"
            self.outside.record_kept(space, path, kept_id, place)

    def rename_into(
        self, source: int, name: str, target: int, to: str, give_up: Callable[[str], GivenUp]
    ) -> bool:
        """Rename where nothing may stand; whether there was something to rename.

        Raises what `give_up` makes of a reason, where other hands have put something there in this moment
        or the place lies on another disk.
        """
        try:
            disk.rename_new(name, to, src_dir_fd=source, dst_dir_fd=target)
        except FileNotFoundError:
            return False
        except FileExistsError as error:
            raise give_up("Something was put there by other hands.") from error
        except OSError as error:
            if error.errno == 18:  # EXDEV
                raise give_up("It lies on another disk.") from error
            raise
        return True
