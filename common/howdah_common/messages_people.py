"""Messages of accounts, logins, devices, invitations and spaces, as `messages` has those of files.

A member of a change that is left out stays as it is; null takes it away.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from howdah_common.messages import Message

Role = Literal["admin", "member"]
SpaceRole = Literal["owner", "writer", "reader", "sender"]
Quota = Annotated[int, Meta(ge=0, le=2**63 - 1)]
AlarmHours = Annotated[int, Meta(ge=1, le=24 * 366)]
MOST_INVITATION_DAYS = 365


# -- signing in


class SignUp(Message, frozen=True):
    """`invitation`: its code, where the receiver does not take everyone. `name`: what others call the
    account; made of the address where it is left out."""

    email: str
    password: str
    name: str | None = None
    invitation: str | None = None
    device_name: str = ""


class LogIn(Message, frozen=True):
    """`email`: the account's address, or its name."""

    email: str
    password: str
    device_name: str = ""


class Refresh(Message, frozen=True):
    """The refresh token of the last answer: each is good once."""

    refresh_token: str


class SignedIn(Message, frozen=True):
    """`access_token` goes into the Authorization header until `expires_ns`; `refresh_token` gets the next
    pair. `account` is a name, for people."""

    access_token: str
    expires_ns: int
    refresh_token: str
    device: str
    account: str
    catalogue: str


class ChangePassword(Message, frozen=True):
    """`old` is left out where the account has no password yet. `devices`: paired devices are revoked as
    well, but for the one that asks."""

    new: str
    old: str | None = None
    devices: bool = False


# -- accounts


class SpaceInfo(Message, frozen=True):
    """A space that the account is a member of. What a sender does not see is left out."""

    id: str
    name: str
    kind: Literal["home", "shared"]
    role: SpaceRole
    created_ns: int
    case_fold: bool = False
    used_bytes: int | None = None
    used_files: int | None = None
    quota_bytes: int | None = None
    quota_files: int | None = None


class OwnAccount(Message, frozen=True):
    """The account of whoever asks. `used_*`: over all spaces that count for it."""

    id: str
    name: str
    role: Role
    used_bytes: int
    used_files: int
    spaces: list[SpaceInfo]
    email: str | None = None
    quota_bytes: int | None = None
    quota_files: int | None = None


class AccountInfo(Message, frozen=True):
    """An account, as admins see it."""

    id: str
    name: str
    role: Role
    disabled: bool
    created_ns: int
    used_bytes: int
    used_files: int
    email: str | None = None
    quota_bytes: int | None = None
    quota_files: int | None = None


class AccountList(Message, frozen=True):
    """All accounts, by name."""

    accounts: list[AccountInfo]


class NewAccount(Message, frozen=True):
    """An account with a password that its user is told, and may change."""

    name: str
    password: str
    email: str | None = None
    role: Role = "member"
    quota_bytes: Quota | None = None
    quota_files: Quota | None = None


class ChangeAccount(Message, frozen=True):
    """What is to be another way."""

    name: str | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    quota_bytes: Quota | UnsetType | None = UNSET
    quota_files: Quota | UnsetType | None = UNSET


# -- devices


class DeviceInfo(Message, frozen=True):
    """A paired device, or a login. `seen_ns` and `address`: when and from where it last asked for something;
    `arrived_ns`: when a file last came from it; `own`: it is the one that asks."""

    id: str
    account: str
    name: str
    kind: Literal["paired", "login"]
    created_ns: int
    own: bool = False
    seen_ns: int | None = None
    address: str | None = None
    expires_ns: int | None = None
    space: str | None = None
    send_only: bool = False
    arrived_ns: int | None = None
    alarm_hours: int | None = None


class DeviceList(Message, frozen=True):
    """The devices that are not revoked, newest first."""

    devices: list[DeviceInfo]


class ChangeDevice(Message, frozen=True):
    """`alarm_hours`: after so many without a file from it somebody is told; null: never."""

    name: str | UnsetType = UNSET
    alarm_hours: AlarmHours | UnsetType | None = UNSET


class NewCode(Message, frozen=True):
    """What the device will be limited to: one space, and putting things in."""

    space: str | None = None
    send_only: bool = False


class PairingCode(Message, frozen=True):
    """Good once, until `expires_ns`. `link`: what to open or paste on the device."""

    code: str
    expires_ns: int
    link: str | None = None


# -- invitations


class NewInvitation(Message, frozen=True):
    """`email`: for this address alone. `space` and `space_role`: what the account becomes a member of."""

    email: str | None = None
    role: Role = "member"
    space: str | None = None
    space_role: SpaceRole = "writer"
    days: Annotated[int, Meta(ge=1, le=MOST_INVITATION_DAYS)] = 7


class InvitationInfo(Message, frozen=True):
    """`code` is shown once, when it is made: the receiver keeps only its SHA-256."""

    id: str
    role: Role
    created_ns: int
    expires_ns: int
    email: str | None = None
    space: str | None = None
    space_role: SpaceRole | None = None
    code: str | None = None


class InvitationList(Message, frozen=True):
    """Those that are still good, newest first."""

    invitations: list[InvitationInfo]


# -- spaces


class SpaceList(Message, frozen=True):
    """The spaces that the account is a member of, its home first."""

    spaces: list[SpaceInfo]


class NewSpace(Message, frozen=True):
    """`case_fold`: names that differ by case or by Unicode form alone are the same there."""

    name: str
    case_fold: bool = False


class ChangeSpace(Message, frozen=True):
    """What is to be another way. Its folder on the receiver's disk stays where it is."""

    name: str | UnsetType = UNSET
    quota_bytes: Quota | UnsetType | None = UNSET
    quota_files: Quota | UnsetType | None = UNSET


class MemberInfo(Message, frozen=True):
    """`account` is an id, `name` for people."""

    account: str
    name: str
    role: SpaceRole


class MemberList(Message, frozen=True):
    """The members of a space, by name."""

    members: list[MemberInfo]


class SetMember(Message, frozen=True):
    """What the account is in the space from now on."""

    role: SpaceRole
