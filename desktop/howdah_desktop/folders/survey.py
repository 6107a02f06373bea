"""A walk through directories of a watched folder that finds what is to be done.

Runs in a thread of the pool and reads the ledger over a connection of its own; what it finds goes, in
steps, to `Finds`, which belongs to whoever writes the ledger. Renames are seen to at once, before
anything of the directory is queued, so that what has moved is not taken for new.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger_known import Known, LedgerKnown
from howdah_desktop.folders.compare import Differences, SeenRow, differences, seen_of
from howdah_desktop.folders.directory import Entry, Ground, Listed, What, joined, parted
from howdah_desktop.folders.ignore import IGNORE_FILE, Ignore
from howdah_desktop.folders.rule import Rule
from howdah_desktop.folders.watched import MARKER, Links, Watched
from howdah_desktop.link_names import is_of_link, is_reserved

BATCH_FILES = 500
BATCH_FOLDERS = 500

NAME_NOT_UNICODE = Rule("name", 0, "name_not_unicode")
BAD_PATH = Rule("name", 0, "bad_path")
UNREADABLE = Rule("name", 0, "source_unreadable")
OWN_FOLDER = Rule("kind", 0, "own_folder")
LINK_NAME = Rule("kind", 0, "link_name")


@dataclass(slots=True)
class Directory:
    """What one directory came to, for the ledger."""

    path: bytes
    files: list[tuple[Entry, bytes]] = field(default_factory=list)
    """To be sent, each with where its bytes really are, below the folder."""
    folders: list[Entry] = field(default_factory=list)
    """Not known so far."""
    back: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    left_out: list[tuple[Entry, Rule]] | None = None
    """All that is left out of it; None: the same as before."""
    empty: bool = False
    """Nothing in it is carried, and it is to be made there."""

    @property
    def says_something(self) -> bool:
        return bool(
            self.files
            or self.folders
            or self.back
            or self.gone
            or self.forgotten
            or self.left_out is not None
            or self.empty
        )


class NotYet(Exception):
    """Something of it is on its way, and may have arrived: soon that is known."""


class Finds(Protocol):
    """Who writes down what a survey finds. Called in its thread; may raise ProblemError to end it."""

    def directories(self, found: list[Directory]) -> None: ...
    def move(
        self,
        known: Known,
        to: bytes,
        remote: str,
        seen: Entry,
        over: Known | None,
    ) -> bool:
        """Whether it stands at `remote` now (see TreeWork.move), and is known to. May raise NotYet."""
        ...

    def gives_way(self, known: Known, below: list[Known]) -> None:
        """Something of another kind stands at its place here: it is put aside there, with all `below` it. May
        raise NotYet."""
        ...

    def remote_of(self, path: bytes, what: What) -> str:
        """Where a new entry goes at the receiver. Raises UnicodeDecodeError."""

    def check(self) -> None:
        """Raises ProblemError("interrupted")."""


@dataclass(frozen=True, slots=True)
class Task:
    """A directory to be looked at; `deep`: and all below it; `anew`: the rules are asked about every entry,
    also about what is known as it is."""

    path: bytes
    deep: bool
    anew: bool = False


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
        self._own_folder = own_folder
        rules = folder.settings
        self._ignores: dict[bytes, Ignore] = {}
        self._top = _top_rules(rules.ignore, rules.only, rules.default_rules)
        self._had_left_out: set[bytes] = set()
        self._waiting: list[Directory] = []
        self._waiting_files = 0
        self._postponed: list[Task] = []
        self._held_up: ProblemError | None = None
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
        return self._postponed

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
        return self._held_up

    def rules_of(self, path: bytes) -> str:
        """Fingerprint of the rules in force at a directory."""
        return self._ignore(path).fingerprint

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
        ignore = self._ignore(path, listing)
        text = os.fsdecode(path)
        known = self._ledger.known_in(self._folder.id, path)
        listing, followed = self._with_links(path, listing)

        def rule_for(entry: Entry) -> Rule | None:
            return self._rule_for(entry, path, text, ignore)

        keeps = self._folder.settings.links is Links.KEEP
        found = differences(listing, known, rule_for, all_rules=task.anew, keep_links=keeps)
        if _other_rules(found) and not task.anew:
            return [Task(path, deep=True, anew=True)]
        without = self._make_room(path, found, known)
        moved, stuck = self._see_to_moves(path, found, without)
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

    # -- what is left out

    def _ignore(self, path: bytes, listing: Iterable[Listed] | None = None) -> Ignore:
        """The rules for the entries of a directory."""
        found = self._ignores.get(path)
        if found is None:
            above = self._ignore(parted(path)[0]) if path else self._top
            # Nearly all directories have no rules of their own, and their entries were just read.
            name = IGNORE_FILE.encode()
            has_own = listing is None or any(one[0] == name for one in listing)
            text = self._ground.read_small(path, name) if has_own else None
            found = self._ignores[path] = above.within(os.fsdecode(path), text)
        return found

    def _rule_for(self, entry: Entry, path: bytes, text: str, ignore: Ignore) -> Rule | None:
        name = os.fsdecode(entry.name)
        is_dir = entry.what is What.FOLDER
        if rule := ignore.rule_for(text, name, is_dir):
            return rule
        if entry.what is What.LINK and is_reserved(name):
            return LINK_NAME
        if is_dir and joined(self._ground.root, joined(path, entry.name)) == self._own_folder:
            return OWN_FOLDER
        try:
            remote_path.check_path(self._finds.remote_of(joined(path, entry.name), entry.what))
        except UnicodeError:
            return NAME_NOT_UNICODE
        except remote_path.BadPath:
            return BAD_PATH
        return None

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

    # -- what has moved

    def _make_room(
        self, path: bytes, found: Differences, known: dict[bytes, SeenRow]
    ) -> set[bytes]:
        """A folder where a file was known, a link that is kept where a file was, or the other way round: what
        stands there gives way. Gives the names of those for which there is no room yet."""
        without = set()
        for entry in [*found.fresh_folders, *found.fresh, *found.changed]:
            if entry.name not in known:
                continue
            old = self._ledger.known(self._folder.id, joined(path, entry.name))
            if old is None or _is_of_its_kind(old, entry):
                continue
            try:
                below = self._ledger.known_below(self._folder.id, old.path) if old.is_dir else []
                self._finds.gives_way(old, below)
            except (ProblemError, NotYet) as problem:
                self._postpone(problem, old.path)
                without.add(entry.name)
        return without

    def _see_to_moves(
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
            postponed = len(self._postponed)
            if self._move(old, to, entry):
                moved.add(entry.name)
            if len(self._postponed) > postponed:
                stuck.add(entry.name)
        return moved, stuck

    def _where_it_was(self, entry: Entry, to: bytes) -> Known | None:
        """What is known of the same inode under a name at which it is no more."""
        for known in self._ledger.known_by_inode(self._folder.id, entry.inode):
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
        before = self._ledger.known_in(self._folder.id, known.path)
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
            over = self._ledger.known(self._folder.id, to)
            return self._finds.move(old, to, remote, entry, over)
        except (UnicodeError, remote_path.BadPath):
            return False
        except (ProblemError, NotYet) as problem:
            self._postpone(problem, to, old.path)
            return False

    def _postpone(self, problem: ProblemError | NotYet, *paths: bytes) -> None:
        if isinstance(problem, ProblemError):
            if problem.code == "interrupted":
                raise problem
            self._held_up = problem
        self._postponed += [Task(parted(path)[0], deep=False) for path in paths]


@lru_cache(maxsize=64)
def _top_rules(ignore: tuple[str, ...], only: tuple[str, ...], defaults: bool) -> Ignore:
    """Kept, as each look at a single directory begins with them."""
    return Ignore.of(ignore, only, defaults=defaults)


def _is_of_its_kind(known: Known, entry: Entry) -> bool:
    """Whether both are folders, or files, or links that are kept."""
    if known.is_dir or entry.what is What.FOLDER:
        return known.is_dir is (entry.what is What.FOLDER)
    return is_of_link(os.fsdecode(known.name), known.remote) is (entry.what is What.LINK)


def _other_rules(found: Differences) -> bool:
    """Whether the directory's own ignore file is not what it was."""
    name = IGNORE_FILE.encode()
    return name in found.gone or any(e.name == name for e in [*found.fresh, *found.changed])


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Each directory once, those above first."""
    found: dict[bytes, Task] = {}
    for task in tasks:
        before = found.get(task.path, task)
        found[task.path] = Task(task.path, before.deep or task.deep, before.anew or task.anew)
    return [found[path] for path in sorted(found)]
