"""Whatever the OpenAPI document allows, and much that it does not, is answered as the document says: never
with a mistake of the receiver (5xx), never in another shape than is written there.

schemathesis makes the requests of the document; the answers are held against it as in all of the receiver's
tests (`kit.described`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from howdah_common import frames
from kit.described import Description
from kit.native import Answer, Native, frame, random_content
from kit.receiver import running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

EXAMPLES = 300 if os.environ.get("HOWDAH_SOAK") == "1" else 25

NEVER = {500, 501, 502, 503, 504, 505}

schemathesis.openapi.media_type(
    frames.MEDIA_TYPE,
    st.binary(max_size=300)
    | st.builds(frame, st.integers(0, 2**31), st.binary(min_size=1, max_size=200)),
)
schemathesis.openapi.media_type("application/octet-stream", st.binary(max_size=300))


@schemathesis.serializer(frames.MEDIA_TYPE, "application/octet-stream")
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


def real_ids(device: Native) -> dict[str, str]:
    """One that exists, for each parameter of a path: fresh, as calls may end it."""
    file = device.published("fuzz/a", random_content(50))
    upload = device.sent("fuzz/b", random_content(100))
    return {"file": file["id"], "upload": upload, "number": "0"}


def operations(receiver: RunningReceiver) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{receiver.url}/openapi.json")
    found = [operation.ok() for operation in schema.get_all_operations()]  # type: ignore[union-attr]
    return [operation for operation in found if operation.method != "head"]


def try_all(operation: Any, described: Description, device: Native, url: str, number: int) -> None:
    ids = real_ids(device)

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
        came = case.call(base_url=url, headers=headers, timeout=30)
        answer = Answer(
            came.status_code,
            httpx.Headers([(k, v) for k, all_of_it in came.headers.items() for v in all_of_it]),
            came.content,
        )
        assert answer.status not in NEVER, (case.as_curl_command(), answer)
        described.check(operation.method.upper(), case.formatted_path, answer)

    ask()


def test_every_call_answers_as_it_is_described(receiver: RunningReceiver, device: Native) -> None:
    described = Description(httpx.get(f"{receiver.url}/openapi.json").json())
    asked = operations(receiver)
    for number, operation in enumerate(asked):
        try_all(operation, described, device, receiver.url, number)
    assert len(asked) >= 15
    assert receiver.process.running
    assert device.get("/files").status == 200
