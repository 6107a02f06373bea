"""Who asks, and what a role allows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto


class Right(Flag):
    """What may be done in a space."""

    NONE = 0
    READ = auto()
    """See what is there, and fetch it."""
    SEND = auto()
    """Put files in."""
    CHANGE = auto()
    """Move, delete, restore, make folders."""
    MANAGE = auto()
    """Say who is a member, and as what; limits; the end of the space."""


ROLES: dict[str, Right] = {
    "owner": Right.READ | Right.SEND | Right.CHANGE | Right.MANAGE,
    "writer": Right.READ | Right.SEND | Right.CHANGE,
    "reader": Right.READ,
    "sender": Right.SEND,
}
"""The roles of a space. A sender may only put things in, and sees nothing else."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, for the rows that remember it; None: other hands, or the receiver itself."""

    account_id: str | None
    device_id: str | None


NOBODY = Actor(None, None)


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in device and its account: who a request is from."""

    account_id: str
    account_name: str
    admin: bool
    device_id: str
    device_name: str
    space_id: str | None = None
    """The one space that the device is limited to."""
    send_only: bool = False
    """The device may only put things in, whatever its account may."""
    link_id: str | None = None
    """Nobody signed in, but who came by this request link; the account is that of its maker."""

    @property
    def actor(self) -> Actor:
        return Actor(self.account_id, self.device_id)

    def rights(self, space_id: str, role: str | None) -> Right:
        """In the space where the account has that role (None: it is no member)."""
        if role is None or self.space_id not in (None, space_id):
            return Right.NONE
        rights = ROLES[role]
        return rights & Right.SEND if self.send_only else rights
