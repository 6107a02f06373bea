"""A walk through directories of a watched folder that finds what is to be done.

Runs in a thread of the pool and reads the ledger over a connection of its own; what it finds goes, in
steps, to `Finds`, which belongs to whoever writes the ledger. Renames are seen to at once, before
anything of the directory is queued, so that what has moved is not taken for new.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger_known import LedgerKnown
from howdah_desktop.folders.compare import Differences, SeenRow, differences
from howdah_desktop.folders.directory import Entry, Ground, Listed, What, joined, parted
from howdah_desktop.folders.found import Directory, Finds, Task, in_order
from howdah_desktop.folders.ignore import IGNORE_FILE
from howdah_desktop.folders.left_out import LeftOut
from howdah_desktop.folders.moves import Later, Moves
from howdah_desktop.folders.rule import Rule
from howdah_desktop.folders.watched import MARKER, Links, Watched

BATCH_FILES = 500
BATCH_FOLDERS = 500

UNREADABLE = Rule("name", 0, "source_unreadable")


class Survey:
    """One walk. `run` gives the tasks that are to be done again later, as the receiver was away."""

    def __init__(
        self,
        folder: Watched,
        ground: Ground,
        ledger: LedgerKnown,
        finds: Finds,
        own_folder: bytes,
    ) -> None:
        self._folder = folder
        self._ground = ground
        self._ledger = ledger
        self._finds = finds
        self._rules = LeftOut(folder.settings, ground, finds.remote_of, own_folder)
        self._had_left_out: set[bytes] = set()
        self._waiting: list[Directory] = []
        self._waiting_files = 0
        self._later = Later()
        self._moves = Moves(folder.id, ground, ledger, finds, self._flush, self._later)
        self.looked_at = 0
        """Directories."""
        self.files = 0

    def run(self, tasks: Iterable[Task]) -> list[Task]:
        """Raises ProblemError, OSError for the folder itself."""
        self._had_left_out = self._ledger.left_out_folders(self._folder.id)
        stack = in_order(self._from_what_is_known(task) for task in tasks)[::-1]
        while stack:
            self._finds.check()
            task = stack.pop()
            stack += reversed(self._look_at(task))
        self._flush()
        return self._later.tasks

    def _from_what_is_known(self, task: Task) -> Task:
        """Of a folder that is not known, or is another one now, the folder above shows whether it has moved,
        or is left out."""
        path = task.path
        while path and not self._is_known(path):
            path = parted(path)[0]
        return task if path == task.path else Task(path, deep=False, anew=task.anew)

    def _is_known(self, path: bytes) -> bool:
        known = self._ledger.known(self._folder.id, path)
        if known is None or not known.is_dir:
            return False
        try:
            now = self._ground.look(known.folder, known.name)
        except OSError:
            return True  # said where it is listed
        return now is not None and now.inode == known.inode

    @property
    def held_up(self) -> ProblemError | None:
        """Why tasks were postponed; None also where something is on its way."""
        return self._later.held_up

    def rules_of(self, path: bytes) -> str:
        """Fingerprint of the rules in force at a directory."""
        return self._rules.fingerprint(path)

    # -- one directory

    def _look_at(self, task: Task) -> list[Task]:
        path = task.path
        try:
            listing = self._ground.listing(path)
        except (FileNotFoundError, NotADirectoryError):
            # It is gone, or something else: what its parent shows. The root itself is somebody else's.
            if not path:
                raise
            return [Task(parted(path)[0], deep=False, anew=task.anew)]
        except OSError as error:
            if not path:
                raise
            self._unreadable(path, error)
            return []
        if not path:
            listing = [one for one in listing if one[0] != MARKER.encode()]
        self.looked_at += 1
        self.files += len(listing)
        ignore = self._rules.ignore(path, listing)
        text = os.fsdecode(path)
        known = self._ledger.known_in(self._folder.id, path)
        listing, followed = self._with_links(path, listing)

        def rule_for(entry: Entry) -> Rule | None:
            return self._rules.rule_for(entry, path, text, ignore)

        keeps = self._folder.settings.links is Links.KEEP
        found = differences(listing, known, rule_for, all_rules=task.anew, keep_links=keeps)
        if _other_rules(found) and not task.anew:
            return [Task(path, deep=True, anew=True)]
        without = self._moves.make_room(path, found, known)
        moved, stuck = self._moves.see_to(path, found, without)
        if without := without | stuck:
            # They are looked at again; what is known of what stands there is needed until then.
            listing = [one for one in listing if one[0] not in without]
        if moved or without:
            known = self._ledger.known_in(self._folder.id, path)
            known = {name: row for name, row in known.items() if name not in without}
            found = differences(listing, known, rule_for, all_rules=task.anew, keep_links=keeps)
        closed, readable = self._closed_before(path, found)
        self._note(path, found, known, followed, closed)
        # Of what changed in one before it moved, there may be no hint but under its old name.
        folders = found.fresh_folders + [
            entry
            for entry in found.folders
            if task.deep or entry.name in moved or entry.name in readable
        ]
        return [Task(joined(path, entry.name), deep=True, anew=task.anew) for entry in folders]

    def _note(
        self,
        path: bytes,
        found: Differences,
        known: dict[bytes, SeenRow],
        followed: dict[bytes, bytes],
        closed: list[Entry],
    ) -> None:
        left_out = None
        if found.left_out or path in self._had_left_out:
            left_out = found.left_out + [(entry, UNREADABLE) for entry in closed]
            if path in self._had_left_out:
                before = self._ledger.left_out_in(self._folder.id, path)
                if before == {entry.name: rule for entry, rule in left_out}:
                    left_out = None
        here = Directory(
            path,
            [
                (e, followed.get(e.name) or joined(path, e.name))
                for e in found.fresh + found.changed
            ],
            found.fresh_folders,
            [entry.name for entry in found.back],
            found.gone,
            found.forgotten,
            left_out,
            empty=found.empty and bool(path) and not self._is_made(path),
        )
        if here.says_something:
            self._waiting.append(here)
            self._waiting_files += len(here.files)
            if self._waiting_files >= BATCH_FILES or len(self._waiting) >= BATCH_FOLDERS:
                self._flush()

    def _is_made(self, path: bytes) -> bool:
        """Whether an empty folder was made there."""
        known = self._ledger.known(self._folder.id, path)
        return known is not None and known.version is not None

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting, self._waiting_files = self._waiting, [], 0
            self._finds.directories(waiting)

    def _closed_before(self, path: bytes, found: Differences) -> tuple[list[Entry], set[bytes]]:
        """Of the folders here that could not be read: those that still cannot, and the names of those that
        can now."""
        if path not in self._had_left_out:
            return [], set()
        before = self._ledger.left_out_in(self._folder.id, path)
        closed, readable = [], set()
        for entry in [*found.folders, *found.fresh_folders]:
            if before.get(entry.name) != UNREADABLE:
                continue
            try:
                with self._ground.opened(joined(path, entry.name)):
                    readable.add(entry.name)
            except OSError:
                closed.append(entry)
        return closed, readable

    def _unreadable(self, path: bytes, error: OSError) -> None:
        """Said, and passed over: what is known below it stays as it is."""
        self._flush()  # what was found beside it is in the ledger by now
        where, name = parted(path)
        entry = Entry(name, What.FOLDER, 0, 0, 0, 0, 0)
        before = self._ledger.left_out_in(self._folder.id, where)
        if before.get(name) != UNREADABLE:
            kept = [
                (Entry(n, What.FILE, 0, 0, 0, 0, 0), rule)
                for n, rule in before.items()
                if n != name
            ]
            self._waiting.append(Directory(where, left_out=[*kept, (entry, UNREADABLE)]))

    def _with_links(
        self, path: bytes, listing: list[Listed]
    ) -> tuple[list[Listed], dict[bytes, bytes]]:
        """Links to files inside the folder stand for those, where that is wanted."""
        if self._folder.settings.links is not Links.FOLLOW:
            return listing, {}
        followed: dict[bytes, bytes] = {}
        shown = []
        for name, looked in listing:
            if stat.S_ISLNK(looked.st_mode) and (target := self._target(joined(path, name))):
                seen = self._ground.stat(target)
                if seen is not None and stat.S_ISREG(seen.st_mode):
                    followed[name] = target
                    looked = seen
            shown.append((name, looked))
        return shown, followed

    def _target(self, path: bytes) -> bytes | None:
        """Where a link leads, below the folder; None: out of it, or nowhere."""
        root = self._ground.root
        real = os.path.realpath(os.path.join(root, path))
        inside = real.startswith(root + b"/")
        return real[len(root) + 1 :] if inside else None


def _other_rules(found: Differences) -> bool:
    """Whether the directory's own ignore file is not what it was."""
    name = IGNORE_FILE.encode()
    return name in found.gone or any(e.name == name for e in [*found.fresh, *found.changed])
