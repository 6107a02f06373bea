"""What a disk may hold after a power cut, rebuilt from a recorded history of changes.

A :class:`Disk` replays the records of :mod:`kit.diskshim` and keeps, beside what programs see, what
was made durable. At any point it can be asked for a state that a cut right then may leave behind,
by four models:

``ordered``
    Everything that happened is there. (What a mere kill leaves.)
``strict``
    Only what POSIX promises: a file's bytes and size as of its last sync, a name only if its folder
    was synced after the change. A rename between folders lasts, both halves at once, with a sync of
    either.
``ext4``
    Names and sizes form one ordered log; a sync that has something of its own to commit commits all
    of it, and some more of it may have got through by itself. Bytes that were not synced may be
    there, be missing (older bytes, zeros where the size got through, nothing for a new file whose
    blocks were not yet allocated), or be torn at a page or sector.
``wild``
    Every unsynced change may be kept, dropped or torn: for each file any mix of its versions since
    its last sync, page by page; for each folder a beginning of its unsynced changes.

After a failed sync the writes before it are lost in all of them, however often it is tried again,
until those bytes are written anew: that is what Linux does.

A page on the disk is always a page as memory once held it, at sector granularity: disks do not mix
the bytes of two writes in one sector in an order that never was. SQLite's ``-shm`` files are left
out: nothing in them counts after a crash, and their pages change by mmap, unseen.

Read :class:`Disk` from ``apply`` for the replay, then ``state`` for the models.
"""

from __future__ import annotations

import copy
import enum
import os
import random
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.diskshim import Op, Record
from kit.sparse import Content
from kit.state_tree import File, Folder, Link, Tree, materialise
from kit.torn import Change, draw, draw_journaled

__all__ = ["Disk", "LogError", "Model", "Tree", "cuts", "materialise", "promised", "states"]

RENAME_EXCHANGE = 2


class Model(enum.StrEnum):
    ORDERED = "ordered"
    STRICT = "strict"
    EXT4 = "ext4"
    WILD = "wild"


class LogError(Exception):
    """The record cannot have happened as written: a change has escaped the shim."""


# --- what is replayed -----------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Inode:
    """A file, folder or symbolic link, with what is seen and what would survive."""

    is_folder: bool = False
    target: str | None = None
    # Files: as seen, as of the last sync, and what happened in between.
    content: Content = field(default_factory=Content)
    durable: Content = field(default_factory=Content)
    unsynced: list[Change] = field(default_factory=list)
    # Folders: as seen, as made durable by syncs of this folder (strict), as in the journal (ext4).
    entries: dict[str, _Inode] = field(default_factory=dict)
    synced: dict[str, _Inode] = field(default_factory=dict)
    committed: dict[str, _Inode] = field(default_factory=dict)
    # The last moment of a change that fsync, and that fdatasync, must wait for in the journal.
    touched: int = 0
    sized: int = 0


@dataclass(slots=True)
class _Naming:
    """One change of names. Its effects (folder, name, new inode or none) happen together."""

    moment: int
    home: _Inode
    effects: list[tuple[_Inode, str, _Inode | None]]

    def apply(self, tables: dict[int, dict[str, _Inode]]) -> None:
        for folder, name, inode in self.effects:
            table = tables[id(folder)]
            if inode is None:
                table.pop(name, None)
            else:
                table[name] = inode


class Disk:
    """A disk below one folder: apply records to it, and ask for states."""

    def __init__(self) -> None:
        self._root = _Inode(is_folder=True)
        self._folders = [self._root]
        self._inodes: dict[int, _Inode] = {}
        self._moment = 0
        self._committed_at = 0
        self._unsynced: list[_Naming] = []  # by strict's rule
        self._uncommitted: list[_Naming] = []  # by ext4's rule

    @classmethod
    def of(cls, folder: Path) -> Disk:
        """The present content of a real folder, all of it durable: where a recording starts from."""
        disk = cls()
        disk._take(folder, disk._root)
        return disk

    def _take(self, folder: Path, inode: _Inode) -> None:
        for path in sorted(folder.iterdir()):
            seen = path.lstat()
            child = self._inodes.get(seen.st_ino)
            if stat.S_ISDIR(seen.st_mode):
                child = self._new(seen.st_ino, is_folder=True)
                self._take(path, child)
            elif stat.S_ISLNK(seen.st_mode):
                child = self._new(seen.st_ino, target=str(path.readlink()))
            elif stat.S_ISREG(seen.st_mode) and child is None:
                child = self._new(seen.st_ino)
                child.content = Content(path.read_bytes())
                child.durable = child.content.copy()
            if child is not None:
                for table in (inode.entries, inode.synced, inode.committed):
                    table[path.name] = child

    def _new(self, number: int, *, is_folder: bool = False, target: str | None = None) -> _Inode:
        inode = _Inode(is_folder, target, touched=self._moment, sized=self._moment)
        self._inodes[number] = inode
        if is_folder:
            self._folders.append(inode)
        return inode

    # --- replay ---

    def apply(self, record: Record) -> None:
        """:raises LogError: the record speaks of a file or folder that this history never made"""
        self._moment += 1
        match record.op:
            case Op.MARK:
                pass
            case Op.WRITE | Op.TRUNCATE | Op.FALLOCATE:
                self._change(record)
            case Op.FSYNC | Op.FDATASYNC:
                self._sync(self._known(record), data_only=record.op is Op.FDATASYNC)
            case Op.FAILED_SYNC:
                for written in self._known(record).unsynced:
                    written.lost = written.record.op is Op.WRITE
            case Op.SYNC:
                for inode in [*self._inodes.values(), self._root]:
                    self._keep(inode)
                self._commit()
            case _:
                self._change_names(record)

    def _known(self, record: Record) -> _Inode:
        if not record.path and record.inode not in self._inodes:
            return self._root
        try:
            return self._inodes[record.inode]
        except KeyError:
            raise LogError(f"{record.op.name} of {record.path!r}: never seen being made") from None

    def _place(self, path: str) -> tuple[_Inode, str]:
        *parents, name = path.split("/")
        folder = self._root
        for parent in parents:
            if parent not in folder.entries:
                raise LogError(f"{path!r}: its folder was never seen being made")
            folder = folder.entries[parent]
        return folder, name

    def _name(self, *effects: tuple[_Inode, str, _Inode | None]) -> None:
        change = _Naming(self._moment, effects[-1][0], list(effects))
        for folder, _, inode in effects:
            folder.touched = folder.sized = self._moment
            if inode is not None:
                inode.touched = self._moment
        change.apply({id(folder): folder.entries for folder, _, _ in effects})
        self._unsynced.append(change)
        self._uncommitted.append(change)

    def _change_names(self, record: Record) -> None:
        match record.op:
            case Op.RENAME:
                self._rename(record)
            case Op.LINK:
                self._name((*self._place(record.path), self._known(record)))
            case Op.UNLINK | Op.RMDIR:
                folder, name = self._place(record.path)
                if name in folder.entries:  # else a socket: bind() makes it unseen
                    self._name((folder, name, None))
            case _:
                target = os.fsdecode(record.data) if record.op is Op.SYMLINK else None
                inode = self._new(record.inode, is_folder=record.op is Op.MKDIR, target=target)
                if record.path:  # else made without a name, by O_TMPFILE
                    self._name((*self._place(record.path), inode))

    def _rename(self, record: Record) -> None:
        (source, old), (folder, new) = self._place(record.path), self._place(record.second)
        moved, there = source.entries.get(old), folder.entries.get(new)
        if moved is None and record.inode not in self._inodes:
            return  # a socket
        if moved is None:
            raise LogError(f"rename of {record.path!r}: never seen being made")
        if moved is not there:  # POSIX: two names of one file stay as they are
            swapped = there if record.flags & RENAME_EXCHANGE else None
            self._name((source, old, swapped), (folder, new, moved))

    def _change(self, record: Record) -> None:
        inode = self._known(record)
        size = inode.content.size
        change = Change(self._moment, record, sizes=record.op is not Op.WRITE)
        change.apply(inode.content)
        inode.unsynced.append(change)
        inode.touched = self._moment  # at least its mtime
        if change.sizes or inode.content.size != size:
            inode.sized = self._moment

    def _sync(self, inode: _Inode, *, data_only: bool) -> None:
        self._keep(inode)
        if (inode.sized if data_only else inode.touched) > self._committed_at:
            self._commit()

    def _commit(self) -> None:
        tables = {id(folder): folder.committed for folder in self._folders}
        for change in self._uncommitted:
            change.apply(tables)
        self._uncommitted.clear()
        self._committed_at = self._moment

    def _keep(self, inode: _Inode) -> None:
        if not inode.is_folder:
            if any(written.lost for written in inode.unsynced):
                for written in inode.unsynced:
                    written.keep(inode.durable)
            elif inode.unsynced:
                inode.durable = inode.content.copy()
            inode.unsynced = []
            return
        # A rename between this folder and another is atomic: its other half lasts too, whatever
        # happened to that name before.
        lasting: dict[tuple[int, str], int] = {}
        rest: list[_Naming] = []
        for change in self._unsynced:
            if not any(folder is inode for folder, _, _ in change.effects):
                rest.append(change)
                continue
            change.apply({id(folder): folder.synced for folder, _, _ in change.effects})
            for folder, name, _ in change.effects:
                lasting[id(folder), name] = change.moment
        self._unsynced = [
            change
            for change in rest
            if all(lasting.get((id(f), name), 0) < change.moment for f, name, _ in change.effects)
        ]
        inode.synced = inode.entries.copy()

    # --- states ---

    def state(self, model: Model, seed: int = 0) -> Tree:
        """What a cut now may leave. ``ordered`` and ``strict`` know only one state; the others
        draw.
        """
        rng = random.Random(seed)
        match model:
            case Model.ORDERED:
                return _tree(self._root, lambda i: i.entries, lambda i: i.content)
            case Model.STRICT:
                return _tree(self._root, lambda i: i.synced, lambda i: i.durable)
            case Model.EXT4:
                reached = rng.randint(self._committed_at, self._moment)
                reached = rng.choice([self._committed_at, reached, self._moment])
                tables = {id(folder): folder.committed.copy() for folder in self._folders}
                for change in self._uncommitted:
                    if change.moment <= reached:
                        change.apply(tables)
                return _tree(
                    self._root,
                    lambda i: tables[id(i)],
                    lambda i: draw_journaled(i.durable, i.unsynced, reached, rng),
                )
            case Model.WILD:
                tables = self._wild_names(rng)
                return _tree(
                    self._root, lambda i: tables[id(i)], lambda i: draw(i.durable, i.unsynced, rng)
                )

    def _wild_names(self, rng: random.Random) -> dict[int, dict[str, _Inode]]:
        by_home: dict[int, list[int]] = {}
        for change in self._unsynced:
            by_home.setdefault(id(change.home), []).append(change.moment)
        until = {home: rng.choice([0, *moments, moments[-1]]) for home, moments in by_home.items()}
        tables = {id(folder): folder.synced.copy() for folder in self._folders}
        for change in self._unsynced:
            if change.moment <= until[id(change.home)] and _possible(change, tables):
                change.apply(tables)
        return tables


def _possible(change: _Naming, tables: dict[int, dict[str, _Inode]]) -> bool:
    """A rename cannot have got through when the file still stands under a name from before that
    one.
    """
    if len(change.effects) == 1:
        return True
    (source, old, _), (_, _, moved) = change.effects
    if tables[id(source)].get(old) is moved:
        return True
    return not any(inode is moved for table in tables.values() for inode in table.values())


def _tree(
    root: _Inode,
    names: Callable[[_Inode], dict[str, _Inode]],
    content: Callable[[_Inode], Content],
) -> Tree:
    made: dict[int, File | Link] = {}
    seen: set[int] = set()

    def build(inode: _Inode) -> Folder:
        seen.add(id(inode))
        folder = Folder()
        table = names(inode)
        for name, child in sorted(table.items()):
            if name.endswith("-shm") and name.removesuffix("-shm") in table:
                continue  # a database's, not just a file of that name
            if child.is_folder:
                if id(child) not in seen:  # wild could show a moved folder twice; no disk does
                    folder.entries[name] = build(child)
                continue
            if id(child) not in made:
                made[id(child)] = (
                    File(content(child)) if child.target is None else Link(child.target)
                )
            folder.entries[name] = made[id(child)]
        return folder

    return build(root)


# --- walking a log --------------------------------------------------------------------------------


def cuts(
    log: Sequence[Record], points: Iterable[int], start: Disk | None = None
) -> Iterator[tuple[int, Disk]]:
    """The disk after the first k records, for each k of ``points`` in rising order, in one pass."""
    disk = copy.deepcopy(start) if start else Disk()
    done = 0
    for point in sorted(points):
        for record in log[done:point]:
            disk.apply(record)
        done = max(done, point)
        yield point, disk


def states(
    log: Sequence[Record], cut_index: int, model: Model, seed: int = 0, start: Disk | None = None
) -> Tree:
    """One state after a cut that came when the first ``cut_index`` records had happened."""
    ((_, disk),) = cuts(log, [cut_index], start)
    return disk.state(model, seed)


def promised(log: Sequence[Record], cut_index: int) -> list[bytes]:
    """What had been acknowledged by then."""
    return [record.data for record in log[:cut_index] if record.op is Op.MARK]
