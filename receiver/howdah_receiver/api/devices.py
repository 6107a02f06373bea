"""Devices of an account, and codes that pair more. See docs/protocol.md."""

from __future__ import annotations

from typing import Literal, cast

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_people import (
    ChangeDevice,
    DeviceInfo,
    DeviceList,
    NewCode,
    PairingCode,
)
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.accounts.pairing import CODE_SECONDS
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import context_of
from howdah_receiver.api.described import Answer, Call, Described, Parameter
from howdah_receiver.api.who import NOT_LIMITED, account_of, given
from howdah_receiver.catalogue.devices import DeviceRow


async def list_devices(request: Request) -> Response:
    """List the account's devices: paired ones, and logins.

    Admins may ask for those of another account.
    """
    context, caller = context_of(request), account_of(request)
    wanted = request.query_params.get("account", caller.account_id)
    if wanted != caller.account_id and not caller.admin:
        raise ProblemError("not_found", "There is no such account.")

    def work() -> DeviceList:
        context.accounts.people.find(wanted)
        found = context.accounts.devices.list(wanted)
        return DeviceList(devices=[_info(row, caller) for row in found])

    return json_answer(await context.offload(work))


async def change(request: Request) -> Response:
    """Name a device, or say after how long a silence of it somebody is to be told."""
    context, caller = context_of(request), account_of(request)
    values = given(await read_message(request, ChangeDevice))

    def work() -> DeviceInfo:
        device_id = request.path_params["device"]
        return _info(context.accounts.devices.change(_whose(caller), device_id, **values), caller)

    return json_answer(await context.offload(work))


async def revoke(request: Request) -> Response:
    """Revoke a device, or end a login: its token is good for nothing from now on."""
    context, caller = context_of(request), account_of(request)
    device_id = request.path_params["device"]
    await context.offload(context.accounts.devices.revoke, _whose(caller), device_id)
    return Response(status_code=204)


async def new_code(request: Request) -> Response:
    """Make a one-time code that pairs another device with this account.

    The device can be limited to one space, and to putting things in: for cameras and servers.
    """
    context, caller = context_of(request), account_of(request)
    asked = await read_message(request, NewCode)

    def work() -> PairingCode:
        if asked.space is not None:
            need = Right.SEND if asked.send_only else Right.NONE
            context.accounts.spaces.may(caller, asked.space, need)
        new = context.accounts.pairing.new_code(
            caller.account_id, space_id=asked.space, send_only=asked.send_only
        )
        assert new.expires_ns is not None
        return PairingCode(
            code=new.code, expires_ns=new.expires_ns, link=context.pairing_link(new.code)
        )

    return json_answer(await context.offload(work), 201)


def _whose(caller: Caller) -> str | None:
    """Admins see to everybody's devices."""
    return None if caller.admin else caller.account_id


def _info(row: DeviceRow, caller: Caller) -> DeviceInfo:
    return DeviceInfo(
        id=row.id,
        account=row.account_id,
        name=row.name,
        kind=cast("Literal['paired', 'login']", row.kind),
        created_ns=row.created_ns,
        own=row.id == caller.device_id,
        seen_ns=row.seen_ns,
        address=row.address,
        expires_ns=row.expires_ns,
        space=row.space_id,
        send_only=row.send_only,
        arrived_ns=row.arrived_ns,
        alarm_hours=row.alarm_hours,
    )


_DEVICE = {"device": "The device's id."}
_PROBLEMS = ("not_found", *NOT_LIMITED)

routes = [
    Call(
        "GET",
        "/devices",
        list_devices,
        Described(
            parameters=(Parameter("account", "query", "An account's id; one's own if left out."),),
            answers={200: Answer("The devices.", DeviceList)},
            problems=_PROBLEMS,
        ),
    ),
    Call(
        "POST",
        "/devices/codes",
        new_code,
        Described(
            takes=NewCode,
            answers={201: Answer("The code, shown this once.", PairingCode)},
            problems=_PROBLEMS,
            more=f"It is good for {CODE_SECONDS // 60} minutes.",
        ),
    ),
    Call(
        "PATCH",
        "/devices/{device}",
        change,
        Described(
            path=_DEVICE,
            takes=ChangeDevice,
            answers={200: Answer("As it is now.", DeviceInfo)},
            problems=_PROBLEMS,
        ),
    ),
    Call(
        "DELETE",
        "/devices/{device}",
        revoke,
        Described(path=_DEVICE, answers={204: Answer("It is revoked.")}, problems=_PROBLEMS),
    ),
]
