"""Paths in a space. Names are data: stored and given back byte for byte, or refused with a sentence."""

from __future__ import annotations

import re
import unicodedata

MOST_NAME_BYTES = 255
MOST_PATH_BYTES = 4_096
MOST_DEPTH = 128

_FORBIDDEN = re.compile(r"[\0\\]")


class BadPath(ValueError):
    """A path that no space takes; the message says which part and why, fit for a user."""


def check_name(name: str) -> str:
    """One step of a path, given back as it is. Raises BadPath."""
    if not name:
        raise BadPath("The path has an empty part.")
    if name in (".", ".."):
        raise BadPath(f"{_shown(name)} cannot be a part of a path.")
    if "/" in name or _FORBIDDEN.search(name):
        raise BadPath(f"The name {_shown(name[:80])} holds a slash, a backslash or a NUL.")
    try:
        length = len(name.encode())
    except UnicodeEncodeError as error:
        raise BadPath(f"The name {_shown(name[:80])} is not valid Unicode.") from error
    if length > MOST_NAME_BYTES:
        raise BadPath(
            f"The name {_shown(name[:40])}... has {length} bytes; {MOST_NAME_BYTES} are the most."
        )
    return name


def _shown(name: str) -> str:
    """In quotes and as it is; only what cannot be seen, or be sent, is escaped."""
    seen = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return f"'{''.join(seen)}'"


def check_path(path: str) -> str:
    """A file's or folder's path below the root of a space, without a leading slash, as it is.

    Raises BadPath.
    """
    names = path.split("/")
    if len(names) > MOST_DEPTH:
        raise BadPath(f"The path is {len(names)} deep; {MOST_DEPTH} is the most.")
    for name in names:
        check_name(name)
    if len(path.encode()) > MOST_PATH_BYTES:
        raise BadPath(f"The path has more than {MOST_PATH_BYTES} bytes.")
    return path


def check_folder(path: str) -> str:
    """As `check_path`, but the empty path, the root of the space, is one too."""
    return check_path(path) if path else path


def parent(path: str) -> str:
    """The folder that `path` stands in; empty for the root."""
    return path.rpartition("/")[0]


def name(path: str) -> str:
    """The last part of `path`."""
    return path.rpartition("/")[2]


def join(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder and path else folder or path


def parents(path: str) -> list[str]:
    """The folders above `path`, outermost first, without the root."""
    names = path.split("/")[:-1]
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]


def folded(name: str) -> str:
    """What two names have in common that a space which folds case takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def numbered(path: str, number: int) -> str:
    """`a/b.txt` and 2 give `a/b (2).txt`: a name beside one that is taken.

    A long name is shortened so that the result still is one. Only where the folder's path leaves no
    room at all is the result one that `check_path` refuses.
    """
    folder, last = parent(path), name(path)
    stem, dot, suffix = last.rpartition(".")
    if not stem:
        stem, dot, suffix = last, "", ""
    tail = f" ({number}){dot}{suffix}"
    most = min(MOST_NAME_BYTES, MOST_PATH_BYTES - len(folder.encode()) - bool(folder))
    room = most - len(tail.encode())
    if room < 1:  # a suffix of some 250 bytes is no suffix
        stem, tail = last, f" ({number})"
        room = most - len(tail.encode())
    stem = stem.encode()[: max(room, 0)].decode(errors="ignore")
    return join(folder, stem + tail)
