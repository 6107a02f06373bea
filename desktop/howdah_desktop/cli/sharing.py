"""`howdah share`: a link for people without an account."""

from __future__ import annotations

import getpass
import re
import sys
from dataclasses import dataclass

import typer

from howdah_common.messages import FileInfo, encode
from howdah_common.messages_links import MadeLink, NewLink
from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.transfers import checked_folder
from howdah_desktop.remote.receiver import Receiver

_UNITS = {"m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as it was typed."""

    path: str
    expires: str
    password: bool
    uses: int | None
    request: bool
    ask_name: bool
    label: str


def share_path(wish: Wish, as_json: bool) -> Exit:
    """Print the link's address: it is told this once. Raises ProblemError, typer.BadParameter."""
    if wish.ask_name and not wish.request:
        raise typer.BadParameter("--ask-name goes with --request.")
    seconds = seconds_of(wish.expires)
    path = checked_folder(wish.path)
    password = _asked_password() if wish.password else None
    receiver = context.connect(context.settings())
    try:
        made = receiver.make_link(
            NewLink(
                kind="request"
                if wish.request
                else "file"
                if _is_file(receiver, path)
                else "folder",
                path=path,
                label=wish.label,
                password=password,
                seconds=seconds,
                most_uses=wish.uses,
                asks_name=wish.ask_name,
            )
        )
    finally:
        receiver.close()
    _tell(made, as_json)
    return Exit.DONE


def _tell(made: MadeLink, as_json: bool) -> None:
    print(encode(made).decode() if as_json else printable(made.url))
    if not as_json and sys.stdout.isatty():
        print("Keep it: the receiver does not know it any more.", file=sys.stderr)


def _is_file(receiver: Receiver, path: str) -> bool:
    """Raises ProblemError (file_not_found)."""
    found = receiver.list(path, per_page=1)
    return found.kind == "file" and isinstance(found.items[0], FileInfo)


def seconds_of(words: str) -> int | None:
    """A span of time such as 12h or 7d; None for never. Raises typer.BadParameter."""
    if words == "never":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", words.strip().lower())
    if match is None:
        raise typer.BadParameter(f"{words!r} is no time: write 12h, 7d, 4w, or never.")
    return int(match[1]) * _UNITS[match[2]]


def _asked_password() -> str:
    """From the keyboard, unseen and twice; or a line of standard input. Raises ProblemError."""
    if not sys.stdin.isatty():
        return _checked(sys.stdin.readline().rstrip("\r\n"))
    first = getpass.getpass("Password for the link: ")
    if getpass.getpass("Again: ") != first:
        raise typer.BadParameter("The two were not the same.")
    return _checked(first)


def _checked(password: str) -> str:
    if len(password) < 4:
        raise ProblemError("bad_request", "A password has at least 4 characters.")
    return password
