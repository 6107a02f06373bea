"""Copies of contents that stay where they are, made as parts before anything else is done."""

from __future__ import annotations

import os

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.disk import Identity, disk_errors
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.parts import Parts


class Copies:
    """By version and the path that it is for; durable. Those that are not used go with `close`."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._parts = Parts(ground.folder.parts)
        self._made: dict[tuple[str, str], str] = {}

    def part(self, version_id: str, path: str) -> str:
        """The name in parts/, which is the intent's from now on."""
        return self._made.pop((version_id, path))

    def has(self, wanted: set[tuple[str, str]]) -> bool:
        return wanted <= self._made.keys()

    def make(self, space: Space, wanted: set[tuple[str, str]]) -> None:
        """Raises ProblemError: file_not_found, unavailable, storage_full, storage_failed."""
        for version_id, path in wanted - self._made.keys():
            with disk_errors():
                self._made[version_id, path] = self._copy(space, version_id)
        with disk_errors():
            self._parts.sync_names()

    def _copy(self, space: Space, version_id: str) -> str:
        source = self._open(space, version_id)
        name = new_id()
        try:
            before = Identity.of(os.fstat(source))
            self._parts.create(name, before.size)
            target = self._parts.open(name)
            try:
                disk.copy_all(source, target)
                os.utime(target, ns=(before.modified_ns, before.modified_ns))
                self._ground.folder.modes.dress_file(target)
                os.fsync(target)
            finally:
                os.close(target)
            if Identity.of(os.fstat(source)) != before:
                raise ProblemError("unavailable", "The file is being changed on the disk.")
        except BaseException:
            self._parts.remove(name)
            raise
        finally:
            os.close(source)
        return name

    def _open(self, space: Space, version_id: str) -> int:
        with self._ground.catalogue.read() as connection:
            row = file_rows.of_version(connection, version_id)
            kept = file_rows.is_kept(connection, version_id)
        if row is None:
            raise ProblemError("file_not_found")
        if kept:
            return self._ground.outside.open_kept(row)
        descriptor, now = self._ground.outside.open_current(space, row.path)
        if now.version_id != version_id:
            os.close(descriptor)
            raise ProblemError("unavailable", "The file is being changed on the disk.")
        return descriptor

    def close(self) -> None:
        for name in self._made.values():
            self._parts.remove(name)
        self._made.clear()
