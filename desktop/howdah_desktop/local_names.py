"""Which names of a receiver may become names of local files. Pure.

What `remote_path` lets through is safe as data; as a file's name it may still mean something else
to the operating system.
"""

from __future__ import annotations

import re
import sys
import zlib

from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_name

PART_SUFFIX = ".howdah-part"
"""Ends the names of our own unfinished files."""

# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_WINDOWS_DEVICES = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)
_WINDOWS_SIGNS = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


def check_local_name(name: str, platform: str = sys.platform) -> str:
    """`name`, if a file here may have it. Raises ProblemError("name_unsafe") with the reason."""
    try:
        check_name(name)
    except BadPath as error:
        raise ProblemError("name_unsafe", str(error)) from error
    if name.endswith(PART_SUFFIX):
        raise ProblemError("name_unsafe", f"{name[:80]!r} is what unfinished downloads are called.")
    if platform == "win32":
        if _WINDOWS_SIGNS.search(name):
            raise ProblemError("name_unsafe", f"{name[:80]!r} has a sign that Windows interprets.")
        if _WINDOWS_DEVICES.fullmatch(name):
            raise ProblemError("name_unsafe", f"{name[:80]!r} is a device on Windows.")
        if name[-1] in ". ":
            raise ProblemError("name_unsafe", f"{name[:80]!r} ends with what Windows leaves out.")
    if (
        platform == "darwin" and ":" in name
    ):  # the Finder shows it as a slash, older calls take it so
        raise ProblemError("name_unsafe", f"{name[:80]!r} has a colon.")
    return name


def part_name(name: str) -> str:
    """What `name` is called while it is fetched: hidden, beside it, at most 255 bytes."""
    room = 255 - len(PART_SUFFIX) - 1
    if len(name.encode()) <= room:
        return f".{name}{PART_SUFFIX}"
    # Long names that begin alike still get parts of their own.
    mark = f"~{zlib.crc32(name.encode()):08x}"
    stem = name.encode()[: room - len(mark)].decode(errors="ignore")
    return f".{stem}{mark}{PART_SUFFIX}"
