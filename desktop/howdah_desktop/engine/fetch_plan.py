"""What a download is made of: remote paths become files and folders below the target.

A listing is believed in nothing: names are checked as names of this computer, places are derived
from what was asked for, and a listing that repeats itself, never ends or contradicts itself is an
error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from howdah_common import remote_path
from howdah_common.messages import MOST_PER_PAGE, FileInfo, FileList, FolderInfo
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath
from howdah_desktop.local_names import check_local_name
from howdah_desktop.remote.answers import clean
from howdah_desktop.remote.receiver import Receiver

PER_PAGE = 500
MOST_RESTARTS = 20
"""A folder that changes while it is listed is listed again, so that nothing is left out."""
MOST_ENTRIES = 10_000_000


@dataclass(frozen=True, slots=True)
class PlannedFolder:
    path: str
    """Below the target, with slashes."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    info: FileInfo
    path: str
    """Below the target, with slashes."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What cannot be fetched, and why; the rest goes on."""

    remote_path: str
    problem: ProblemError


Planned = PlannedFolder | PlannedFile | LeftOut


def plan_fetch(receiver: Receiver, remote_paths: Iterable[str]) -> Iterator[Planned]:
    """Files and folders to fetch, each folder before what is in it, as they are found.

    `a/b` becomes `b` in the target, as does all that is in it; the empty path stands for
    everything. Raises ProblemError where the receiver cannot be asked or lies about a folder. A
    path that is not there is left out with `file_not_found`.
    """
    budget = _Budget()
    for asked in remote_paths:
        path = asked.strip("/")
        try:
            remote_path.check_folder(path)
        except BadPath as error:
            yield LeftOut(asked, ProblemError("bad_path", str(error)))
            continue
        try:
            first = receiver.list(path, 1, PER_PAGE)
        except ProblemError as error:
            if error.code not in ("file_not_found", "not_found"):
                raise
            yield LeftOut(asked, error)
            continue
        if first.kind == "file":
            yield _single(path, first)
        else:
            yield from _walk(receiver, path, budget)


class _Budget:
    """Entries seen in one plan."""

    def __init__(self) -> None:
        self.left = MOST_ENTRIES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ProblemError("answer_invalid", f"It lists more than {MOST_ENTRIES} files.")


def _single(path: str, answer: FileList) -> Planned:
    info = answer.items[0] if len(answer.items) == 1 else None
    if not isinstance(info, FileInfo):
        raise ProblemError("answer_invalid", "The listing of a file names none.")
    try:
        return PlannedFile(info, check_local_name(remote_path.name(path)))
    except ProblemError as problem:
        return LeftOut(path, problem)


def _walk(receiver: Receiver, top: str, budget: _Budget) -> Iterator[Planned]:
    # A list, not recursion: how deep it goes is the receiver's choice.
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        local = _local(top, folder)
        if local:
            try:
                check_local_name(remote_path.name(local))
            except ProblemError as problem:
                yield LeftOut(folder, problem)
                continue
            yield PlannedFolder(local)
        below: list[str] = []
        for item in _entries(receiver, folder):
            budget.spend()
            planned = _entry(folder, local, item)
            if isinstance(planned, PlannedFolder):
                below.append(item.path)
            else:
                yield planned
        waiting.extend(reversed(below))


def _local(top: str, folder: str) -> str:
    """Where `folder`, which is `top` or below it, goes in the target."""
    return folder[len(remote_path.parent(top)) :].lstrip("/") if top else folder


def _entry(folder: str, local: str, item: FileInfo | FolderInfo) -> Planned:
    try:
        name = check_local_name(_name_in(folder, item))
        path = remote_path.join(local, name)
        remote_path.check_path(path)
        remote_path.check_path(item.path)
    except BadPath as error:
        return LeftOut(clean(item.path), ProblemError("name_unsafe", str(error)))
    except ProblemError as problem:
        return LeftOut(clean(item.path), problem)
    return PlannedFile(item, path) if isinstance(item, FileInfo) else PlannedFolder(path)


def _name_in(folder: str, item: FileInfo | FolderInfo) -> str:
    """The name of `item`, which has to stand in `folder` and nowhere else."""
    above = f"{folder}/" if folder else ""
    if not item.path.startswith(above):
        raise ProblemError("name_unsafe", f"{clean(item.path, 80)!r} is not in {folder[-80:]!r}.")
    return item.path[len(above) :]


def _entries(receiver: Receiver, folder: str) -> Iterator[FileInfo | FolderInfo]:
    """All entries of a folder, each once. Raises ProblemError("answer_invalid")."""
    given: _Key | None = None
    for _ in range(MOST_RESTARTS):
        try:
            for item in _one_pass(receiver, folder):
                if given is None or _key(item) > given:
                    given = _key(item)
                    yield item
        except _Changed:
            continue  # read again from the first page, past what was given already
        return
    raise ProblemError("answer_invalid", f"The listing of {folder[-80:]!r} contradicts itself.")


class _Changed(Exception):
    """The folder changed between two pages: one may have been left out, or come twice."""


def _one_pass(receiver: Receiver, folder: str) -> Iterator[FileInfo | FolderInfo]:
    """Entries come folders first, then by name: a change shows in the order or the total."""
    total, counted = None, 0
    before: _Key | None = None
    page = 1
    while total is None or counted < total:
        answer = receiver.list(folder, page, PER_PAGE)
        per_page = answer.per_page
        if answer.kind != "folder" or answer.page != page or not 1 <= per_page <= MOST_PER_PAGE:
            raise ProblemError("answer_invalid", "It is another page than asked for.")
        if len(answer.items) > per_page or answer.total < 0:
            raise ProblemError("answer_invalid", "The page and its numbers do not fit.")
        items = sorted(answer.items, key=_key)
        counted += len(items)
        total = answer.total if total is None else total
        ends_early = len(items) < per_page and counted < total
        out_of_order = items and before is not None and _key(items[0]) <= before
        if answer.total != total or counted > total or ends_early or out_of_order:
            raise _Changed
        yield from items
        before = _key(items[-1]) if items else before
        page += 1


_Key = tuple[bool, bytes]


def _key(item: FileInfo | FolderInfo) -> _Key:
    return isinstance(item, FileInfo), item.path.encode(errors="surrogatepass")
