"""A state of a disk as plain objects, and how to make a real folder of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kit.sparse import Content


@dataclass(eq=False, slots=True)
class File:
    """A file of a state. Two names may lead to the same object: a hard link."""

    content: Content


@dataclass(eq=False, slots=True)
class Link:
    target: str


@dataclass(eq=False, slots=True)
class Folder:
    entries: dict[str, Folder | File | Link] = field(default_factory=dict)

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Folder | File | Link]]:
        for name, entry in self.entries.items():
            yield prefix + name, entry
            if isinstance(entry, Folder):
                yield from entry.walk(f"{prefix}{name}/")

    def files(self) -> dict[str, bytes]:
        """Every file's bytes by path: for small trees, in assertions."""
        return {path: e.content.data() for path, e in self.walk() if isinstance(e, File)}


Tree = Folder


def materialise(tree: Tree, folder: Path) -> None:
    """Write a state into a real folder (made if missing), readable by this user alone; hard links
    too.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    written: dict[int, Path] = {}
    for path, entry in tree.walk():
        target = folder / path
        match entry:
            case Folder():
                target.mkdir(mode=0o700)
            case Link():
                target.symlink_to(entry.target)
            case File() if id(entry) in written:
                target.hardlink_to(written[id(entry)])
            case File():
                written[id(entry)] = target
                target.touch(mode=0o600, exist_ok=False)
                with target.open("r+b") as file:
                    file.truncate(entry.content.size)
                    for offset, run in entry.content.runs():
                        file.seek(offset)
                        file.write(run)
