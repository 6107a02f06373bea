"""A tree as plain objects, and random changes of it that a receiver is to follow."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from howdah_common import remote_path


@dataclass
class Entry:
    """In the trash: what stood at `path`; the contents by paths below it ("" for a file), newest last."""

    id: str
    path: str
    files: dict[str, list[bytes]]
    folders: set[str]
    """By paths below it, too."""


@dataclass
class TreeModel:
    """Files by path with all their contents, the newest last; the folders are those that they need."""

    files: dict[str, list[bytes]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    trash: dict[str, Entry] = field(default_factory=dict)

    def put(self, path: str, content: bytes) -> None:
        self.folders |= set(remote_path.parents(path))
        self.files.setdefault(path, []).append(content)

    def is_free(self, path: str) -> bool:
        """Whether something may be put there or moved there."""
        above = remote_path.parents(path)
        return (
            path not in self.files
            and path not in self.folders
            and not (set(above) & self.files.keys())
        )

    def may_publish(self, path: str) -> bool:
        return path in self.files or self.is_free(path)

    def below(self, path: str) -> dict[str, list[bytes]]:
        """What stands at the path and below it, by paths from it on."""
        return {
            one[len(path) :]: contents
            for one, contents in self.files.items()
            if one == path or one.startswith(f"{path}/")
        }

    def folders_below(self, path: str) -> set[str]:
        return {f[len(path) :] for f in self.folders if f == path or f.startswith(f"{path}/")}

    def take(self, path: str) -> dict[str, list[bytes]]:
        taken = self.below(path)
        for rest in taken:
            del self.files[path + rest]
        self.folders -= {f for f in self.folders if f == path or f.startswith(f"{path}/")}
        return taken

    def move(self, path: str, to: str) -> None:
        folders, taken = self.folders_below(path), self.take(path)
        self.folders |= set(remote_path.parents(to)) | {to + rest for rest in folders}
        self.files |= {to + rest: contents for rest, contents in taken.items()}

    def put_away(self, path: str, trash_id: str) -> None:
        folders = self.folders_below(path)
        self.trash[trash_id] = Entry(trash_id, path, self.take(path), folders)

    def bring_back(self, trash_id: str, to: str) -> None:
        entry = self.trash.pop(trash_id)
        self.folders |= set(remote_path.parents(to)) | {to + rest for rest in entry.folders}
        for rest, contents in entry.files.items():
            self.folders |= set(remote_path.parents(to + rest))
            self.files[to + rest] = contents


def any_path(rng: random.Random, top: str) -> str:
    """Few, so that they meet; at most three deep."""
    return "/".join([top, *(rng.choice("abc") for _ in range(rng.randint(1, 3)))])
