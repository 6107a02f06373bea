"""What commands ask for: a password is never an argument, which every user of a machine can see."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from howdah_receiver.errors import StartRefused

PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read it from standard input, not from the terminal."),
]


def new_password(*, from_stdin: bool) -> str:
    """Asked for twice on the terminal, or the first line of standard input. Raises StartRefused."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise StartRefused(
            "There is no terminal to ask for the password on.", "Give it with --password-stdin."
        )
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise StartRefused("The two are not the same.", "Run the command again.")
    return first


def number_or_none(text: str, what: str) -> int | None:
    """A whole number, or `none`. Raises StartRefused."""
    if text == "none":
        return None
    if not text.isdecimal() or len(text) > 18:
        raise StartRefused(f"{text!r} is no number of {what}.", "Give a whole number, or none.")
    return int(text)


def bytes_or_none(text: str) -> int | None:
    """A size such as 500 GB, or `none`. Raises StartRefused."""
    from pydantic import TypeAdapter, ValidationError

    from howdah_receiver.settings.values import Bytes

    if text == "none":
        return None
    try:
        found = TypeAdapter(Bytes).validate_python(text)
    except ValidationError:
        found = -1
    if not 0 <= found < 2**63:
        raise StartRefused(f"{text!r} is no size.", "Give one such as 500 GB or 2 TiB, or none.")
    return found
