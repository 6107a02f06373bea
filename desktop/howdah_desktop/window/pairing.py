"""Pairing from the window: what a link says at once, and the pairing itself in another thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from howdah_common.problems import ProblemError
from howdah_desktop.window.desk import Desk
from howdah_desktop.window.overall import Paired

if TYPE_CHECKING:
    from howdah_desktop.remote.paired import PairedReceiver

# What speaks HTTP is imported in the threads that use it: it takes as long as everything else that the
# first picture needs.


@dataclass(frozen=True, slots=True)
class LinkSays:
    """What can be read from a link before it is used."""

    host: str
    fingerprint: str | None
    """64 hex digits; None: the link names no certificate."""
    tls: bool = True
    """Without TLS it is on this computer."""


def shown(paired: PairedReceiver) -> Paired:
    """A pairing without its token."""
    return Paired(
        name=paired.receiver_name or paired.address.partition("://")[2],
        address=paired.address,
        account=paired.account,
        pin=paired.pin,
    )


class Pairing:
    """One at a time. What is cancelled meanwhile is not kept, should it still succeed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._wanted = 0

    def load(self, then: Callable[[Paired | None], None]) -> None:
        """The pairing that is kept, without its token."""

        def load() -> Paired | None:
            from howdah_desktop.remote import secrets

            try:
                return shown(secrets.load())
            except ProblemError:
                return None

        self._desk.ask(load, then, may_hang=True)  # a keyring may ask for its password

    def read(self, link: str, then: Callable[[LinkSays | None], None]) -> None:
        """What a link says; None: it is not one, or not yet."""

        def read() -> LinkSays | None:
            from howdah_desktop.remote.pairing import parse_link

            try:
                parsed = parse_link(link)
            except ProblemError:
                return None
            return LinkSays(
                parsed.address.partition("://")[2], parsed.pin, parsed.address.startswith("https:")
            )

        self._desk.ask(read, then)

    def begin(
        self,
        link: str,
        device: str,
        then: Callable[[Paired], None],
        failed: Callable[[ProblemError], None],
    ) -> None:
        self._wanted += 1
        number = self._wanted

        def work() -> Paired | None:
            from howdah_desktop.remote import secrets
            from howdah_desktop.remote.pairing import pair

            paired = pair(link, device)
            if number != self._wanted:
                return None
            secrets.save(paired)
            return shown(paired)

        def done(paired: Paired | None) -> None:
            if paired is not None and number == self._wanted:
                then(paired)

        def problem(found: ProblemError) -> None:
            if number == self._wanted:
                failed(found)

        self._desk.ask(work, done, problem, may_hang=True)

    def cancel(self) -> None:
        self._wanted += 1
