"""The whole receiver below a path of another app: its gate decides on the very path that its routes see."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, Router

from howdah_common.messages import API
from howdah_receiver.api.gate import is_open
from howdah_receiver.embedded import EmbeddedReceiver, UploadError
from kit.inside import app_on
from kit.native import MODIFIED_NS, random_content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

NOBODY = "0" * 32
PLACES = ["", "/receiver", "/a/b", "/docs", "/api/v1", "/healthz", "/pläce"]
"""Where it is mounted; some look like an open route of its own."""


async def other(request: Request) -> Response:
    return PlainTextResponse("the other app")


@pytest.fixture(scope="module")
def face(module_path: Path) -> Iterator[EmbeddedReceiver]:
    with EmbeddedReceiver(module_path / "data") as receiver:
        yield receiver


class Asking:
    """A client inside the process; what it asks for is below `root`, as a proxy would have it."""

    def __init__(self, runner: asyncio.Runner, app: ASGIApp, root: str) -> None:
        transport = httpx.ASGITransport(app, root_path=root)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        self._runner = runner
        self._root = root
        self.token = ""

    def ask(
        self, method: str, path: str, *, host: str = "localhost", type_: str = "", **more: Any
    ) -> httpx.Response:
        """`path` as it is, with its dots."""
        url = httpx.URL("http://localhost", raw_path=quote(self._root + path, "/%").encode())
        headers = {"Host": host}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if type_:
            headers["Content-Type"] = type_
        return self._runner.run(self._client.request(method, url, headers=headers, **more))

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, message: dict[str, Any]) -> httpx.Response:
        return self.ask("POST", path, json=message)

    def pair(self, face: EmbeddedReceiver, below: str) -> None:
        code = {"code": face.pairing_code(), "device_name": "test"}
        self.token = self.post(f"{below}/pair", code).json()["token"]

    def start(self, below: str, **members: Any) -> httpx.Response:
        message = {
            "client_id": secrets.token_hex(16),
            "path": "a.bin",
            "modified_ns": MODIFIED_NS,
            **members,
        }
        return self.post(f"{below}/uploads", message)


@contextmanager
def mounted(app: ASGIApp, place: str, *, root: str = "") -> Iterator[Asking]:
    outer = Starlette(routes=[Route("/other", other), Mount(place, app)])
    with asyncio.Runner() as runner:
        yield Asking(runner, outer, root)


@pytest.fixture(scope="module")
def every_route(module_path: Path) -> list[tuple[str, str]]:
    """(method, path) of every route, with ids of nothing."""
    app = app_on(module_path / "for-routes")
    found = []
    for route in app.routes:
        inner = list(route.routes) if isinstance(route, Mount) else [route]
        above = route.path if isinstance(route, Mount) else ""
        for each in inner:
            assert isinstance(each, Route)
            names = dict.fromkeys(each.param_convertors, NOBODY) | {"number": "0"}
            whole = above + each.path_format.format(**names)
            found += [(method, whole) for method in each.methods or ()]
    return found


@pytest.mark.parametrize("place", PLACES)
def test_every_route_is_closed_to_strangers_but_the_open_ones(
    face: EmbeddedReceiver, every_route: list[tuple[str, str]], place: str
) -> None:
    with mounted(face.app(), place) as client:
        assert client.get("/other").text == "the other app"
        for method, path in every_route:
            answer = client.ask(method, place + path)
            if is_open(method, path):
                assert answer.status_code != 401, (method, path)
            else:
                assert answer.status_code == 401, (method, path)


@pytest.mark.parametrize("place", PLACES)
def test_no_path_beside_an_open_one_is_open(face: EmbeddedReceiver, place: str) -> None:
    beside = [
        f"{place}{place}{API}/files",
        f"{place}{API}/pair/../files",
        f"{place}{API}{API}/pair",
        f"{place}//docs",
        f"{place}/docs/",
        f"{place}/healthz/x",
        f"{place}/healthz%2f..%2fapi/v1/files",
    ]
    with mounted(face.app(), place) as client:
        for path in beside:
            answer = client.get(path)
            assert answer.status_code in (401, 404), path
            assert "files" not in answer.text, path


@pytest.mark.parametrize("root", ["", "/behind/a/proxy"])
@pytest.mark.parametrize("place", PLACES)
def test_an_upload_goes_its_way_below_any_path(
    face: EmbeddedReceiver, place: str, root: str
) -> None:
    content = random_content(100_000)
    with mounted(face.app(), place, root=root) as client:
        below = f"{place}{API}"
        client.pair(face, below)
        begun = client.start(
            below,
            size=content.size,
            digest_algorithm=content.algorithm,
            chunk_bytes=content.chunk_bytes,
        )
        assert begun.status_code == 201
        upload = begun.json()["id"]
        location = begun.headers["location"]
        assert location == quote(f"{root}{below}/uploads/{upload}")
        assert client.get(unquote(location).removeprefix(root)).json()["state"] == "open"
        sent = client.ask(
            "POST",
            f"{below}/uploads/{upload}/chunks",
            content=content.stream(),
            type_="application/vnd.howdah.chunks",
        )
        assert sent.status_code == 200
        # Both doors lead to the same uploads.
        assert face.get_status(upload).size_uploaded == content.size
        file = face.complete_upload(upload)
        assert file.path.read_bytes() == content.data
        assert client.get(f"{below}/files/{file.file_id}/content").content == content.data


def test_a_router_in_a_router_is_as_good_as_one_mount(face: EmbeddedReceiver) -> None:
    inner = Router([Mount("/in/here", face.app())])
    with mounted(inner, "/out") as client:
        assert client.get("/out/in/here/healthz").status_code == 200
        assert client.get("/out/in/here/api/v1/files").status_code == 401
        assert client.get("/out/healthz").status_code == 404


def test_a_name_must_be_one_that_it_may_be_called_by(short_path: Path) -> None:
    with (
        EmbeddedReceiver(short_path / "data", allowed_hosts=("known.example.org",)) as face,
        mounted(face.app(["Site.example.org"]), "/r") as client,
    ):
        for host, status in {
            "localhost": 200,
            "127.0.0.1:8000": 200,
            "site.example.org": 200,
            "known.example.org": 200,
            "other.example.org": 400,
        }.items():
            assert client.ask("GET", "/r/healthz", host=host).status_code == status, host


def test_an_upload_of_unknown_size_goes_on_at_its_own_door(face: EmbeddedReceiver) -> None:
    before = face.get_statistics().active_uploads
    with mounted(face.app(), "/r") as client:
        client.pair(face, f"/r{API}")
        begun = client.start(f"/r{API}", size=None, digest_algorithm="sha-256")
        upload = begun.json()["id"]
    status = face.get_status(upload)
    assert (status.total_size, status.total_chunks, status.progress) == (None, None, None)
    assert status.time_remaining is None
    assert face.get_statistics().active_uploads == before + 1
    for ask in (face.resume_upload, face.complete_upload):
        with pytest.raises(UploadError, match="goes on at its own door"):
            ask(upload)
