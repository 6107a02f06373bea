"""Signing up, in and out. See docs/protocol.md."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from howdah_common.messages_people import ChangePassword, LogIn, Refresh, SignedIn, SignUp
from howdah_receiver.accounts.logins import AGAIN_SECONDS, Login
from howdah_receiver.accounts.passwords import LEAST_CHARACTERS, MOST_BYTES
from howdah_receiver.accounts.tokens import ACCESS_SECONDS
from howdah_receiver.api.answers import json_answer, read_message
from howdah_receiver.api.context import Context, context_of
from howdah_receiver.api.described import Answer, Call, Described
from howdah_receiver.api.gate import caller_of
from howdah_receiver.api.who import NOT_LIMITED, account_of, address_of


async def sign_up(request: Request) -> Response:
    """Make an account and sign in to it.

    Where the receiver does not take everyone, an invitation is needed.
    """
    context, address = context_of(request), address_of(request)
    asked = await read_message(request, SignUp)

    def work() -> Login:
        return context.accounts.people.sign_up(
            email=asked.email,
            password=asked.password,
            name=asked.name,
            invitation=asked.invitation,
            device_name=asked.device_name,
            address=address,
        )

    async with context.accounts.attempts.attempt(address, always_counts=True):
        login = await context.offload(work)
    return json_answer(_signed_in(context, login), 201)


async def log_in(request: Request) -> Response:
    """Sign in with a password.

    Wrong ones make the next attempts from that address wait, and those on that account from addresses
    that it was never signed in from.
    """
    context, address = context_of(request), address_of(request)
    asked = await read_message(request, LogIn)
    logins = context.accounts.logins

    async def knows() -> bool:
        return await context.offload(logins.knows, asked.email, address)

    async with context.accounts.attempts.attempt(address, asked.email, knows):
        login = await context.offload(
            logins.login, asked.email, asked.password, asked.device_name, address
        )
    return json_answer(_signed_in(context, login))


async def refresh(request: Request) -> Response:
    """Get the next pair of tokens.

    A refresh token is good once. The one before the newest is taken once more for a while, as its answer
    may have been lost; shown later, it ends the login, as two must hold it then.
    """
    context = context_of(request)
    asked = await read_message(request, Refresh)
    login = await context.offload(
        context.accounts.logins.refresh, asked.refresh_token, address_of(request)
    )
    return json_answer(_signed_in(context, login))


async def log_out(request: Request) -> Response:
    """Sign out: the token that asks, and the login or paired device it is of, are good for nothing more."""
    context, caller = context_of(request), caller_of(request)
    await context.offload(context.accounts.devices.revoke, caller.account_id, caller.device_id)
    return Response(status_code=204)


async def change_password(request: Request) -> Response:
    """Change the account's password.

    All its other logins end. Paired devices stay, unless `devices` says otherwise.
    """
    context, caller = context_of(request), account_of(request)
    asked = await read_message(request, ChangePassword)
    address, logins = address_of(request), context.accounts.logins

    async def knows() -> bool:
        return await context.offload(logins.knows, caller.account_name, address)

    def work() -> None:
        logins.change_password(caller, old=asked.old, new=asked.new, devices_too=asked.devices)

    async with context.accounts.attempts.attempt(address, caller.account_name, knows):
        await context.offload(work)
    return Response(status_code=204)


def _signed_in(context: Context, login: Login) -> SignedIn:
    return SignedIn(
        access_token=login.access_token,
        expires_ns=login.expires_ns,
        refresh_token=login.refresh_token,
        device=login.device_id,
        account=login.account_name,
        catalogue=context.catalogue.id,
    )


_DISK = ("storage_full", "storage_failed")
_PASSWORD = (
    f"A password has {LEAST_CHARACTERS} characters or more and {MOST_BYTES} bytes at most, and is not"
    " soon guessed."
)

routes = [
    Call(
        "POST",
        "/auth/signup",
        sign_up,
        Described(
            takes=SignUp,
            answers={201: Answer("Signed in.", SignedIn)},
            problems=(
                "signup_closed",
                "invitation_refused",
                "bad_email",
                "bad_name",
                "password_weak",
                "email_taken",
                "name_taken",
                "too_many_attempts",
                *_DISK,
            ),
            more=_PASSWORD,
        ),
    ),
    Call(
        "POST",
        "/auth/login",
        log_in,
        Described(
            takes=LogIn,
            answers={200: Answer("Signed in.", SignedIn)},
            problems=("login_refused", "too_many_attempts", *_DISK),
            more=f"The access token is good for {ACCESS_SECONDS // 60} minutes.",
        ),
    ),
    Call(
        "POST",
        "/auth/refresh",
        refresh,
        Described(
            takes=Refresh,
            answers={200: Answer("Signed in.", SignedIn)},
            problems=("login_ended", *_DISK),
            more=f"That while is {AGAIN_SECONDS} seconds.",
        ),
    ),
    Call(
        "POST",
        "/auth/logout",
        log_out,
        Described(answers={204: Answer("Signed out.")}, problems=("not_found",)),
    ),
    Call(
        "POST",
        "/auth/password",
        change_password,
        Described(
            takes=ChangePassword,
            answers={204: Answer("It is the new one.")},
            problems=("password_refused", "password_weak", "too_many_attempts", *NOT_LIMITED),
            more=_PASSWORD,
        ),
    ),
]
