"""A folder with all that is in it, as one zip. Synchronous; its blocks are asked for from threads.

A zip is whole, or it breaks off: whatever was listed and can then not be read ends it in the middle, so
that nobody takes it for the folder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import tables
from howdah_receiver.catalogue.changes import ChangeKind
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.files.service import Files
from howdah_receiver.files.zipstream import ZipStream
from howdah_receiver.storage.disk import Identity

BLOCK_BYTES = 1024 * 1024
_ROWS = 500


class Torn(Exception):
    """The zip cannot become whole; the message says why."""


@dataclass(frozen=True, slots=True)
class _Listed:
    below: str
    version_id: str
    size: int
    modified_ns: int


class Archives:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue, files: Files) -> None:
        self._catalogue = catalogue
        self._files = files

    def of(self, space: Space, path: str) -> Archive:
        """The folder at `path` as a zip. The caller has seen to it that whoever asks may read the space.

        Raises ProblemError: bad_path, file_not_found.
        """
        try:
            remote_path.check_folder(path)
        except BadPath as error:
            raise ProblemError("bad_path", str(error)) from error
        with self._catalogue.read() as connection:
            folder = folder_rows.at_path(connection, space.id, path)
        if folder is None:
            raise ProblemError("file_not_found")
        return Archive(self._catalogue, self._files, space, folder)


class Archive:
    """One zip on its way. `next_block` and `close` may be called by one thread after the other."""

    def __init__(
        self,
        catalogue: Catalogue,
        files: Files,
        space: Space,
        folder: FolderRow,
        new_zip: Callable[[], ZipStream] = ZipStream,
    ) -> None:
        self.name = safe_top(folder.name or space.name)
        self._catalogue = catalogue
        self._files = files
        self._space = space
        self._folder = folder
        self._zip = new_zip()
        # Whoever closes waits for whoever reads.
        self._turn = threading.Lock()
        self._blocks = _gathered(self._all())

    def next_block(self) -> bytes:
        """What goes out next; nothing at the end. Raises Torn."""
        with self._turn:
            return next(self._blocks, b"")

    def close(self) -> None:
        with self._turn:
            self._blocks.close()  # type: ignore[attr-defined]

    # -- what is in it

    def _all(self) -> Iterator[bytes]:
        began = self._last_change()
        for listed in self._listed_files():
            yield from self._file(listed)
        for below, created_ns in self._empty_folders():
            yield self._zip.folder(f"{self.name}/{below}", created_ns)
        self._check_nothing_moved(began)
        yield from self._zip.finish()

    def _file(self, listed: _Listed) -> Iterator[bytes]:
        try:
            opened = self._files.open_version(self._space, listed.version_id)
        except ProblemError as problem:
            raise Torn(f"{listed.below!r} cannot be read: {problem.sentence}") from problem
        try:
            before = Identity.of(os.fstat(opened.descriptor))
            yield self._zip.begin(f"{self.name}/{listed.below}", listed.size, listed.modified_ns)
            at = 0
            while at < listed.size:
                block = os.pread(opened.descriptor, min(BLOCK_BYTES, listed.size - at), at)
                if not block:
                    raise Torn(f"{listed.below!r} was cut short while it was read.")
                at += len(block)
                yield self._zip.content(block)
            if Identity.of(os.fstat(opened.descriptor)) != before:
                raise Torn(f"{listed.below!r} was changed while it was read.")
        except OSError as error:
            raise Torn(f"{listed.below!r} cannot be read: {error.strerror}.") from error
        finally:
            os.close(opened.descriptor)
        yield self._zip.end()

    def _listed_files(self) -> Iterator[_Listed]:
        """In the order of their paths, a page at a time: no view of the catalogue is held for hours."""
        last = ""
        while True:
            page = self._page_of_files(last)
            yield from page
            if len(page) < _ROWS:
                return
            last = page[-1].below

    def _page_of_files(self, last: str) -> list[_Listed]:
        files = tables.files
        with self._catalogue.read() as connection:
            top = self._path(connection)
            query = (
                select(files.c.path, files.c.version_id, files.c.size, files.c.modified_ns)
                .where(
                    files.c.space_id == self._space.id,
                    file_rows.LIVE,
                    folder_rows.below(top, files.c.path),
                    files.c.path > remote_path.join(top, last),
                )
                .order_by(files.c.path)
                .limit(_ROWS)
            )
            rows = connection.execute(query).all()
        return [_Listed(_below(top, row[0]), *row[1:]) for row in rows]

    def _empty_folders(self) -> Iterator[tuple[str, int]]:
        folders = tables.folders
        last = ""
        while True:
            with self._catalogue.read() as connection:
                top = self._path(connection)
                query = (
                    select(folders.c.path, folders.c.created_ns)
                    .where(
                        folders.c.space_id == self._space.id,
                        folder_rows.LIVE,
                        folder_rows.below(top),
                        folders.c.path > remote_path.join(top, last),
                        folders.c.own_files == 0,
                        folders.c.own_folders == 0,
                    )
                    .order_by(folders.c.path)
                    .limit(_ROWS)
                )
                rows = connection.execute(query).all()
            for path, created_ns in rows:
                yield _below(top, path), created_ns
            if len(rows) < _ROWS:
                return
            last = _below(top, rows[-1][0])

    def _path(self, connection: Connection) -> str:
        """Where the folder stands now: it may be moved meanwhile. Raises Torn."""
        folder = folder_rows.by_id(connection, self._folder.id)
        if folder is None or folder.space_id != self._space.id:
            raise Torn("The folder is gone.")
        return folder.path

    # -- what would make it less than whole

    def _last_change(self) -> int:
        with self._catalogue.read() as connection:
            return int(connection.execute(select(func.max(tables.changes.c.number))).scalar() or 0)

    def _check_nothing_moved(self, since: int) -> None:
        """What moves while the list is read may be listed twice, or never. Raises Torn."""
        changes = tables.changes
        with self._catalogue.read() as connection:
            top = self._path(connection)
            here = folder_rows.below(top, changes.c.path)
            from_here = folder_rows.below(top, changes.c.from_path)
            query = select(changes.c.path).where(
                changes.c.space_id == self._space.id,
                changes.c.number > since,
                changes.c.kind == ChangeKind.MOVED.value,
                here | from_here,
            )
            moved = connection.execute(query.limit(1)).scalar()
        if moved is not None:
            raise Torn(f"Things were moved in the folder meanwhile: {moved!r}.")


def _below(top: str, path: str) -> str:
    return remote_path.check_path(path.removeprefix(f"{top}/") if top else path)


def safe_top(name: str) -> str:
    """A name for the folder in the zip, and for the zip itself; that of a space may be anything."""
    safe = "".join("_" if c in "/\\" or not c.isprintable() else c for c in name).strip(". ")
    return safe.encode()[:200].decode(errors="ignore") or "files"


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """In blocks that are worth a turn of the event loop: a thousand small files are one."""
    some: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            some.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                yield b"".join(some)
                some, size = [], 0
    finally:
        pieces.close()  # type: ignore[attr-defined]
    if some:
        yield b"".join(some)
