"""What comes by a request link: uploads of people without an account. Synchronous; called from threads.

They go the way of every upload, as a device of the maker that may only send. Nothing is replaced: what is
there already keeps its name, and the newcomer gets a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import msgspec
from sqlalchemy import Connection

from howdah_common import remote_path
from howdah_common.messages import Complete, StartUpload
from howdah_common.messages_links import StartShared
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_path
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.links.door import OpenLink
from howdah_receiver.uploads.endings import Endings
from howdah_receiver.uploads.service import Uploads
from howdah_receiver.uploads.states import UploadState

MOST_NAME_LETTERS = 80
_TRIES = 50
_NAMES_AT_ONCE = 200
_FOLDER, _BELOW = "folder", "below"
"""What an upload remembers of its start, in its metadata: the folder's path then, and the path that was
asked for."""


class Receiving:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue, uploads: Uploads, endings: Endings) -> None:
        self._catalogue = catalogue
        self._uploads = uploads
        self._endings = endings

    def start(self, link: OpenLink, asked: StartShared) -> tuple[UploadRow, bool]:
        """Begin an upload into the link's folder, or find the one that this very start began before.

        Raises ProblemError: bad_request, bad_path, link_full, and what `Uploads.start` raises.
        """
        if asked.size is None or asked.space is not None:
            raise ProblemError("bad_request", "By a link a start says the size, and no space.")
        below = _checked(asked.path)
        if link.row.asks_name:
            below = f"{safe_name(asked.name)}/{below}"
        request = StartUpload(
            client_id=asked.client_id,
            path=_checked(remote_path.join(link.folder.path, below)),
            size=asked.size,
            modified_ns=asked.modified_ns,
            digest_algorithm=asked.digest_algorithm,
            chunk_bytes=asked.chunk_bytes,
            space=link.space.id,
            metadata={_FOLDER: link.folder.path, _BELOW: asked.path},
        )
        return self._uploads.start(link.guest, request)

    def complete(self, link: OpenLink, upload_id: str, asked: Complete) -> None:
        """Publish the upload under a name that was free; durable on return.

        Raises ProblemError as `Endings.complete` does, but for names that are taken.
        """
        if asked.path is not None or asked.if_version not in (None, "none"):
            raise ProblemError("bad_request", "By a link nothing is replaced, and nothing renamed.")
        for _ in range(_TRIES):
            row = self._uploads.find(link.guest, upload_id)
            if row.state is UploadState.PUBLISHED and row.completion_body is not None:
                _check_same(row.completion_body, asked)
                return
            if self._try(link, row, asked):
                return
        raise ProblemError("unavailable", "Others take one name after the other.")

    def _try(self, link: OpenLink, row: UploadRow, asked: Complete) -> bool:
        with self._catalogue.read() as connection:
            path = _free_path(connection, link, row)
        try:
            free = msgspec.structs.replace(asked, if_version="none", path=path)
            self._endings.complete(link.guest, row.id, free)
        except ProblemError as problem:
            # Somebody else took the name meanwhile, or completed this very upload.
            if problem.code in ("version_conflict", "path_conflict", "completion_conflict"):
                return False
            raise
        return True


def asked_path(row: UploadRow) -> str:
    """The path as whoever sends the upload knows it."""
    return _remembered(row)[_BELOW]


def _remembered(row: UploadRow) -> dict[str, str]:
    return msgspec.json.decode(row.start_body, type=StartUpload).metadata or {}


def _check_same(completion_body: bytes, asked: Complete) -> None:
    """The name under which it was published is ours; the rest is to be the same."""
    done = msgspec.json.decode(completion_body, type=Complete)
    same = msgspec.structs.replace(done, if_version=asked.if_version, path=None) == asked
    if not same:
        raise ProblemError("completion_conflict")


def _free_path(connection: Connection, link: OpenLink, row: UploadRow) -> str:
    """Where the upload can stand: below the folder as it is called now, numbered where need be."""
    folder = link.folder.path
    below = row.path.removeprefix(_remembered(row)[_FOLDER]).removeprefix("/")
    first, slash, rest = below.partition("/")
    if slash:  # a file may stand where the folder is needed
        top = _first_free(connection, link, remote_path.join(folder, first), folders_too=False)
        return _first_free(connection, link, f"{top}/{rest}", folders_too=True)
    return _first_free(connection, link, remote_path.join(folder, first), folders_too=True)


def _first_free(connection: Connection, link: OpenLink, path: str, *, folders_too: bool) -> str:
    names = _numbered(path)
    while True:
        some = list(islice(names, _NAMES_AT_ONCE))
        taken = set(file_rows.among(connection, link.space.id, some))
        if folders_too:
            taken.update(folder_rows.among(connection, link.space.id, some))
        for name in some:
            if name not in taken:
                return _checked(name)


def _numbered(path: str) -> Iterator[str]:
    yield path
    for number in count(2):
        yield remote_path.numbered(path, number)


def _checked(path: str) -> str:
    """Raises ProblemError (bad_path)."""
    try:
        return check_path(path)
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error


def safe_name(name: str) -> str:
    """A folder's name for what a person calls themselves. Raises ProblemError (bad_request) for nothing."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else " " for c in name)
    words = " ".join(kept.split()).strip(". ")
    while len(words) > MOST_NAME_LETTERS or len(words.encode()) > remote_path.MOST_NAME_BYTES:
        words = words[:-1].rstrip(". ")
    if not words:
        raise ProblemError("bad_request", "The link asks for your name.")
    return words
