"""What is answered is what `/openapi.json` says of that call."""

from __future__ import annotations

import base64
import dataclasses
import re
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from howdah_common.messages import API
from kit.native import Native, code_in, random_content

if TYPE_CHECKING:
    from kit.described import Description
    from kit.receiver import RunningReceiver


def test_what_is_answered_is_what_is_described(
    native: Native, shared: RunningReceiver, description: Description, folder: str
) -> None:
    content = random_content(3 * 65536 + 5)
    upload = native.started(f"{folder}/a", content)
    client_id = secrets.token_hex(16)
    small = native.start(f"{folder}/c", random_content(7), client_id=client_id)
    uploads, of_upload = f"{API}/uploads", f"{API}/uploads/{upload}"
    seen: list[tuple[int, str | None]] = []

    def ask(method: str, path: str, **more: Any) -> Any:
        answer = native.ask(method, path, **more)
        description.check(method, path, answer)
        seen.append((answer.status, answer.code))
        return answer

    start = {"client_id": client_id, "path": f"{folder}/b", "size": 1, "modified_ns": 0,
             "digest_algorithm": "sha-256"}  # fmt: skip
    stream = {"Content-Type": "application/vnd.howdah.chunks"}
    have = {"first": 0, "digests": base64.b64encode(content.digests()).decode()}
    ask("POST", uploads, message=start)
    ask("POST", uploads, message={**start, "client_id": secrets.token_hex(16)})
    ask("POST", uploads, message={**start, "digest_algorithm": "md5", "client_id": "0" * 32})
    ask("POST", uploads, message={})
    ask("POST", uploads, body=b"x")
    ask("GET", uploads)
    ask("POST", f"{of_upload}/have", message=have)
    ask("POST", f"{of_upload}/chunks", body=content.stream([0, 1]), headers=stream)
    ask("POST", f"{of_upload}/chunks", body=content.frame(2)[:-1] + b"?", headers=stream)
    ask("POST", f"{of_upload}/chunks", body=b"nonsense" * 9, headers=stream)
    ask("PUT", f"{of_upload}/chunks/2", body=content.chunk(2))
    ask("GET", of_upload)
    ask("HEAD", of_upload)
    ask("GET", f"{of_upload}/manifest")
    ask("POST", f"{of_upload}/complete", message=content.completion())
    description.check("PUT", f"{of_upload}/chunks/2", native.put(upload, 2, content.chunk(2)))
    description.check("PUT", f"{of_upload}/chunks/2", native.put(upload, 2, content.chunk(2)))
    description.check("PUT", f"{of_upload}/chunks/2", native.put(upload, 2, content.chunk(1)))
    description.check("PUT", f"{of_upload}/chunks/3", native.put(upload, 3, content.chunk(3)))
    ask("POST", f"{of_upload}/verify")
    ask("POST", f"{of_upload}/complete", message=content.completion(if_version="0" * 32))
    published = ask("POST", f"{of_upload}/complete", message=content.completion()).json
    assert published["state"] == "published"
    ask("DELETE", of_upload)
    ask("DELETE", f"{uploads}/{small.json['id']}")
    file = f"{API}/files/{native.digested(published['file']['id'])['id']}"
    for path in ("", "/manifest", "/content"):
        ask("GET", file + path)
        ask("HEAD", file + path)
    ask("GET", f"{file}/content", headers={"Range": "bytes=5-9"})
    ask("GET", f"{file}/content", headers={"Range": "bytes=999999-"})
    ask("GET", f"{file}/content", headers={"If-None-Match": "*"})
    ask("POST", f"{file}/verify")
    ask("GET", f"{API}/files", query={"path": folder, "per_page": 1})
    ask("GET", f"{API}/files", query={"path": folder, "per_page": 0})
    ask("GET", f"{API}/files", query={"path": f"{folder}/nothing"})
    ask("POST", f"{API}/folders", message={"path": f"{folder}/new"})
    ask("POST", f"{API}/folders", message={"path": f"{folder}/new"})
    ask("POST", f"{API}/folders", message={"path": f"{folder}/a/below"})
    ask("POST", f"{API}/pair", message={"code": "wrong", "device_name": "x"})
    pairing = {"code": code_in(shared.new_link()), "device_name": "x"}
    ask("POST", f"{API}/pair", message=pairing)
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        ask("GET", path)
        ask("HEAD", path)
    assert {status for status, _ in seen} >= {200, 201, 204, 206, 304, 400, 403, 404, 409, 412, 415,
                                              416, 422}  # fmt: skip
    assert len({code for _, code in seen if code}) >= 14


def test_a_stranger_gets_what_is_described(
    shared: RunningReceiver, description: Description
) -> None:
    with Native(shared.url) as stranger:
        for path, item in description.document["paths"].items():
            target = re.sub(r"\{\w+\}", "0", path)
            for method in item:
                description.check(method, target, stranger.ask(method.upper(), target))


def test_what_is_not_described_is_noticed(
    native: Native, description: Description, folder: str
) -> None:
    upload = native.started(f"{folder}/a", random_content(5))
    looked, path = native.status(upload), f"{API}/uploads/{upload}"
    description.check("GET", path, looked)
    for wrong in (
        msgspec.json.encode({**looked.json, "state": "else"}),
        msgspec.json.encode({**looked.json, "received": [[0]]}),
        msgspec.json.encode({k: v for k, v in looked.json.items() if k != "id"}),
    ):
        with pytest.raises(AssertionError):
            description.check("GET", path, dataclasses.replace(looked, body=wrong))
    with pytest.raises(AssertionError, match="not described"):
        description.check("GET", path, dataclasses.replace(looked, status=418))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
def test_the_examples_for_curl_run_as_they_stand(
    native: Native, shared: RunningReceiver, description: Description
) -> None:
    known = {"RECEIVER": shared.url, "TOKEN": str(native.token)}

    def run(method: str, path: str, **changes: str) -> tuple[int, bytes]:
        (sample,) = description.document["paths"][path][method]["x-codeSamples"]
        line = sample["source"]
        for old, new in changes.items():
            line = line.replace(old.replace("_", "-"), new)
        done = subprocess.run(
            ["sh", "-c", line + r" -sS -w '\n%{http_code}'"],
            env={"PATH": "/usr/bin:/bin", **known},
            capture_output=True, check=True, timeout=30,
        )  # fmt: skip
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body

    code = code_in(shared.new_link())
    assert run("post", f"{API}/pair", XXXX_XXXX_XXXX=code)[0] == 201
    status, started = run("post", f"{API}/uploads")
    assert status == 201
    known["UPLOAD"] = msgspec.json.decode(started)["id"]
    upload = f"{API}/uploads/{{upload}}"
    assert run("post", f"{upload}/have") == (200, b'{"missing":[[0,0]]}')
    assert run("put", f"{upload}/chunks/{{number}}")[0] == 201
    assert run("post", f"{upload}/chunks") == (200, b'{"stored":[[0,0]]}')
    for method, path in (
        ("get", upload),
        ("get", f"{upload}/manifest"),
        ("post", f"{upload}/verify"),
    ):
        assert run(method, path)[0] == 200
    status, completed = run("post", f"{upload}/complete")
    assert status == 201
    assert run("delete", upload)[0] == 409
    known["FILE"] = msgspec.json.decode(completed)["file"]["id"]
    file = f"{API}/files/{{file}}"
    for method, path in (("get", file), ("get", f"{file}/manifest"), ("post", f"{file}/verify")):
        assert run(method, path)[0] == 200
    assert run("get", f"{file}/content") == (206, b"ab")
    assert run("get", f"{API}/files")[0] == 200
    assert run("post", f"{API}/folders")[0] == 200
    for path in (f"{API}/uploads", "/healthz", "/readyz", "/docs", "/openapi.json"):
        assert run("get", path)[0] == 200
