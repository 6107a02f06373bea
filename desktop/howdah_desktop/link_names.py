"""Links that are kept as links: a receiver has files and folders alone, so each is a small file there. Pure.

A link `a` is the file `a.howdah-link`, which holds what the link holds, as rclone does it. In a folder whose
links are kept so, a file that has such a name itself is called `a.howdah-link.howdah-file` there: no two
things here ever have one name there.
"""

from __future__ import annotations

LINK_SUFFIX = ".howdah-link"
FILE_SUFFIX = ".howdah-file"
MOST_TARGET_BYTES = 4095
"""Longer than any link can be (PATH_MAX of Linux, with its NUL)."""


def is_reserved(name: str) -> bool:
    """Whether a file of this name has another one there."""
    return name.endswith((LINK_SUFFIX, FILE_SUFFIX))


def is_of_link(path: str, remote: str) -> bool:
    """Whether what is at `path` here, and at `remote` there, is a link: one whose own name ends like that
    is not kept, and a number (`a (2).howdah-link`) stands before the end."""
    return remote.endswith(LINK_SUFFIX) and not path.endswith(LINK_SUFFIX)
