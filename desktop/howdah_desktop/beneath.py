"""Reading and writing below a folder, and nowhere else, whatever is planted or swapped in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from howdah_common.problems import ProblemError
from howdah_desktop.local_names import check_local_name, part_name
from howdah_desktop.part_file import PartFile
from howdah_desktop.steps import FILE_FLAGS, Step, again, open_root, step_into, step_problem
from howdah_desktop.system import SourceIdentity, source_problem, target_problem


class BeneathRoot:
    """A folder that stays the same one from its opening on. Paths are relative, with slashes.

    Any number of threads may use it. Raises ProblemError: name_unsafe, target_unwritable,
    local_full.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        """Links in `folder` itself are followed: the user named it."""
        self.path = folder.absolute()
        try:
            if create:
                self.path.mkdir(parents=True, exist_ok=True)
            self._root = open_root(self.path)
        except OSError as error:
            raise target_problem(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._root.close()

    def stat(self, path: str) -> os.stat_result | None:
        """What stands at `path`, a link as such; None if nothing does."""
        try:
            with self._folder_of(path) as (step, name):
                return os.stat(step.name(name), dir_fd=step.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise step_problem(error, path) from error

    def open_source(self, path: str) -> tuple[int, SourceIdentity]:
        """As `system.open_source`, but no step of `path` may be a link."""
        try:
            with self._folder_of(path) as (step, name):
                descriptor = os.open(
                    step.name(name), os.O_RDONLY | FILE_FLAGS, dir_fd=step.descriptor
                )
        except OSError as error:
            raise source_problem(error) from error
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ProblemError("source_not_a_file")
        except OSError as error:
            os.close(descriptor)
            raise source_problem(error) from error
        except ProblemError:
            os.close(descriptor)
            raise
        return descriptor, SourceIdentity.of(found)

    def make_folder(self, path: str) -> None:
        """Make `path` and the folders above it, durably; it is fine if they are there."""
        try:
            self._descend(path.split("/"), create=True).close()
        except OSError as error:
            raise step_problem(error, path) from error

    def part(self, path: str) -> PartFile:
        """The unfinished file of `path`, new or as it was left; its folders are made."""
        names = path.split("/")
        check_local_name(names[-1])
        try:
            step = self._descend(names[:-1], create=True)
        except OSError as error:
            raise step_problem(error, path) from error
        try:
            return PartFile(step, path)
        except OSError as error:
            step.close()
            raise step_problem(error, path) from error
        except BaseException:
            step.close()
            raise

    def discard_part(self, path: str) -> None:
        """Remove what an earlier try may have left of `path`."""
        with suppress(OSError), self._folder_of(path) as (step, name):
            os.unlink(step.name(part_name(name)), dir_fd=step.descriptor)

    @contextmanager
    def _folder_of(self, path: str) -> Iterator[tuple[Step, str]]:
        names = path.split("/")
        check_local_name(names[-1])
        step = self._descend(names[:-1], create=False)
        try:
            yield step, names[-1]
        finally:
            step.close()

    def _descend(self, names: list[str], *, create: bool) -> Step:
        """The folder `names` below the root, opened. Raises OSError, ProblemError."""
        step = again(self._root)
        try:
            for name in names:
                check_local_name(name)
                below = step_into(step, name, create=create)
                step.close()
                step = below
        except BaseException:
            step.close()
            raise
        return step
