"""All checks, in the order in which one would ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from howdah_desktop.doctor import line, machine, own
from howdah_desktop.doctor.finding import Finding, problem
from howdah_desktop.settings import Settings

CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    machine.program,
    own.folder,
    own.ledger,
    own.engine,
    own.service,
    line.token,
    line.receiver,
    machine.watches,
    machine.room,
)


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding after the other; each check takes some seconds at most."""
    for check in CHECKS:
        try:
            yield from check(settings)
        except OSError as error:  # something is so wrong that it cannot even be looked at
            about = check.__name__
            yield problem(
                about, f"It cannot be looked at ({error}).", "See what the system's log says."
            )
