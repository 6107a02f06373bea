"""Accounts: one's own, and for admins all of them. See docs/protocol.md."""

from __future__ import annotations

from typing import Literal, cast

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_people import (
    AccountInfo,
    AccountList,
    ChangeAccount,
    NewAccount,
    OwnAccount,
)
from howdah_common.problems import ProblemError
from howdah_receiver.accounts import people
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.spaces import space_info
from howdah_receiver.api.who import ADMINS, NOT_LIMITED, address_of, admin_of, given
from howdah_receiver.catalogue.accounts import AccountRow, Used

_Role = Literal["admin", "member"]


async def look_at_own(request: Request) -> Response:
    """Look at one's own account, with its spaces."""
    context, caller = context_of(request), caller_of(request)
    if caller.send_only:
        raise ProblemError("not_allowed", "This device is limited.")

    def work() -> OwnAccount:
        row, used = context.accounts.people.find(caller.account_id)
        return OwnAccount(
            id=row.id,
            name=row.name,
            email=row.email,
            role=cast("_Role", row.role),
            used_bytes=used.bytes,
            used_files=used.files,
            quota_bytes=row.quota_bytes,
            quota_files=row.quota_files,
            spaces=[space_info(space) for space in context.accounts.spaces.of(caller)],
        )

    return json_answer(await context.offload(work))


async def list_accounts(request: Request) -> Response:
    """List all accounts. For admins."""
    context, _ = context_of(request), admin_of(request)
    found = await context.offload(context.accounts.people.list)
    return json_answer(AccountList(accounts=[_info(row, used) for row, used in found]))


async def create(request: Request) -> Response:
    """Make an account with a password. For admins.

    `POST /invitations` lets people choose their own.
    """
    context, _ = context_of(request), admin_of(request)
    asked = await read_message(request, NewAccount)
    new = people.NewAccount(
        name=asked.name,
        password=asked.password,
        email=asked.email,
        role=asked.role,
        quota_bytes=asked.quota_bytes,
        quota_files=asked.quota_files,
    )
    async with context.accounts.attempts.turn(address_of(request)):
        row = await context.offload(context.accounts.people.create, new)
    return json_answer(_info(row, Used(0, 0)), 201)


async def change(request: Request) -> Response:
    """Change an account: its names, role, quota, or whether it is disabled. For admins.

    It holds at once.
    """
    context, _ = context_of(request), admin_of(request)
    values = given(await read_message(request, ChangeAccount))
    account_id = request.path_params["account"]

    def work() -> AccountInfo:
        context.accounts.people.change(account_id, **values)
        return _info(*context.accounts.people.find(account_id))

    return json_answer(await context.offload(work))


async def disable(request: Request) -> Response:
    """Disable an account. For admins.

    None of its tokens is good for anything from now on; what it has stays. It can be enabled again.
    """
    context, _ = context_of(request), admin_of(request)
    account_id = request.path_params["account"]

    def work() -> None:
        context.accounts.people.change(account_id, disabled=True)

    await context.offload(work)
    return Response(status_code=204)


def _info(row: AccountRow, used: Used) -> AccountInfo:
    return AccountInfo(
        id=row.id,
        name=row.name,
        email=row.email,
        role=cast("_Role", row.role),
        disabled=row.disabled,
        created_ns=row.created_ns,
        used_bytes=used.bytes,
        used_files=used.files,
        quota_bytes=row.quota_bytes,
        quota_files=row.quota_files,
    )


_ACCOUNT = {"account": "The account's id."}
_NAMES = ("bad_name", "bad_email", "name_taken", "email_taken")

routes = [
    Call(
        "GET",
        "/account",
        look_at_own,
        Described(
            answers={200: Answer("The account.", OwnAccount)}, problems=("not_found", *NOT_LIMITED)
        ),
    ),
    Call(
        "GET",
        "/accounts",
        list_accounts,
        Described(answers={200: Answer("The accounts.", AccountList)}, problems=ADMINS),
    ),
    Call(
        "POST",
        "/accounts",
        create,
        Described(
            takes=NewAccount,
            answers={201: Answer("It is made.", AccountInfo)},
            problems=(*ADMINS, *_NAMES, "password_weak", "too_many_attempts"),
        ),
    ),
    Call(
        "PATCH",
        "/accounts/{account}",
        change,
        Described(
            path=_ACCOUNT,
            takes=ChangeAccount,
            answers={200: Answer("As it is now.", AccountInfo)},
            problems=(*ADMINS, *_NAMES, "last_admin"),
        ),
    ),
    Call(
        "DELETE",
        "/accounts/{account}",
        disable,
        Described(
            path=_ACCOUNT,
            answers={204: Answer("It is disabled.")},
            problems=(*ADMINS, "last_admin"),
        ),
    ),
]
