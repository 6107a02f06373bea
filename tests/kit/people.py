"""Accounts, devices and spaces of a running receiver, made as its owner makes them: by its own commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from howdah_receiver import control
from kit.native import Native

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver

PASSWORD = "four words nobody guesses"
"""Good enough for any account of a test."""


class Refused(AssertionError):
    """What a command says where it refuses."""


def told(receiver: RunningReceiver, command: str, **arguments: Any) -> list[dict[str, Any]]:
    """What one of the receiver's own commands tells, asked without a process of its own.

    Raises Refused.
    """
    lines = control.ask(receiver.data, command, arguments)
    assert lines is not None, "no receiver runs"
    found = list(lines)
    if found and "error" in found[-1]:
        raise Refused(found[-1]["error"])
    return found


def add_account(receiver: RunningReceiver, name: str, **more: Any) -> str:
    """The id of a new account, without a password unless `more` has one."""
    (line,) = told(receiver, "account.add", name=name, **more)
    return str(line["id"])


def add_space(receiver: RunningReceiver, name: str, **roles: str) -> str:
    """The id of a new shared space of the owner; `roles` by the names of accounts."""
    (line,) = told(receiver, "space.add", name=name, case_fold=False)
    for account, role in roles.items():
        told(receiver, "space.role", space=line["id"], account=account, role=role)
    return str(line["id"])


def device_of(receiver: RunningReceiver, account: str | None = None, **limits: Any) -> Native:
    """A newly paired device of that account (None: the owner); `limits`: space, send_only."""
    (line,) = told(receiver, "pair", account=account, **limits)
    return Native.paired_with(receiver, line["link"])


def home_of(device: Native) -> str:
    """The id of the home space of the device's account."""
    spaces = device.get("/account").json["spaces"]
    return str(next(space["id"] for space in spaces if space["kind"] == "home"))
