"""Examples of the messages of accounts, logins, devices, invitations and spaces."""

from __future__ import annotations

import msgspec

from howdah_common import digests
from howdah_common.messages import Message
from howdah_common.messages_people import (
    AccountInfo,
    AccountList,
    ChangeAccount,
    ChangeDevice,
    ChangePassword,
    ChangeSpace,
    DeviceInfo,
    DeviceList,
    InvitationInfo,
    InvitationList,
    LogIn,
    MemberInfo,
    MemberList,
    NewAccount,
    NewCode,
    NewInvitation,
    NewSpace,
    OwnAccount,
    PairingCode,
    Refresh,
    SetMember,
    SignedIn,
    SignUp,
    SpaceInfo,
    SpaceList,
)


def _id(name: bytes) -> str:
    return digests.digest(digests.SHA256, name).hex()[:32]


_NOW_NS = 1_700_000_000_000_000_000
_DAY_NS = 24 * 3600 * 10**9
_GB = 10**9
_EMAIL, _NAME, _PASSWORD = "someone@example.org", "someone", "four words nobody guesses"
_REFRESH = "the-refresh-token-of-this-login"

_SIGNED_IN = SignedIn(
    access_token="the.access.token",
    expires_ns=_NOW_NS + 600 * 10**9,
    refresh_token=_REFRESH,
    device=_id(b"device"),
    account=_NAME,
    catalogue=_id(b"catalogue"),
)
_SPACE = SpaceInfo(
    id=_id(b"space"),
    name="Photos",
    kind="shared",
    role="owner",
    created_ns=_NOW_NS,
    used_bytes=3,
    used_files=1,
    quota_bytes=200 * _GB,
)
_ACCOUNT = AccountInfo(
    id=_id(b"account"),
    name=_NAME,
    email=_EMAIL,
    role="member",
    disabled=False,
    created_ns=_NOW_NS,
    used_bytes=3,
    used_files=1,
    quota_bytes=500 * _GB,
)
_DEVICE = DeviceInfo(
    id=_id(b"device"),
    account=_id(b"account"),
    name="camera at the door",
    kind="paired",
    created_ns=_NOW_NS,
    seen_ns=_NOW_NS + _DAY_NS,
    address="192.0.2.7",
    space=_id(b"space"),
    send_only=True,
    arrived_ns=_NOW_NS + _DAY_NS,
    alarm_hours=12,
)
_INVITATION = InvitationInfo(
    id=_id(b"invitation"),
    email=_EMAIL,
    role="member",
    space=_id(b"space"),
    space_role="writer",
    created_ns=_NOW_NS,
    expires_ns=_NOW_NS + 7 * _DAY_NS,
)
_CODE = "-".join(["XXXX"] * 8)
_MEMBER = MemberInfo(account=_id(b"account"), name=_NAME, role="writer")

ALL: tuple[Message, ...] = (
    SignUp(email=_EMAIL, password=_PASSWORD, invitation=_CODE, device_name="my laptop"),
    LogIn(email=_EMAIL, password=_PASSWORD, device_name="my laptop"),
    Refresh(refresh_token=_REFRESH),
    _SIGNED_IN,
    ChangePassword(old=_PASSWORD, new="four other words nobody guesses"),
    _SPACE,
    SpaceList(spaces=[_SPACE]),
    OwnAccount(
        id=_id(b"account"),
        name=_NAME,
        email=_EMAIL,
        role="member",
        used_bytes=3,
        used_files=1,
        quota_bytes=500 * _GB,
        spaces=[_SPACE],
    ),
    _ACCOUNT,
    AccountList(accounts=[_ACCOUNT]),
    NewAccount(name=_NAME, email=_EMAIL, password=_PASSWORD, quota_bytes=500 * _GB),
    ChangeAccount(quota_bytes=None, quota_files=100_000),
    _DEVICE,
    DeviceList(devices=[_DEVICE]),
    ChangeDevice(name="camera at the gate", alarm_hours=12),
    NewCode(send_only=True),
    PairingCode(code="XXXX-XXXX-XXXX", expires_ns=_NOW_NS + 900 * 10**9),
    NewInvitation(email=_EMAIL),
    msgspec.structs.replace(_INVITATION, code=_CODE),
    InvitationList(invitations=[_INVITATION]),
    NewSpace(name="Photos"),
    ChangeSpace(name="Pictures"),
    _MEMBER,
    MemberList(members=[_MEMBER]),
    SetMember(role="writer"),
)
