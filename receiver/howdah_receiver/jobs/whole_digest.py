"""The whole-file SHA-256, for people, tools and receipts: computed in the background from what is stored.

It counts only if every chunk's digest matches in the same pass. The rows without one are the queue, so
nothing is forgotten by a restart.
"""

from __future__ import annotations

import logging
import os
import threading

from sqlalchemy import Connection, select

from howdah_common.chunks import ChunkPlan
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import files as rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.tables import files, versions
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.outside import Outside
from howdah_receiver.storage.reading import read_content
from howdah_receiver.watching.alarms import tell_damage

_AGAIN_SECONDS = 60
"""How long to rest after trouble before the queue is looked at again."""
_log = logging.getLogger(__name__)


class WholeDigests:
    """One thread, one file at a time: it never competes with uploads for more than one core."""

    def __init__(self, catalogue: Catalogue, outside: Outside) -> None:
        self._catalogue = catalogue
        self._outside = outside
        # What could not be read; the next start tries again.
        self._passed_over: set[str] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="whole-digest", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def stop(self, seconds: float) -> None:
        """End after the file at hand, or leave it: it is begun again at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                while self._do_next():
                    pass
            except Exception:  # noqa: BLE001 - one file's failure never ends the thread
                _log.exception("whole-file digest")
            self._wake.wait(_AGAIN_SECONDS)

    def _do_next(self) -> bool:
        """Whether there may be more to do."""
        with self._catalogue.read() as connection:
            found = self._next(connection)
        if found is None or self._stopping.is_set():
            return False
        space, row = found
        try:
            descriptor, current = self._outside.open_current(space, row.path)
        except ProblemError as problem:
            if self._has_moved(row):
                return True
            _log.warning("%r has no whole-file digest yet: %s", row.path, problem.sentence)
            self._passed_over.add(row.version_id)
            return True
        try:
            if current.version_id == row.version_id and current.sha256 is None:
                self._digest(descriptor, current)
        finally:
            os.close(descriptor)
        return True

    def _has_moved(self, row: FileRow) -> bool:
        """Whether it stands elsewhere than a moment ago, or is in the trash: that is no trouble."""
        with self._catalogue.read() as connection:
            now = rows.by_id(connection, row.id)
        return now is None or now.path != row.path

    def _next(self, connection: Connection) -> tuple[Space, FileRow] | None:
        """The oldest current version that has no digest yet."""
        version_id = connection.execute(
            select(versions.c.id)
            # By the file's id: from the few versions without a digest to their files, not from all files.
            .join(files, files.c.id == versions.c.file_id)
            .where(
                files.c.version_id == versions.c.id,
                rows.LIVE,
                versions.c.sha256.is_(None),
                versions.c.damaged.is_(False),
                versions.c.id.not_in(self._passed_over),
            )
            .order_by(versions.c.added_ns)
            .limit(1)
        ).scalar()
        row = None if version_id is None else rows.of_version(connection, version_id)
        return None if row is None else (spaces.by_id(connection, row.space_id), row)

    def _digest(self, descriptor: int, row: FileRow) -> None:
        values: dict[str, object] = {"damaged": True}
        try:
            content = read_content(descriptor, ChunkPlan(row.size, row.chunk_bytes), row.algorithm)
            if content.manifest.digest() == row.manifest_digest:
                values = {"sha256": content.sha256}
        except OSError as error:
            _log.warning("%r: %s", row.path, error.strerror)
        if "damaged" in values:
            if Identity.of(os.fstat(descriptor)) != row.identity:
                return  # somebody wrote to it meanwhile: no damage, but another content to read
            _log.error("%r no longer matches its digests", row.path)
        with self._catalogue.write() as connection:
            connection.execute(
                versions.update().where(versions.c.id == row.version_id).values(values)
            )
            if "damaged" in values:
                space = spaces.by_id(connection, row.space_id)
                tell_damage(connection, row.path, space.name, row.version_id)
