"""A folder of our own beside a file, into which it is moved before it goes: nobody else knows its name.

A file that was compared and then removed by its path may be another one by then. So it is moved aside in one
step (rename(2)), and what lies there is looked at again: if it is not what was compared, it goes back.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from howdah_common import remote_path
from howdah_desktop.steps import Step, open_root

PREFIX = ".howdah-aside-"
"""How such folders begin; the file in one has its own name, so that a person finds it as well."""
MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class Place:
    """A file's path, its folder opened, and the aside folder's name in it."""

    parent: Step
    name: str
    aside: str

    @property
    def inside(self) -> str:
        """The file's path once it is aside, below `parent`."""
        return os.path.join(self.aside, self.name)  # noqa: PTH118  # relative to a descriptor

    def look(self, name: str) -> os.stat_result | None:
        """What stands there now, links not followed; None: nothing. Raises OSError."""
        try:
            return os.stat(
                self.parent.name(name), dir_fd=self.parent.descriptor, follow_symlinks=False
            )
        except FileNotFoundError:
            return None

    def move_aside(self) -> None:
        """Raises OSError; then nothing has moved."""
        folder = self.parent.descriptor
        os.mkdir(self.parent.name(self.aside), 0o700, dir_fd=folder)
        try:
            os.rename(
                self.parent.name(self.name),
                self.parent.name(self.inside),
                src_dir_fd=folder,
                dst_dir_fd=folder,
            )
        except BaseException:
            self.tidy()
            raise

    def delete(self) -> None:
        """What lies aside. Raises OSError."""
        os.unlink(self.parent.name(self.inside), dir_fd=self.parent.descriptor)

    def put_back(self) -> str | None:
        """What lies aside gets its name again, or, where that is taken by now, one beside it: which one.

        None: nothing lies there. Raises OSError.
        """
        if self.look(self.inside) is None:
            self.tidy()
            return None
        names = (self.name, *(remote_path.numbered(self.name, n) for n in range(2, MOST_NAMES)))
        for name in names:
            with suppress(FileExistsError):
                self._give(name)
                self.tidy()
                self.parent.sync()
                return name
        raise FileExistsError(self.name)

    def tidy(self) -> None:
        """The folder itself goes, if nothing lies in it."""
        with suppress(OSError):
            os.rmdir(self.parent.name(self.aside), dir_fd=self.parent.descriptor)

    def _give(self, name: str) -> None:
        """Raises FileExistsError: nothing is replaced."""
        folder = self.parent.descriptor
        names = self.parent.name(self.inside), self.parent.name(name)
        try:
            os.link(*names, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # A folder, or a file system without hard links (FAT), or a platform that would follow a
            # symbolic link: the look and the step are two.
            if self.look(name) is not None:
                raise FileExistsError(name) from None
            os.rename(*names, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            self.delete()


@contextmanager
def place_of(path: bytes, aside: bytes | None = None) -> Iterator[Place]:
    """The place of `path`, whose folder is opened; `aside`: an aside folder that is there already.

    Raises OSError.
    """
    folder, name = os.path.split(os.fsdecode(path))
    parent = open_root(Path(folder))
    try:
        found = f"{PREFIX}{secrets.token_hex(8)}"
        if aside is not None:
            found = os.path.basename(os.fsdecode(aside))  # noqa: PTH119
        yield Place(parent, name, found)
    finally:
        parent.close()
