"""Gathers what a bug report needs, redacts it, and writes one file."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import platform
import secrets as chance
import socket
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from howdah_common.problems import PROBLEMS, ProblemError
from howdah_desktop.bug_report.names import Names
from howdah_desktop.bug_report.redaction import Redactor
from howdah_desktop.cli.doctor import line as finding_line
from howdah_desktop.cli.history import line as event_line
from howdah_desktop.doctor.doctor import examine
from howdah_desktop.engine.history import About, Event, History
from howdah_desktop.engine.ledger_now import bring_up_to_date
from howdah_desktop.log_file import log_files, own_version
from howdah_desktop.remote import secrets
from howdah_desktop.settings import Settings

MOST_EVENTS = 500
LIBRARIES = (
    "httpx",
    "httpcore",
    "msgspec",
    "blake3",
    "keyring",
    "watchdog",
    "typer",
    "rich",
    "PySide6-Essentials",
)
TEXT_SUFFIXES = (".txt", ".log")
NO_SECRET = frozenset({"", "owner", "localhost", "howdah"})
"""Words of the program itself, which tell nothing."""


def gather(settings: Settings, names: Names | None) -> dict[str, str]:
    """The report's parts by their file names, redacted. Raises ProblemError.

    `names`: names of files as hashes; None: as they are.
    """
    redact = Redactor(known_words(settings))
    parts = {"report.txt": "\n".join(_report(settings, names)) + "\n"}
    for path in log_files(settings.home):
        text = path.read_text(encoding="utf-8", errors="replace")
        if names is not None:
            text = "\n".join(names.line(line) for line in text.split("\n"))
        parts[path.name] = text
    return {name: redact.text(text) for name, text in parts.items()}


def write(parts: dict[str, str], target: Path) -> None:
    """One text, or a zip by its name's end; for its user alone. Raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if target.suffix in TEXT_SUFFIXES:
            file.write(as_text(parts).encode(errors="backslashreplace"))
            return
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text.encode(errors="backslashreplace"))


def as_text(parts: dict[str, str]) -> str:
    return "\n".join(f"===== {name}\n{text}" for name, text in parts.items())


def new_names() -> Names:
    return Names(chance.token_bytes(32))


def known_words(settings: Settings) -> dict[str, str]:
    """What is known to be somebody's own -> what stands for it."""
    found = {str(settings.home): "<howdah-home>", str(Path.home()): "~"}
    found |= dict.fromkeys((platform.node(), socket.gethostname()), "<this-computer>")
    found[settings.device_name] = "<device-name>"
    try:
        found[getpass.getuser()] = "<user>"
    except (OSError, KeyError):  # no name for the number
        pass
    try:
        paired = secrets.load()
    except ProblemError:
        pass
    else:
        host = urlsplit(paired.address).hostname or ""
        found |= {
            paired.receiver_name: "<receiver-name>",
            paired.account: "<account>",
            paired.device: "<device>",
            host: "<receiver>",
            paired.token: "<token>",
        }
    return {
        word: stands for word, stands in found.items() if word not in NO_SECRET and len(word) > 1
    }


def _report(settings: Settings, names: Names | None) -> Iterator[str]:
    yield f"Howdah report of {dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    yield f"howdah {own_version()}, Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    yield f"encoding {sys.getfilesystemencoding()}, locale {locale}"
    yield "\n== Settings"
    yield f"connections {settings.connections}, small files at once {settings.small_files_at_once}"
    yield f"home {settings.home}, device name {settings.device_name or '(the computer)'}"
    yield "\n== Doctor"
    for finding in examine(settings):
        yield finding_line(finding)
    yield f"\n== History, the newest {MOST_EVENTS}"
    for event in _events(settings):
        yield event_line(event if names is None else _hidden(event, names))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "-"


def _events(settings: Settings) -> list[Event]:
    try:
        if not bring_up_to_date(settings.home):
            return []
        history = History(settings.home)
        try:
            return history.events(About(), MOST_EVENTS)
        finally:
            history.close()
    except ProblemError:  # the doctor has said it
        return []


def _hidden(event: Event, names: Names) -> Event:
    """Without names, and without sentences that may hold some."""
    sentence = PROBLEMS[event.code].sentence if event.code in PROBLEMS else ""
    return replace(
        event,
        path=names.path(event.path),
        target=names.path(event.target),
        sentence=sentence or event.what.capitalize() + ".",
        remedy="",
    )
