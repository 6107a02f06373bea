"""A whole folder as it was at a time, in one act: one intent, whatever it takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count, groupby
from typing import TypeVar

import msgspec

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Actor
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import then as then_rows
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.ids import new_id
from howdah_receiver.storage import disk
from howdah_receiver.storage.copies import Copies
from howdah_receiver.storage.disk import Identity
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.intents import RewindIntent, Taken
from howdah_receiver.storage.rewound import Rewound
from howdah_receiver.storage.then_plan import Plan, plan
from howdah_receiver.storage.then_sources import taken
from howdah_receiver.storage.unfinished import Pending

T = TypeVar("T")


class Rewinding:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._rewound = Rewound(ground)

    # -- what is to be done

    def take_in(self, space: Space, path: str) -> None:
        """What other hands changed below the folder becomes versions first. Not under the lock."""
        with self._ground.catalogue.read() as connection:
            rows = then_rows.identities_below(connection, space.id, path)
        for row in rows:
            there = self._ground.look(space, row[0])
            if there is not None and Identity.of(there) != Identity(*row[1:]):
                self._ground.outside.take_in(space, row[0])

    def plan(self, space: Space, path: str, at_ns: int) -> Plan:
        """Raises ProblemError: file_not_found where nothing stands or stood there, path_conflict."""
        with self._ground.catalogue.read() as connection:
            if file_rows.among(connection, space.id, [path]):
                raise ProblemError("path_conflict", f"{path!r} is a file, and no folder.")
            self._ground.check_parents(connection, space, path)
            stood = then_rows.stood_below(connection, space.id, path, at_ns)
            if not stood and folder_rows.at_path(connection, space.id, path) is None:
                raise ProblemError("file_not_found")
            standing = then_rows.now_below(connection, space.id, path)
            folders = then_rows.folders_below(connection, space.id, path)
        return plan(path, stood, standing, folders, at_ns)

    def intent(
        self, space: Space, path: str, todo: Plan, copies: Copies, by: Actor
    ) -> RewindIntent | None:
        """None where nothing is to be done."""
        if not (todo.restored or todo.outs or todo.folders):
            return None
        trash_id = new_id()
        return RewindIntent(
            path=path,
            trash_id=trash_id,
            outs=tuple((now.file_id, now.path) for now in todo.outs),
            folders=tuple(todo.folders),
            ins=tuple(taken(self._ground, space, path, trash_id, todo, copies)),
            account_id=by.account_id,
            device_id=by.device_id,
        )

    # -- doing it

    def carry_out(self, pending: Pending) -> None:
        intent = pending.intent
        assert isinstance(intent, RewindIntent)
        if not intent.cleared:
            self._clear(pending.space, intent)
            pending = self._ground.unfinished.change(pending, cleared=True)
        pending = self._keep(pending)
        assert isinstance(pending.intent, RewindIntent)
        self._bring(pending.space, pending.intent)
        self._rewound.commit(pending)

    def _clear(self, space: Space, intent: RewindIntent) -> None:
        """Nothing was brought yet: what stands at the path of an `out` is to go, whoever changed it."""
        for folder, outs in _by_folder(intent.outs, lambda one: one[1]):
            with self._trash(intent, folder) as target:
                try:
                    with self._ground.open(space, folder) as source:
                        for _, path in outs:
                            self._clear_one(space, intent, source, path, target)
                        os.fsync(target)
                        os.fsync(source)
                except (FileNotFoundError, NotADirectoryError):
                    os.fsync(target)  # taken away by other hands
        for path in intent.folders:
            self._remove_folder(space, path)

    def _clear_one(
        self, space: Space, intent: RewindIntent, source: int, path: str, target: int
    ) -> None:
        name = remote_path.name(path)
        try:
            _rename(source, name, target, name)
        except FileExistsError:  # done before, and other hands have put something there since
            self._put_aside(space, intent, path)

    def _trash(self, intent: RewindIntent, folder: str) -> AbstractContextManager[int]:
        """Where what stands in the folder goes, made."""
        below = folder[len(intent.path) :].lstrip("/")
        place = f"{intent.trash_id}/{below}".rstrip("/")
        return disk.made_folder(self._ground.folder.trash, place)

    def _remove_folder(self, space: Space, path: str) -> None:
        try:
            with self._ground.open(space, remote_path.parent(path)) as above:
                os.rmdir(remote_path.name(path), dir_fd=above)
                os.fsync(above)
        except (FileNotFoundError, NotADirectoryError):
            pass  # done before
        except OSError as error:
            if error.errno not in disk.NOT_EMPTY:
                raise
            # It holds what other hands put there: it stays, and so does its row.

    def _keep(self, pending: Pending) -> Pending:
        """Second names for what is replaced, all durable at once; the paths are never empty."""
        assert isinstance(pending.intent, RewindIntent)

        def renew(number: int, new: str) -> None:
            nonlocal pending
            assert isinstance(pending.intent, RewindIntent)
            ins = list(pending.intent.ins)
            ins[number] = msgspec.structs.replace(ins[number], swap=new)
            pending = self._ground.unfinished.change(pending, ins=tuple(ins))

        for number, one in enumerate(pending.intent.ins):
            if one.swap is not None and self._is_there(one.source):
                try:
                    with self._ground.open(pending.space, remote_path.parent(one.path)) as folder:
                        name = remote_path.name(one.path)
                        self._ground.link_kept(folder, name, one.swap, partial(renew, number))
                except (FileNotFoundError, NotADirectoryError):
                    pass  # taken away by other hands
        os.fsync(self._ground.folder.versions)
        return pending

    def _is_there(self, source: str) -> bool:
        try:
            with self._source(source) as folder:
                return disk.look(remote_path.name(source), dir_fd=folder) is not None
        except FileNotFoundError:
            return False

    @contextmanager
    def _source(self, source: str) -> Iterator[int]:
        with disk.folder(self._ground.folder.root, remote_path.parent(source)) as folder:
            yield folder

    def _bring(self, space: Space, intent: RewindIntent) -> None:
        for folder, ins in _by_folder(intent.ins, lambda one: one.path):
            with self._made(space, intent, folder) as target:
                for one in ins:
                    self._take(space, intent, one, target)
                os.fsync(target)
        os.fsync(self._ground.folder.versions)
        for place in {remote_path.parent(one.source) for one in intent.ins}:
            try:
                with disk.folder(self._ground.folder.root, place) as source:
                    os.fsync(source)
            except FileNotFoundError:
                pass  # it is empty and gone, as all of it was done before
        disk.remove_empty(intent.trash_id, dir_fd=self._ground.folder.trash)
        os.fsync(self._ground.folder.trash)

    @contextmanager
    def _made(self, space: Space, intent: RewindIntent, folder: str) -> Iterator[int]:
        for step in remote_path.parents(f"{folder}/.") if folder else ():
            there = self._ground.look(space, step)
            if there is not None and not disk.is_folder(there):
                self._put_aside(space, intent, step)
        with self._ground.made(space, folder) as made:
            yield made

    def _take(self, space: Space, intent: RewindIntent, one: Taken, target: int) -> None:
        if one.aside is not None and self._is_there(one.aside):
            with self._source(one.aside) as folder:
                name = remote_path.name(one.aside)
                _rename(folder, name, self._ground.folder.versions, one.aside_id)
        if not self._is_there(one.source):
            return
        name = remote_path.name(one.path)
        with self._source(one.source) as source:
            from_name = remote_path.name(one.source)
            if one.swap is not None:
                _rename(source, from_name, target, name, over=True)
                return
            try:
                _rename(source, from_name, target, name)
            except FileExistsError:
                self._put_aside(space, intent, one.path)
                _rename(source, from_name, target, name)

    def _put_aside(self, space: Space, intent: RewindIntent, path: str) -> None:
        """What other hands put in the way goes to the trash with the rest, under a name that is free."""
        folder, name = remote_path.parent(path), remote_path.name(path)
        with self._trash(intent, folder) as target, self._ground.open(space, folder) as source:
            for number in count(2):
                try:
                    _rename(source, name, target, remote_path.numbered(name, number))
                except FileExistsError:
                    continue
                break
            os.fsync(target)


def _rename(source: int, name: str, target: int, to: str, *, over: bool = False) -> None:
    """Nothing happens where it is gone: it was done before. Raises FileExistsError, unless `over`."""
    if disk.look(name, dir_fd=source) is None:
        return
    if over:
        os.rename(name, to, src_dir_fd=source, dst_dir_fd=target)
    else:
        disk.rename_new(name, to, src_dir_fd=source, dst_dir_fd=target)


def _by_folder(many: Iterable[T], path: Callable[[T], str]) -> Iterator[tuple[str, list[T]]]:
    """In groups of one folder, so that each is opened once."""

    def folder(one: T) -> str:
        return remote_path.parent(path(one))

    for name, group in groupby(sorted(many, key=folder), key=folder):
        yield name, list(group)
