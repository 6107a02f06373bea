"""How rows of a directory, and of all below it, are found by their column `dir`."""

from __future__ import annotations

from collections.abc import Sequence

# "0" is the character after "/": so the index on (folder, dir) is used.
BELOW = "(dir = ? OR (dir >= ? AND dir < ?))"
BELOW_NAMED = "(dir = :path OR (dir >= :first AND dir < :last))"


def below(path: bytes) -> Sequence[bytes]:
    return (path, path + b"/", path + b"0")
