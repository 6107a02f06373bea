"""What has moved inside a watched folder, and what gives way to another kind: seen to there at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger_known import Known, LedgerKnown
from howdah_desktop.folders.compare import Differences, SeenRow, seen_of
from howdah_desktop.folders.directory import Entry, Ground, What, joined, parted
from howdah_desktop.folders.found import Finds, NotYet, Task
from howdah_desktop.link_names import is_of_link


@dataclass(slots=True)
class Later:
    """What could not be done yet, and is to be looked at again."""

    tasks: list[Task] = field(default_factory=list)
    held_up: ProblemError | None = None
    """Why; None also where something is on its way."""

    def put_off(self, problem: ProblemError | NotYet, *paths: bytes) -> None:
        if isinstance(problem, ProblemError):
            if problem.code == "interrupted":
                raise problem
            self.held_up = problem
        self.tasks += [Task(parted(path)[0], deep=False) for path in paths]


class Moves:
    """Of one walk. `flush`: hand over what was found so far."""

    def __init__(
        self,
        folder_id: int,
        ground: Ground,
        ledger: LedgerKnown,
        finds: Finds,
        flush: Callable[[], None],
        later: Later,
    ) -> None:
        self._folder_id = folder_id
        self._ground = ground
        self._ledger = ledger
        self._finds = finds
        self._flush = flush
        self._later = later

    def make_room(self, path: bytes, found: Differences, known: dict[bytes, SeenRow]) -> set[bytes]:
        """A folder where a file was known, a link that is kept where a file was, or the other way round: what
        stands there gives way. Gives the names of those for which there is no room yet."""
        without = set()
        for entry in [*found.fresh_folders, *found.fresh, *found.changed]:
            if entry.name not in known:
                continue
            old = self._ledger.known(self._folder_id, joined(path, entry.name))
            if old is None or _is_of_its_kind(old, entry):
                continue
            try:
                below = self._ledger.known_below(self._folder_id, old.path) if old.is_dir else []
                self._finds.gives_way(old, below, entry.what)
            except (ProblemError, NotYet) as problem:
                self._later.put_off(problem, old.path)
                without.add(entry.name)
        return without

    def see_to(
        self, path: bytes, found: Differences, without: set[bytes]
    ) -> tuple[set[bytes], set[bytes]]:
        """The names of those that have; and of those that could not yet, as the receiver was away. Those in
        `without` are passed over."""
        moved, stuck = set(), set()
        for entry in [*found.fresh_folders, *found.fresh, *found.changed]:
            if entry.name in without:
                continue
            to = joined(path, entry.name)
            if self._where_it_was(entry, to) is None:
                continue
            # What was found before belongs to the tree as it was before; and it may be what is known now.
            self._flush()
            old = self._where_it_was(entry, to)
            if old is None:
                continue
            postponed = len(self._later.tasks)
            if self._move(old, to, entry):
                moved.add(entry.name)
            if len(self._later.tasks) > postponed:
                stuck.add(entry.name)
        return moved, stuck

    def _where_it_was(self, entry: Entry, to: bytes) -> Known | None:
        """What is known of the same inode under a name at which it is no more."""
        for known in self._ledger.known_by_inode(self._folder_id, entry.inode):
            if known.path == to or not _is_of_its_kind(known, entry):
                continue
            if not known.is_dir and (known.size, known.mtime_ns) != (entry.size, entry.mtime_ns):
                continue
            now = self._ground.look(known.folder, known.name)
            if now is not None and now.inode == entry.inode:
                continue  # another name of the same file, or the very same folder
            if known.is_dir and not self._is_the_folder(known, to):
                continue
            return known
        return None

    def _is_the_folder(self, known: Known, to: bytes) -> bool:
        """Inode numbers are given again to new folders: one that moved has brought its entries along."""
        before = self._ledger.known_in(self._folder_id, known.path)
        try:
            now = {entry.name: entry.inode for entry in self._ground.entries(to)}
        except OSError:
            return False
        same = sum(now.get(name) == seen_of(row).inode for name, row in before.items())
        return same > 0 and same * 2 >= len(before)

    def _move(self, old: Known, to: bytes, entry: Entry) -> bool:
        try:
            remote = self._finds.remote_of(to, entry.what)
            remote_path.check_path(remote)
            over = self._ledger.known(self._folder_id, to)
            return self._finds.move(old, to, remote, entry, over)
        except (UnicodeError, remote_path.BadPath):
            return False
        except (ProblemError, NotYet) as problem:
            self._later.put_off(problem, to, old.path)
            return False


def _is_of_its_kind(known: Known, entry: Entry) -> bool:
    """Whether both are folders, or files, or links that are kept."""
    if known.is_dir or entry.what is What.FOLDER:
        return known.is_dir is (entry.what is What.FOLDER)
    return is_of_link(os.fsdecode(known.name), known.remote) is (entry.what is What.LINK)
