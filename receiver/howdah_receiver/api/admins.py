"""What only an administrator may ask for."""

from __future__ import annotations

from starlette.requests import Request

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api.gate import caller_of


def is_admin(caller: Caller) -> bool:
    """A device that is limited is none, whosever it is."""
    return caller.admin and not caller.send_only and caller.space_id is None


def check_admin(request: Request) -> None:
    """Raises ProblemError (not_found): for everybody else there is nothing there."""
    if not is_admin(caller_of(request)):
        raise ProblemError("not_found")
