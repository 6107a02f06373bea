"""Spaces and their members. See docs/protocol.md."""

from __future__ import annotations

from typing import Literal, cast

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_people import (
    ChangeSpace,
    MemberInfo,
    MemberList,
    NewSpace,
    SetMember,
    SpaceInfo,
    SpaceList,
    SpaceRole,
)
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Right
from howdah_receiver.accounts.spaces import OwnSpace
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.who import account_of, given
from howdah_receiver.catalogue.members import Member


async def list_spaces(request: Request) -> Response:
    """List the spaces that the account is a member of, its home first."""
    context, caller = context_of(request), caller_of(request)
    if caller.send_only:
        raise ProblemError("not_allowed", "This device is limited.")
    found = await context.offload(context.accounts.spaces.of, caller)
    return json_answer(SpaceList(spaces=[space_info(space) for space in found]))


async def create(request: Request) -> Response:
    """Make a shared space; the account is its owner."""
    context, caller = context_of(request), account_of(request)
    asked = await read_message(request, NewSpace)

    def work() -> SpaceInfo:
        new = context.accounts.spaces.create(caller, asked.name, case_fold=asked.case_fold)
        return space_info(new)

    return json_answer(await context.offload(work), 201)


async def look(request: Request) -> Response:
    """Look at a space."""
    context, caller = context_of(request), caller_of(request)
    if caller.send_only:
        raise ProblemError("not_found", "There is no such space.")
    space_id = request.path_params["space"]
    return json_answer(
        space_info(await context.offload(context.accounts.spaces.look, caller, space_id))
    )


async def change(request: Request) -> Response:
    """Rename a space, or limit what it may hold. For its owners."""
    context, caller = context_of(request), account_of(request)
    values = given(await read_message(request, ChangeSpace))

    def work() -> SpaceInfo:
        space_id = request.path_params["space"]
        return space_info(context.accounts.spaces.change(caller, space_id, **values))

    return json_answer(await context.offload(work))


async def remove(request: Request) -> Response:
    """Remove a shared space that holds nothing: no file, version, folder, trash or upload. For its owners.

    Devices that are limited to it are revoked.
    """
    context, caller = context_of(request), account_of(request)
    await context.offload(context.accounts.spaces.remove, caller, request.path_params["space"])
    return Response(status_code=204)


async def list_members(request: Request) -> Response:
    """List the members of a space."""
    context, caller = context_of(request), account_of(request)
    space_id = request.path_params["space"]
    found = await context.offload(context.accounts.spaces.members, caller, space_id)
    return json_answer(MemberList(members=[_member(one) for one in found]))


async def set_member(request: Request) -> Response:
    """Make an account a member of a shared space, or another kind of one. For its owners.

    It holds at once.
    """
    context, caller = context_of(request), account_of(request)
    asked = await read_message(request, SetMember)
    space_id, account = request.path_params["space"], request.path_params["account"]
    found = await context.offload(
        context.accounts.spaces.set_member, caller, space_id, account, asked.role
    )
    return json_answer(_member(found))


async def remove_member(request: Request) -> Response:
    """Take a member out of a space; everybody may leave by themselves.

    It holds at once: uploads that are under way end.
    """
    context, caller = context_of(request), account_of(request)
    space_id, account = request.path_params["space"], request.path_params["account"]
    await context.offload(context.accounts.spaces.remove_member, caller, space_id, account)
    return Response(status_code=204)


def space_info(space: OwnSpace) -> SpaceInfo:
    row = space.row
    seen = Right.READ in space.rights
    return SpaceInfo(
        id=row.id,
        name=row.name,
        kind=cast("Literal['home', 'shared']", row.kind),
        role=cast("SpaceRole", space.role),
        created_ns=row.created_ns,
        case_fold=row.case_fold,
        used_bytes=row.used_bytes if seen else None,
        used_files=row.used_files if seen else None,
        quota_bytes=row.quota_bytes if seen else None,
        quota_files=row.quota_files if seen else None,
    )


def _member(member: Member) -> MemberInfo:
    return MemberInfo(
        account=member.account_id, name=member.name, role=cast("SpaceRole", member.role)
    )


_SPACE = {"space": "The space's id."}
_MEMBER = {**_SPACE, "account": "The account's id, or its exact name or address."}
_PROBLEMS = ("not_found", "not_allowed")

routes = [
    Call(
        "GET",
        "/spaces",
        list_spaces,
        Described(answers={200: Answer("The spaces.", SpaceList)}, problems=("not_allowed",)),
    ),
    Call(
        "POST",
        "/spaces",
        create,
        Described(
            takes=NewSpace,
            answers={201: Answer("It is made.", SpaceInfo)},
            problems=(*_PROBLEMS, "bad_name"),
        ),
    ),
    Call(
        "GET",
        "/spaces/{space}",
        look,
        Described(path=_SPACE, answers={200: Answer("The space.", SpaceInfo)}, problems=_PROBLEMS),
    ),
    Call(
        "PATCH",
        "/spaces/{space}",
        change,
        Described(
            path=_SPACE,
            takes=ChangeSpace,
            answers={200: Answer("As it is now.", SpaceInfo)},
            problems=(*_PROBLEMS, "bad_name"),
        ),
    ),
    Call(
        "DELETE",
        "/spaces/{space}",
        remove,
        Described(
            path=_SPACE,
            answers={204: Answer("It is gone.")},
            problems=(*_PROBLEMS, "space_not_empty"),
        ),
    ),
    Call(
        "GET",
        "/spaces/{space}/members",
        list_members,
        Described(
            path=_SPACE, answers={200: Answer("The members.", MemberList)}, problems=_PROBLEMS
        ),
    ),
    Call(
        "PUT",
        "/spaces/{space}/members/{account}",
        set_member,
        Described(
            path=_MEMBER,
            takes=SetMember,
            answers={200: Answer("As it is now.", MemberInfo)},
            problems=(*_PROBLEMS, "last_owner"),
        ),
    ),
    Call(
        "DELETE",
        "/spaces/{space}/members/{account}",
        remove_member,
        Described(
            path=_MEMBER,
            answers={204: Answer("It is no member.")},
            problems=(*_PROBLEMS, "last_owner"),
        ),
    ),
]
