"""The engine's log: HOWDAH_HOME/log/howdah.log, for its user alone, bounded, one event a line.

Whoever runs the engine writes it. Names stand in it (`path="..."`), secrets never: no token, no pairing
code, no header of a request. `howdah export-log` takes it along, redacted.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

FOLDER_NAME = "log"
FILE_NAME = "howdah.log"
FILE_BYTES = 1_000_000
OLDER_FILES = 3
MOST_LINE_CHARACTERS = 8_000

_CONTROLS = (*range(32), 127, *range(128, 160))
# What turns the direction of a line, or ends it for some readers.
_MISLEADING = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
_ESCAPES = {number: f"\\x{number:02x}" for number in _CONTROLS} | {
    number: f"\\u{number:04x}" for number in _MISLEADING
}
# A net below the code, which logs none of these.
_SECRETS = re.compile(r"(Bearer\s+|[?&]code=)[^\s&'\"]+", re.IGNORECASE)

_ours = logging.getLogger("howdah_desktop")
log = logging.getLogger(__name__)


def log_files(home: Path) -> list[Path]:
    """Those that there are, the oldest first."""
    newest = home / FOLDER_NAME / FILE_NAME
    older = [newest.with_name(f"{FILE_NAME}.{n}") for n in range(OLDER_FILES, 0, -1)]
    return [path for path in (*older, newest) if path.exists()]


def quoted(text: str) -> str:
    """A value of a line, with its quotes: nothing in it ends it early."""
    return json.dumps(text, ensure_ascii=False)


class OneLine(logging.Formatter):
    """Time in UTC, level, where from, and the event. A trace follows it on the same line."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = _SECRETS.sub(r"\1***", super().format(record)).translate(_ESCAPES)
        return line if len(line) <= MOST_LINE_CHARACTERS else line[: MOST_LINE_CHARACTERS - 1] + "…"


class PrivateFile(RotatingFileHandler):
    """Rights 0600 from its first moment; a full disk must not end anybody's work."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            maxBytes=FILE_BYTES,
            backupCount=OLDER_FILES,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
        )

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nobody is told: whoever would hear of it has other work."""


@contextmanager
def logging_to_file(home: Path) -> Iterator[None]:
    """What the client's own code logs goes to the file as well. Where there can be none, it is not."""
    try:
        (home / FOLDER_NAME).mkdir(mode=0o700, exist_ok=True)
    except OSError:
        yield
        return
    handler = PrivateFile(home / FOLDER_NAME / FILE_NAME)
    handler.setFormatter(OneLine())
    handler.setLevel(logging.INFO)
    before = _ours.level
    _ours.setLevel(min(_ours.getEffectiveLevel(), logging.INFO))
    _ours.addHandler(handler)
    try:
        log.info("begins: version=%s pid=%d", own_version(), os.getpid())
        yield
    finally:
        log.info("ends: pid=%d", os.getpid())
        _ours.removeHandler(handler)
        _ours.setLevel(before)
        handler.close()


def own_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("howdah")
    except PackageNotFoundError:
        return "unknown"
