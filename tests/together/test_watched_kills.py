"""Both sides die again and again while two folders keep changing: in the end both are there."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from howdah_desktop.engine.attach import running_engine
from howdah_desktop.engine.transfers import LIVE
from howdah_desktop.engine.views import FolderView
from howdah_desktop.folders.watched import FolderSettings
from kit.processes import Process
from kit.watching import SETTLE_SECONDS, Tree, engine_of, make, tree
from together.carriage import MB, MIB, Carriage, wait_until

KINDS = ("mirror", "backup")
SIZES = (0, 100, 5_000, 40_000, 300_000)
MOST_FILES = 40
IN_FLIGHT = 4 * 256 * 1024
"""Of each kill: as many chunks as there are connections."""
REQUESTS = 40_000
"""What requests without content may come to, of each start of a client."""


@dataclass
class Disturbed:
    """A folder, and a hand that changes it at random."""

    root: Path
    chance: random.Random
    story: list[str] = field(default_factory=list)
    _number: int = 0

    def change(self) -> None:
        files = sorted(p for p in self.root.rglob("*") if p.is_file() and p.parent != self.root)
        folders = sorted(p for p in self.root.rglob("*") if p.is_dir())
        acts: list[Callable[[Path, Path], None]] = [self._create]
        if len(files) > 5:
            acts = [self._edit, self._append, self._save, self._rename, self._rename_folder]
            acts += [self._delete, self._delete_folder, self._to_folder, self._to_file]
            acts += [self._create] * (6 if len(files) < MOST_FILES else 0)
        act = self.chance.choice(acts)
        file = self.chance.choice(files) if files else self.root
        folder = self.chance.choice(folders) if folders else self.root
        self.story.append(f"{act.__name__} {file} {folder}")
        act(file, folder)

    def _new(self, folder: Path) -> Path:
        self._number += 1
        return folder / f"n{self._number}"

    def _content(self) -> bytes:
        """Nobody wrote it before."""
        size = self.chance.choice(SIZES)
        return self.chance.randbytes(size)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def _create(self, _file: Path, folder: Path) -> None:
        deeper = self.chance.random() < 0.3 or folder == self.root
        self._write(self._new(self._new(folder) if deeper else folder), self._content())

    def _edit(self, file: Path, _folder: Path) -> None:
        with file.open("r+b") as opened:
            size = os.fstat(opened.fileno()).st_size
            opened.seek(self.chance.randrange(size + 1))
            opened.write(self.chance.randbytes(50))

    def _append(self, file: Path, _folder: Path) -> None:
        with file.open("ab") as opened:
            opened.write(self._content())

    def _save(self, file: Path, _folder: Path) -> None:
        """As editors do."""
        beside = file.with_name(f".{file.name}.swp")
        self._write(beside, self._content())
        beside.replace(file)

    def _rename(self, file: Path, folder: Path) -> None:
        file.rename(self._new(folder))

    def _rename_folder(self, file: Path, folder: Path) -> None:
        to = file.parent
        inside = to == folder or folder in to.parents
        folder.rename(self._new(self.root if inside else to))

    def _delete(self, file: Path, _folder: Path) -> None:
        file.unlink()

    def _delete_folder(self, _file: Path, folder: Path) -> None:
        if self._count(folder) < MOST_FILES // 3:
            shutil.rmtree(folder)

    def _to_folder(self, file: Path, _folder: Path) -> None:
        file.unlink()
        self._write(file / "inside", self._content())

    def _to_file(self, _file: Path, folder: Path) -> None:
        if folder.parent != self.root and self._count(folder) < MOST_FILES // 3:
            shutil.rmtree(folder)
            self._write(folder, self._content())

    def _count(self, folder: Path) -> int:
        return sum(p.is_file() for p in folder.rglob("*"))


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_folders_that_keep_changing_arrive_whole_though_both_sides_are_killed(
    way: Carriage, kills: int
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    hands = {kind: Disturbed(way.folder / kind, chance) for kind in KINDS}
    begin(way, hands)
    was_there: set[str] = set()
    service = way.client.start("run")
    way.mark()
    way.link.rate_bytes_per_second = 6 * MB
    for _ in range(kills):
        keep_changing(way, hands, chance)
        victims = chance.choice(["client", "client", "client", "receiver", "both"])
        if victims != "receiver":
            service.kill()
        if victims != "client":
            way.receiver.kill()
            was_there |= contents(way.stored("backup"))
        if victims != "receiver":
            service = way.client.start("run")  # and finds nobody, while the other begins
        if victims != "client":
            way.receiver.restart()
    at_rest(way, hands, service)
    arrived = sum(path.stat().st_size for path in way.receiver.data.rglob("*") if is_content(path))
    most = arrived + kills * (IN_FLIGHT + REQUESTS)
    print(f"arrived {arrived:,}, sent {way.up:,}, at most {most:,}")
    assert way.up < most, "what arrived went once, and again only what a kill found under way"
    assert was_there <= contents(way.receiver.data), "what was there is kept"


def begin(way: Carriage, hands: dict[str, Disturbed]) -> None:
    """They are watched, before anything runs: settling as short as a test likes it."""
    settings = FolderSettings(settle_seconds=SETTLE_SECONDS)
    for hand in hands.values():
        hand.root.mkdir()
        make(hand.root, {f"d/{n}": hand._content() for n in range(10)})
    with engine_of(way.client) as engine:
        for kind, hand in hands.items():
            engine.watch_add(os.fsencode(hand.root), kind, kind == "mirror", settings)


def keep_changing(way: Carriage, hands: dict[str, Disturbed], chance: random.Random) -> None:
    """Until so many bytes have gone, or what changes is not enough for them."""
    enough = way.link.up_bytes + chance.randrange(1_000, 2 * MIB)
    for _ in range(chance.randrange(3, 12)):
        chance.choice(list(hands.values())).change()
        try:
            way.link.wait_for(lambda: way.link.up_bytes > enough, chance.random() / 5)
        except TimeoutError:
            continue
        return


def is_content(path: Path) -> bool:
    """Of a file, or what it was before, or what is in the trash: at the receiver."""
    return path.is_file() and any(name in path.parts for name in ("files", "versions", "trash"))


def at_rest(way: Carriage, hands: dict[str, Disturbed], service: Process) -> None:
    """The service finds everything equal by itself, and has nothing left to do."""
    way.link.rate_bytes_per_second = None
    live = {state.value for state in LIVE}

    def equal() -> bool:
        try:
            here, there = (
                {k: tree(root(k)) for k in KINDS} for root in (way.folder.joinpath, way.stored)
            )
        except OSError:
            return False  # it moved while it was read
        return here["mirror"] == there["mirror"] and is_kept(here["backup"], there["backup"])

    def nothing_left() -> bool:
        found = views(way)
        for view in found:
            if view.state == "asking":  # much was deleted, and it was meant
                way.run("watch", "resume", str(view.id))
        return bool(found) and not any(
            live & set(view.transfers) or view.surveying for view in found
        )

    assert service.running
    try:
        wait_until(lambda: nothing_left() and equal(), "the trees are equal", 60)
    except AssertionError:
        for kind in KINDS:
            here, there = tree(way.folder / kind), tree(way.stored(kind))
            print(kind, "only here", sorted(here.keys() - there.keys()))
            print(kind, "only there", sorted(there.keys() - here.keys()))
            print(
                kind, "differ", sorted(k for k in here.keys() & there.keys() if here[k] != there[k])
            )
        print((way.client.home / "log" / "howdah.log").read_text())
        print(views(way))
        for hand in hands.values():
            print(*hand.story, sep="\n")
        raise


def is_kept(here: Tree, there: Tree) -> bool:
    """A folder that is empty here may hold there what it held."""
    folders = {name for path in there for name in above(path)} | there.keys()
    return all(
        name in folders if content is None else there.get(name) == content
        for name, content in here.items()
    )


def above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def views(way: Carriage) -> Sequence[FolderView]:
    """The folders as the service shows them; none before it has begun."""
    found = running_engine(way.client.home)
    if found is None:
        return ()
    with closing(found):
        return found.watched()


def contents(folder: Path) -> set[str]:
    """Of all files in a folder and below it, as digests."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            found.add(hashlib.sha256(path.read_bytes()).hexdigest())
    return found
