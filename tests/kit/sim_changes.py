"""What people and programs do to a folder, as steps between which time goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from howdah_desktop.folders.watched import MARKER
from kit.sim_plan import Choices

if TYPE_CHECKING:
    from kit.sim_disk import SimDisk

Step = Callable[[], None]


def grow(disk: SimDisk, numbers: tuple[int, ...]) -> None:
    """One entry for each number."""
    for at, number in enumerate(numbers):
        choices = Choices(number)
        is_folder = choices.below(4) == 0
        where = choices.of(["", *disk.folders()]) or ""
        path = _free(disk, where, choices.name(), at)
        if is_folder:
            disk.folder(path)
        else:
            disk.write(path, choices.content())


def changes(disk: SimDisk, number: int) -> Iterator[Step]:
    """The steps of one change; what it is done to is chosen when its first step is taken."""
    choices = Choices(number)
    kind = KINDS[choices.below(len(KINDS))]
    yield from kind(disk, choices)


def _create(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    path = _new(disk, choices)
    yield lambda: disk.write(path, choices.content())


def _edit(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        yield lambda: disk.write(path, b"edited " + choices.content())


def _append(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        for _ in range(1 + choices.below(3)):
            yield lambda: disk.append(path, b"more")


def _write_slowly(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    path = choices.of(disk.files()) if choices.below(2) else _new(disk, choices)
    if path is not None:
        whole = b"written slowly " + choices.content()
        yield lambda: disk.write(path, whole[: len(whole) // 2], close=False)
        yield lambda: disk.write(path, whole)


def _touch(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        yield lambda: disk.touch(path)


def _rename(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        to = _new(disk, choices)
        yield lambda: disk.rename(path, to)


def _rename_within(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        to = _free(disk, _parent(path), choices.name(), choices.below(100))
        yield lambda: disk.rename(path, to)


def _rename_over(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    path, to = choices.of(disk.files()), choices.of(disk.files())
    if path and to:
        yield lambda: disk.rename(path, to)


def _rename_folder(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.folders()):
        to = _new(disk, choices)
        yield lambda: disk.rename(path, to)


def _swap(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    some = disk.folders() if choices.below(3) == 0 else disk.files()
    one, other = choices.of(some), choices.of(some)
    if one and other and one != other:
        aside = _free(disk, _parent(one), "aside", choices.below(100))
        yield lambda: disk.rename(one, aside)
        yield lambda: disk.rename(other, one)
        yield lambda: disk.rename(aside, other)


def _save_beside(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    """As editors do: a new file takes the name."""
    if path := choices.of(disk.files()):
        beside = _free(disk, _parent(path), "saving", choices.below(100))
        yield lambda: disk.write(beside, b"saved " + choices.content())
        yield lambda: disk.rename(beside, path)


def _case(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        name = path.rpartition("/")[2]
        to = path[: len(path) - len(name)] + name.swapcase()
        if to not in disk.entries():
            yield lambda: disk.rename(path, to)


def _delete(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        yield lambda: disk.delete(path)


def _delete_folder(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.folders()):
        yield lambda: disk.delete(path)


def _become_another_kind(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.entries()):
        was_file = path in disk.files()
        yield lambda: disk.delete(path)
        if was_file:
            yield lambda: disk.folder(path)
            yield lambda: disk.write(f"{path}/{choices.name()}", choices.content())
        else:
            yield lambda: disk.write(path, choices.content())


def _delete_and_restore(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        content = disk.read(path)
        yield lambda: disk.delete(path)
        yield lambda: disk.write(path, content)


def _copy(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    if path := choices.of(disk.files()):
        with_time, to = bool(choices.below(2)), _new(disk, choices)
        yield lambda: disk.copy(path, to, with_time=with_time)


def _new_folder(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    path = _new(disk, choices)
    yield lambda: disk.folder(path)


def _ignored(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    to = _free(disk, choices.of(["", *disk.folders()]) or "", choices.ignored_name(), 0)
    old = choices.of(disk.files()) if choices.below(2) else None
    if old:
        yield lambda: disk.rename(old, to)
    else:
        yield lambda: disk.write(to, choices.content())


def _link(disk: SimDisk, choices: Choices) -> Iterator[Step]:
    path = _new(disk, choices)
    yield lambda: disk.link(path, choices.name())


KINDS: tuple[Callable[[SimDisk, Choices], Iterator[Step]], ...] = (
    *(_create, _edit, _edit, _append, _write_slowly, _touch, _rename, _rename, _rename_within),
    *(_rename_over, _rename_folder, _rename_folder, _swap, _save_beside, _case, _delete, _delete),
    *(_delete_folder, _become_another_kind, _delete_and_restore, _copy, _new_folder, _ignored),
    _link,
)


def _new(disk: SimDisk, choices: Choices) -> str:
    where = choices.of(["", *disk.folders()]) or ""
    return _free(disk, where, choices.name(), choices.below(100))


def _free(disk: SimDisk, where: str, name: str, number: int) -> str:
    """A path at which nothing stands."""
    taken = {*disk.entries(), MARKER}
    path = f"{where}/{name}" if where else name
    while path in taken:
        stem, dot, suffix = name.rpartition(".")
        named = f"{stem}{number}{dot}{suffix}" if stem else f"{name}{number}"
        path = f"{where}/{named}" if where else named
        number += 1
    return path


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
