"""Invitations, for admins. See docs/protocol.md."""

from __future__ import annotations

from typing import Literal, cast

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_people import (
    InvitationInfo,
    InvitationList,
    NewInvitation,
    SpaceRole,
)
from howdah_receiver.accounts.invitations import Invitation
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.who import ADMINS, admin_of


async def create(request: Request) -> Response:
    """Invite somebody: a code that is good for one account. For admins.

    It can be for one address alone, and make the account a member of a space of one's own.
    """
    context, caller = context_of(request), admin_of(request)
    asked = await read_message(request, NewInvitation)

    def work() -> InvitationInfo:
        if asked.space is not None:
            context.accounts.spaces.may_invite(caller, asked.space)
        new, code = context.accounts.invitations.create(
            by_account_id=caller.account_id,
            email=asked.email,
            role=asked.role,
            space_id=asked.space,
            space_role=asked.space_role,
            days=asked.days,
        )
        return _info(new, code)

    return json_answer(await context.offload(work), 201)


async def list_invitations(request: Request) -> Response:
    """List the invitations that are still good. For admins."""
    context, _ = context_of(request), admin_of(request)
    found = await context.offload(context.accounts.invitations.list)
    return json_answer(InvitationList(invitations=[_info(one) for one in found]))


async def remove(request: Request) -> Response:
    """Take an invitation back. For admins."""
    context, _ = context_of(request), admin_of(request)
    await context.offload(context.accounts.invitations.remove, request.path_params["invitation"])
    return Response(status_code=204)


def _info(row: Invitation, code: str | None = None) -> InvitationInfo:
    return InvitationInfo(
        id=row.id,
        email=row.email,
        role=cast("Literal['admin', 'member']", row.role),
        space=row.space_id,
        space_role=cast("SpaceRole | None", row.space_role),
        created_ns=row.created_ns,
        expires_ns=row.expires_ns,
        code=code,
    )


routes = [
    Call(
        "POST",
        "/invitations",
        create,
        Described(
            takes=NewInvitation,
            answers={201: Answer("The invitation; its code is shown this once.", InvitationInfo)},
            problems=(*ADMINS, "bad_email"),
        ),
    ),
    Call(
        "GET",
        "/invitations",
        list_invitations,
        Described(answers={200: Answer("The invitations.", InvitationList)}, problems=ADMINS),
    ),
    Call(
        "DELETE",
        "/invitations/{invitation}",
        remove,
        Described(
            path={"invitation": "The invitation's id."},
            answers={204: Answer("It is taken back.")},
            problems=ADMINS,
        ),
    ),
]
