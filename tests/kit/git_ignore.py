"""What git leaves out of a tree, and by which line: the oracle of our ignore rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

GIT = shutil.which("git")
Tree = dict[str, "Tree | str"]
"""Folders and files by name; a file's content is its text."""


class Repository:
    """A repository of its own, untouched by whoever's settings; one tree after the other stands in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self._git("init", "-q")

    def plant(self, tree: Tree, exclude: str) -> None:
        """Replace the tree. `exclude`: rules that every .gitignore overrules."""
        for entry in self.root.iterdir():
            if entry.name == ".git":
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        plant(self.root, tree)
        info = self.root / ".git" / "info"
        info.mkdir(exist_ok=True)
        _write(info / "exclude", exclude)

    def left_out(self, paths: list[str]) -> dict[str, tuple[str, int]]:
        """Which of `paths` git ignores: the file of the deciding line, and its number."""
        asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
        told = self._git("check-ignore", "--no-index", "-z", "-v", "--stdin", asked=asked)
        words = [os.fsdecode(word) for word in told.split(b"\0")[:-1]]
        rows = zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True)
        return {
            path: (source, int(line))
            for source, line, pattern, path in rows
            if not pattern.startswith("!")
        }

    def _git(self, *words: str, asked: bytes = b"") -> bytes:
        nothing = {"HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        done = subprocess.run(
            [str(GIT), *words],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], **nothing},
            input=asked,
            capture_output=True,
            check=False,
        )
        # check-ignore: 1 when nothing is ignored
        assert done.returncode in (0, 1), done.stderr
        return done.stdout


def plant(folder: Path, tree: Tree) -> None:
    for name, what in tree.items():
        if isinstance(what, str):
            _write(folder / name, what)
        else:
            (folder / name).mkdir()
            plant(folder / name, what)


def _write(path: Path, text: str) -> None:
    path.write_bytes(os.fsencode(text))
