"""`howdah-receiver audit`: who did what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import MOST_A_PAGE, What
from howdah_receiver.app import Receiver
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused


def show(receiver: Receiver, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """Entries, the newest first, page by page: `count` of them, since `since_ns`, of kind `what`."""
    what, since_ns = _what(arguments.get("what")), arguments.get("since_ns")
    left: int | None = arguments.get("count")
    before: int | None = None
    while left is None or left > 0:
        size = MOST_A_PAGE if left is None else min(left, MOST_A_PAGE)
        with receiver.catalogue.read() as connection:
            found = audit.page(
                connection, count=size, before=before, what=what, since_ns=since_ns
            )  # fmt: skip
        yield from (dict(audit.as_json(entry)) for entry in found)
        if len(found) < size:
            return
        before = found[-1].number
        left = None if left is None else left - size


def _what(text: str | None) -> What | None:
    """Raises StartRefused."""
    try:
        return None if text is None else What(text)
    except ValueError as error:
        kinds = ", ".join(what.value for what in What)
        raise StartRefused(
            f"There are no entries called {text!r}.", f"Use one of: {kinds}."
        ) from error


COMMANDS = {"audit": show}
