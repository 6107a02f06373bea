"""Who asks, where a call is about accounts: decided before its body is read.

A device that is limited to a space, or to putting things in, has no say about its account.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api.gate import caller_of

NOT_LIMITED = ("not_allowed",)
"""What `account_of` may answer."""
ADMINS = ("not_found", "not_allowed")
"""What `admin_of` may answer."""


def account_of(request: Request) -> Caller:
    """A caller that stands for its whole account. Raises ProblemError (not_allowed)."""
    caller = caller_of(request)
    if caller.send_only or caller.space_id is not None:
        raise ProblemError("not_allowed", "This device is limited.")
    return caller


def admin_of(request: Request) -> Caller:
    """Raises ProblemError: not_allowed, not_found."""
    caller = account_of(request)
    if not caller.admin:
        raise ProblemError("not_found")
    return caller


def address_of(request: Request) -> str:
    """Of whom the request comes from; empty where it came by a socket."""
    client = request.scope.get("client")
    return str(client[0]) if client else ""


def given(message: msgspec.Struct) -> dict[str, Any]:
    """The members of a change that were given; null counts."""
    found = msgspec.structs.asdict(message)
    return {name: value for name, value in found.items() if value is not UNSET}
