"""Runs one of the receiver's own commands: in the receiver that runs on the folder, else in one that is
opened for as long as the command takes.

A command is a function of the receiver and the arguments (JSON values, as they come through the control
socket) that yields what it tells, line by line: JSON objects. One with `progress` is for a bar; what goes
wrong is raised, as ProblemError or StartRefused, and arrives as such at whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from howdah_common.problems import ProblemError
from howdah_receiver import control
from howdah_receiver.admin import (
    accounts,
    audit,
    care,
    devices,
    invitations,
    links,
    pairing,
    spaces,
)
from howdah_receiver.app import Receiver
from howdah_receiver.control import Line, Told
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings

Command = Callable[[Receiver, Mapping[str, Any]], Iterator[Line]]

COMMANDS: dict[str, Command] = {
    **accounts.COMMANDS,
    **audit.COMMANDS,
    **care.COMMANDS,
    **devices.COMMANDS,
    **invitations.COMMANDS,
    **links.COMMANDS,
    **pairing.COMMANDS,
    **spaces.COMMANDS,
}


def run(settings: Settings, command: str, **arguments: Any) -> Iterator[Line]:
    """What the command tells. Raises StartRefused."""
    told = control.ask(settings.data, command, arguments)
    if told is None:
        told = _alone(settings, command, arguments)
    # Closed whatever happens: a receiver that was opened for the command is stopped by that.
    with closing(told):
        for line in told:
            if "error" in line:
                raise StartRefused(line["error"], line["remedy"])
            yield line


def _alone(settings: Settings, command: str, arguments: Mapping[str, Any]) -> Told:
    if not settings.data.is_dir():
        raise StartRefused(
            f"There is no data folder {settings.data}.",
            "Start a receiver with `howdah-receiver serve`, or name its folder with --data.",
        )
    receiver = Receiver(settings)
    try:
        yield from answer(receiver, command, arguments)
    finally:
        receiver.stop()


def answer(receiver: Receiver, command: str, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """What the command tells; what goes wrong is told as the last line, with `error` and `remedy`."""
    found = COMMANDS.get(command)
    if found is None:
        yield {"error": f"This receiver has no command {command!r}.",
               "remedy": "Check that both are of the same version."}  # fmt: skip
        return
    try:
        yield from found(receiver, arguments)
    except ProblemError as problem:
        yield {"error": problem.sentence, "remedy": problem.problem.remedy}
    except StartRefused as refused:
        yield {"error": refused.sentence, "remedy": refused.remedy}
