"""What stands in a folder that a link leads to: that folder, and nothing beside or above it."""

from __future__ import annotations

from howdah_common import remote_path
from howdah_common.messages_links import SharedItem, SharedList
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_folder
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.files.service import Files, OpenFile
from howdah_receiver.files.wanted import Wanted
from howdah_receiver.links.door import OpenLink


def place(link: OpenLink, below: str) -> str:
    """The path in the space of what a link calls `below`. Raises ProblemError (bad_path)."""
    try:
        return remote_path.join(link.folder.path, check_folder(below))
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error


def listed(files: Files, link: OpenLink, below: str, *, page: int, per_page: int) -> SharedList:
    """Raises ProblemError: bad_request, bad_path, file_not_found (also for a file)."""
    found = files.list(link.space, place(link, below), Wanted(page=page, per_page=per_page))
    if isinstance(found, FileRow):
        raise ProblemError("file_not_found")
    items = [
        *(SharedItem(kind="folder", path=_below(link, entry.row.path)) for entry in found.folders),
        *(_file(link, row) for row in found.files),
    ]
    return SharedList(items=items, page=page, per_page=per_page, total=found.total)


def _below(link: OpenLink, path: str) -> str:
    top = link.folder.path
    return path.removeprefix(f"{top}/") if top else path


def _file(link: OpenLink, row: FileRow) -> SharedItem:
    path = _below(link, row.path)
    return SharedItem(kind="file", path=path, size=row.size, modified_ns=row.modified_ns)


def opened(files: Files, link: OpenLink, below: str) -> OpenFile:
    """The file for reading; whoever gets it closes it. Raises ProblemError: bad_path, file_not_found,
    file_damaged, unavailable, storage_failed."""
    found = files.list(link.space, place(link, below), Wanted(per_page=1))
    if not isinstance(found, FileRow):
        raise ProblemError("file_not_found")
    return files.open_current(link.space, found.id)
