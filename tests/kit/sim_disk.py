"""The disk of a simulation: real files, with inode numbers and times of change that only depend on the seed.

No program can set the time of an inode's own change, and which numbers are given again is the disk's
affair. So the engine is shown both from here, where they follow the simulated clock and chance.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from howdah_desktop.engine import explaining
from howdah_desktop.folders.directory import Ground, Listed
from howdah_desktop.folders.watched import MARKER
from howdah_desktop.system import SourceIdentity
from kit.sim_clock import BEGAN, SimClock

if TYPE_CHECKING:
    import pytest

DEVICE = 1
GIVEN_AGAIN = 0.5
"""How often a new file gets the number of one that is gone."""


@dataclass(slots=True)
class _Facts:
    inode: int
    ctime_ns: int


class SimDisk:
    """Changes a watched folder; `changed` hears of every directory whose entries are not what they were."""

    def __init__(self, root: Path, clock: SimClock, chance: random.Random) -> None:
        self.root = root
        self._clock = clock
        self._chance = chance
        self._facts: dict[int, _Facts] = {}
        self._free: list[int] = []
        self._next = 100
        self._last_ns = int(BEGAN * 1e9)
        self.changed: Callable[[str], None] = lambda _: None
        self.closed: Callable[[str], None] = lambda _: None

    # -- what the engine sees

    def facts(self, found: os.stat_result) -> _Facts:
        facts = self._facts.get(found.st_ino)
        if facts is None:
            facts = self._facts[found.st_ino] = _Facts(self._number(), self._last_ns)
        return facts

    def as_seen(self, found: os.stat_result) -> os.stat_result:
        facts = self.facts(found)
        seen = SimpleNamespace(
            st_mode=found.st_mode,
            st_dev=DEVICE,
            st_ino=facts.inode,
            st_size=found.st_size,
            st_mtime_ns=found.st_mtime_ns,
            st_ctime_ns=facts.ctime_ns,
        )
        return cast("os.stat_result", seen)

    def identity(self, found: os.stat_result) -> SourceIdentity:
        return SourceIdentity(DEVICE, self.facts(found).inode, found.st_size, found.st_mtime_ns)

    # -- looking

    def entries(self) -> list[str]:
        """Every path below the root but for the marker, in order; links too."""
        return sorted(path for path, _ in self._walk(os.fspath(self.root), ""))

    def files(self) -> list[str]:
        return sorted(path for path, is_file in self._walk(os.fspath(self.root), "") if is_file)

    def folders(self) -> list[str]:
        walk = self._walk(os.fspath(self.root), "")
        return sorted(path for path, is_file in walk if is_file is False)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def _walk(self, folder: str, where: str) -> Iterator[tuple[str, bool | None]]:
        """Paths, and whether each is a file; None: a link."""
        with os.scandir(folder) as listing:
            for one in listing:
                path = where + one.name
                if one.is_symlink():
                    yield path, None
                elif one.is_dir(follow_symlinks=False):
                    yield path, False
                    yield from self._walk(one.path, f"{path}/")
                elif path != MARKER:
                    yield path, True

    def _is_file(self, path: str) -> bool:
        return (self.root / path).is_file() and not (self.root / path).is_symlink()

    def _is_folder(self, path: str) -> bool:
        return (self.root / path).is_dir() and not (self.root / path).is_symlink()

    # -- changing; what cannot be done is not done

    def folder(self, path: str) -> None:
        for above in [*_parents(path), path]:
            one = self.root / above
            if not one.exists() and not one.is_symlink():
                one.mkdir()
                self._new(above)
                self.changed(_parent(above))
                self.changed(above)  # as the watcher tells of each that it takes up

    def write(self, path: str, content: bytes, *, close: bool = True) -> None:
        """Into the file that is there, or a new one."""
        one = self.root / path
        if not self._free_for_file(path):
            return
        self._make_above(path)
        fresh = not one.exists()
        one.write_bytes(content)
        self._touched(path, fresh=fresh)
        self.changed(_parent(path))
        if close:
            self.closed(path)

    def append(self, path: str, content: bytes) -> None:
        if self._is_file(path):
            self.write(path, self.read(path) + content)

    def touch(self, path: str) -> None:
        if self._is_file(path):
            self._touched(path, fresh=False)
            self.changed(_parent(path))

    def copy(self, path: str, to: str, *, with_time: bool) -> None:
        if not self._is_file(path) or not self._free_for_file(to) or (self.root / to).exists():
            return
        time_ns = (self.root / path).stat().st_mtime_ns
        self.write(to, self.read(path))
        if with_time and self._is_file(to):
            os.utime(self.root / to, ns=(time_ns, time_ns))

    def link(self, path: str, to: str) -> None:
        one = self.root / path
        if not one.exists() and not one.is_symlink() and self._above_is_folder(path):
            self._make_above(path)
            one.symlink_to(to)
            self._new(path)
            self.changed(_parent(path))

    def rename(self, path: str, to: str) -> None:
        """Over a file that stands there, as rename(2) does."""
        old, new = self.root / path, self.root / to
        if path == to or to.startswith(f"{path}/") or not os.path.lexists(old):
            return
        if not self._above_is_folder(to) or path.startswith(f"{to}/"):
            return
        if new.is_dir() and not new.is_symlink():
            return
        if os.path.lexists(new) and self._is_folder(path):
            return
        self._make_above(to)
        if os.path.lexists(new):
            self._gone(new)
        old.rename(new)
        self.facts(new.lstat()).ctime_ns = self._now_ns()
        self.changed(_parent(path))
        self.changed(_parent(to))

    def delete(self, path: str) -> None:
        one = self.root / path
        if not os.path.lexists(one):
            return
        if self._is_folder(path):
            for below, folders, files in os.walk(one, topdown=False):
                for name in sorted([*folders, *files]):
                    self._gone(Path(below) / name)
            self._gone(one)
            shutil.rmtree(one)
        else:
            self._gone(one)
            one.unlink()
        self.changed(_parent(path))

    # -- inside

    def _make_above(self, path: str) -> None:
        if above := _parent(path):
            self.folder(above)

    def _free_for_file(self, path: str) -> bool:
        one = self.root / path
        if one.is_symlink() or one.is_dir():
            return False
        return self._above_is_folder(path)

    def _above_is_folder(self, path: str) -> bool:
        for above in _parents(path):
            one = self.root / above
            if os.path.lexists(one) and not self._is_folder(above):
                return False
        return True

    def _now_ns(self) -> int:
        """Later than any before."""
        self._last_ns = max(self._last_ns + 1_000, self._clock.time_ns())
        return self._last_ns

    def _touched(self, path: str, *, fresh: bool) -> None:
        one, now = self.root / path, self._now_ns()
        os.utime(one, ns=(now, now))
        if fresh:
            self._new(path)
        else:
            self.facts(one.stat()).ctime_ns = now

    def _new(self, path: str) -> None:
        found = (self.root / path).lstat()
        self._facts[found.st_ino] = _Facts(self._number(), self._now_ns())

    def _gone(self, one: Path) -> None:
        self._free.append(self.facts(one.lstat()).inode)

    def _number(self) -> int:
        if self._free and self._chance.random() < GIVEN_AGAIN:
            return self._free.pop(self._chance.randrange(len(self._free)))
        self._next += 1
        return self._next


class CurrentDisk:
    """The disk of the simulation that runs now, as the engine's modules see it."""

    def __init__(self) -> None:
        self.disk: SimDisk | None = None


def install(monkeypatch: pytest.MonkeyPatch) -> CurrentDisk:
    current = CurrentDisk()
    real_listing, real_stat = Ground.listing, Ground.stat

    def listing(ground: Ground, folder: bytes) -> list[Listed]:
        assert current.disk is not None
        return [(name, current.disk.as_seen(found)) for name, found in real_listing(ground, folder)]

    def stat(ground: Ground, path: bytes) -> os.stat_result | None:
        assert current.disk is not None
        found = real_stat(ground, path)
        return None if found is None else current.disk.as_seen(found)

    def identity(found: os.stat_result) -> SourceIdentity:
        assert current.disk is not None
        return current.disk.identity(found)

    def now(path: bytes) -> tuple[int, int, int] | None:
        try:
            found = identity(os.stat(path, follow_symlinks=False))
        except OSError:
            return None
        return found.inode, found.size, found.modified_ns

    monkeypatch.setattr(Ground, "listing", listing)
    monkeypatch.setattr(Ground, "stat", stat)
    monkeypatch.setattr(SourceIdentity, "of", staticmethod(identity))
    monkeypatch.setattr(explaining, "_now", now)
    return current


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _parents(path: str) -> list[str]:
    names = path.split("/")[:-1]
    return ["/".join(names[: n + 1]) for n in range(len(names))]
