"""Whatever the OpenAPI document allows, and much that it does not, is answered as the document says: never
with a mistake of the receiver (5xx), never in another shape than is written there.

schemathesis makes the requests of the document; the answers are held against it as in all of the receiver's
tests (`kit.described`).
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from howdah_common import file_frames, frames
from kit.described import Description
from kit.native import Answer, Native, frame, random_content
from kit.receiver import running_receiver
from kit.small_files import Small, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

EXAMPLES = 300 if os.environ.get("HOWDAH_SOAK") == "1" else 25

FORM = "application/x-www-form-urlencoded"
VICTIM = "to be revoked"
NEVER = {500, 501, 502, 503, 504, 505}

schemathesis.openapi.media_type(
    frames.MEDIA_TYPE,
    st.binary(max_size=300)
    | st.builds(frame, st.integers(0, 2**31), st.binary(min_size=1, max_size=200)),
)
schemathesis.openapi.media_type(
    file_frames.MEDIA_TYPE,
    st.binary(max_size=300)
    | st.lists(
        st.builds(
            Small,
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
            st.binary(max_size=50),
        ),
        max_size=3,
    ).map(stream),
)
schemathesis.openapi.media_type("application/octet-stream", st.binary(max_size=300))
schemathesis.openapi.media_type(FORM, st.binary(max_size=300) | st.just(b"password=secret"))


@schemathesis.serializer(
    frames.MEDIA_TYPE, file_frames.MEDIA_TYPE, "application/octet-stream", FORM
)
def as_it_is(_context: Any, value: bytes) -> bytes:
    return value


@pytest.fixture(scope="module")
def receiver(short_root: Path) -> Iterator[RunningReceiver]:
    with running_receiver(short_root / "any") as running:
        yield running


@pytest.fixture(scope="module")
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as device:
        yield device


def _account(owner: Native) -> str:
    name = secrets.token_hex(8)
    made = owner.post("/accounts", {"name": name, "password": f"a long one {name}"})
    return str(made.json["id"])


def _link(owner: Native) -> Any:
    """To a folder, for some calls; to put files in, for the others."""
    kind = secrets.choice(["folder", "request"])
    return owner.post("/links", {"kind": kind, "path": ""}).json


def _victim(owner: Native) -> str:
    devices = owner.get("/devices").json["devices"]
    return next(str(device["id"]) for device in devices if device["name"] == VICTIM)


def _trashed(owner: Native) -> str:
    file = owner.published(f"fuzz/{secrets.token_hex(8)}", random_content(10))
    return str(owner.ask("DELETE", f"/api/v1/files/{file['id']}").json["id"])


REAL: dict[str, Callable[[Native], str]] = {
    "account": _account,
    "below": lambda owner: "fuzz/a",
    "device": _victim,
    "entry": _trashed,
    "file": lambda owner: str(owner.published("fuzz/a", random_content(50))["id"]),
    "folder": lambda owner: str(owner.make_folder(f"fuzz/{secrets.token_hex(8)}").json["id"]),
    "invitation": lambda owner: str(owner.post("/invitations", {"role": "member"}).json["id"]),
    "link": lambda owner: str(_link(owner)["link"]["id"]),
    "number": lambda owner: "0",
    "secret": lambda owner: str(_link(owner)["url"]).rpartition("/")[2],
    "space": lambda owner: str(owner.post("/spaces", {"name": "fuzz"}).json["id"]),
    "upload": lambda owner: owner.sent("fuzz/b", random_content(100)),
    # Of the very file that "file" gives.
    "version": lambda owner: str(owner.published("fuzz/a", random_content(60))["version"]),
}
"""One that exists, for each parameter of a path: fresh, as calls may end it."""


def throwaways(owner: Native, count: int) -> list[Native]:
    """Devices that a call may revoke; paired before any call guesses codes, which are limited."""
    for _ in range(count):  # one for each call that is told of a device's id
        _paired(owner, VICTIM)
    return [Native(owner.url, _paired(owner, "throwaway")) for _ in range(count)]


def _paired(owner: Native, name: str) -> str:
    code = owner.post("/devices/codes", {}).json["code"]
    return str(owner.pair(code, name).json["token"])


def operations(receiver: RunningReceiver) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{receiver.url}/openapi.json")
    found = [operation.ok() for operation in schema.get_all_operations()]  # type: ignore[union-attr]
    asked = [operation for operation in found if operation.method != "head"]
    # At last what may sign out every device of the account.
    return sorted(asked, key=lambda operation: operation.path.endswith("/auth/password"))


def try_all(
    operation: Any, described: Description, owner: Native, device: Native, number: int
) -> None:
    ids = {parameter.name: REAL[parameter.name](owner) for parameter in operation.path_parameters}

    @settings(max_examples=EXAMPLES, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @seed(number)
    @given(case=operation.as_strategy(), real=st.booleans())
    def ask(case: Any, real: bool) -> None:
        if real:
            case.path_parameters = {
                name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        headers = {"Authorization": f"Bearer {device.token}"}
        came = case.call(base_url=device.url, headers=headers, timeout=30)
        answer = Answer(
            came.status_code,
            httpx.Headers([(k, v) for k, all_of_it in came.headers.items() for v in all_of_it]),
            came.content,
        )
        assert answer.status not in NEVER, (case.as_curl_command(), answer)
        described.check(operation.method.upper(), case.formatted_path, answer)

    ask()


@pytest.mark.timeout(300)
def test_every_call_answers_as_it_is_described(receiver: RunningReceiver, device: Native) -> None:
    described = Description(httpx.get(f"{receiver.url}/openapi.json").json())
    asked = operations(receiver)
    devices = throwaways(device, len(asked))
    for number, (operation, throwaway) in enumerate(zip(asked, devices, strict=True)):
        with throwaway:
            try_all(operation, described, device, throwaway, number)
    assert len(asked) >= 30
    assert receiver.process.running
