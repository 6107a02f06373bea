"""The desktop's trash, by send2trash; what it notes of a file is where that really was."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from howdah_common.problems import ProblemError

_PATH = b"Path="


def to_trash(path: str, from_path: str, descriptor: int) -> None:
    """`path` goes to the trash, to be restored to `from_path`. `descriptor`: of the same file.

    Raises ProblemError("trash_unavailable"); then it is where it was.
    """
    try:
        from send2trash import send2trash  # type: ignore[import-untyped]

        send2trash(path)
    except Exception as error:  # each platform's part raises what its system gives it
        if os.path.lexists(path):  # links count
            raise ProblemError("trash_unavailable", f"({_reason(error)})") from error
        # It has gone there all the same.
    if sys.platform == "linux":
        _note_place(descriptor, os.fsencode(path), os.fsencode(from_path))


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__


def _note_place(descriptor: int, path: bytes, from_path: bytes) -> None:
    """The note beside it (freedesktop.org, "Trash specification": info/NAME.trashinfo) says `from_path`.

    It is only for restoring: where it cannot be found or written, the file is in the trash all the same.
    """
    try:
        lies = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  # where it went
        files, name = os.path.split(lies)
        info = Path(files).with_name("info") / f"{name}.trashinfo"
        lines = info.read_bytes().split(b"\n")
        changed = [_line(line, path, from_path) for line in lines]
        if changed != lines:
            info.write_bytes(b"\n".join(changed))
    except OSError:
        pass


def _line(line: bytes, path: bytes, from_path: bytes) -> bytes:
    """`Path=` is absolute, or below the top of its disk: its end is that of `path`."""
    if not line.startswith(_PATH):
        return line
    noted = unquote_to_bytes(line.removeprefix(_PATH))
    own = os.path.join(*path.split(b"/")[-2:])  # the aside folder, and the file in it  # noqa: PTH118
    if not noted.endswith(own):
        return line
    before = noted.removesuffix(own)
    return _PATH + quote_from_bytes(before + os.path.basename(from_path)).encode()  # noqa: PTH119
