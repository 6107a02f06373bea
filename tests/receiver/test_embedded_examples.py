"""The examples of docs/embedding.md, run as they are: programs of their own, with curl and over raw lines."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kit.ports import free_port
from kit.processes import PATIENCE_SECONDS, Process
from kit.random_file import file_sha256, write_random

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
MIB = 1024 * 1024
TOKEN = "a-token-of-the-test"


class Site:
    """An example as a process; the port stays the same over restarts."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.data = folder / "data"
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.client = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )
        self.start()

    def start(self) -> None:
        program = EXAMPLES / f"embedded_{self.name}.py"
        self.process = Process(
            [sys.executable, program, "--port", str(self._port), "--data", self.data,
             "--token", TOKEN],
            folder=self._folder,
        )  # fmt: skip
        self.process.wait_for(f"^{re.escape(self.url)}$")

    def close(self) -> None:
        self.client.close()
        self.process.close()

    def begin(self, filename: str, size: int, **more: str) -> dict[str, Any]:
        members = {"filename": filename, "total_size": size, **more}
        way: dict[str, Any] = {"data" if self.name == "flask" else "json": members}
        answer = self.client.post("/uploads", **way)
        assert answer.status_code == 201, answer.text
        begun: dict[str, Any] = answer.json()
        return begun

    def send(self, upload: str, number: int, content: bytes) -> httpx.Response:
        digest = hashlib.sha256(content).hexdigest()
        if self.name == "flask":
            form = {"number": str(number), "hash": digest}
            files = {"chunk": content}
            return self.client.post(f"/uploads/{upload}/chunks", data=form, files=files)
        way = f"/uploads/{upload}/chunks/{number}"
        return self.client.put(way, content=content, params={"hash": digest})

    def half(self, upload: str, number: int, content: bytes) -> socket.socket:
        """A line that has brought half of a chunk, and rests."""
        if self.name == "flask":
            mark = secrets.token_hex(8)
            field = f"--{mark}\r\nContent-Disposition: form-data; name="
            body = (
                f'{field}"number"\r\n\r\n{number}\r\n'
                f'{field}"chunk"; filename="c"\r\n\r\n'
            ).encode() + content + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
            head = f"POST /uploads/{upload}/chunks HTTP/1.1\r\n"
            head += f"Content-Type: multipart/form-data; boundary={mark}\r\n"
        else:
            body = content
            head = f"PUT /uploads/{upload}/chunks/{number} HTTP/1.1\r\n"
        head += f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        line = socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS)
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        return line

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def site(name: str, folder: Path) -> Iterator[Site]:
    running = Site(name, folder)
    try:
        yield running
    finally:
        running.close()


both = pytest.mark.parametrize("name", ["flask", "starlette"])


@both
def test_an_upload_goes_on_after_a_broken_line_and_a_kill_byte_for_byte(
    name: str, short_path: Path
) -> None:
    content = secrets.token_bytes(4 * MIB + 5)
    chunks = [content[at : at + MIB] for at in range(0, len(content), MIB)]
    with site(name, short_path) as running:
        client_id = secrets.token_hex(16)
        begun = running.begin("a.bin", len(content), client_id=client_id)
        upload = begun["upload_id"]
        assert (begun["chunk_size"], begun["total_chunks"]) == (MIB, 5)
        for number in (3, 0):
            assert running.send(upload, number, chunks[number]).status_code == 200

        running.half(upload, 1, chunks[1]).close()
        assert running.get(f"/uploads/{upload}/resume")["missing"] == [1, 2, 4]

        with running.half(upload, 2, chunks[2]):
            running.process.kill(signal.SIGKILL)
        running.process.close()
        running.start()

        assert running.begin("a.bin", len(content), client_id=client_id) == begun
        assert running.get("/uploads")[0]["upload_id"] == upload
        missing = running.get(f"/uploads/{upload}/resume")["missing"]
        assert missing == [1, 2, 4]
        last: dict[str, Any] = {}
        for number in missing:
            last = running.send(upload, number, chunks[number]).json()
        assert (last["complete"], last["progress"]) == (True, 1.0)
        assert last["result"]["size"] == len(content)
        assert "path" not in last["result"]  # where files lie is nobody's business

        # What was answered stays so, whatever ends the program.
        running.process.kill(signal.SIGKILL)
        running.process.close()
        running.start()
        assert running.get(f"/uploads/{upload}")["status"] == "published"
        assert running.get(f"/uploads/{upload}/chunks/4/verify")["ok"] is True
        stored = running.data / "files" / "owner" / last["result"]["remote_path"]
        assert stored.read_bytes() == content


@both
def test_strangers_get_nothing_errors_have_the_codes_of_the_table_and_it_ends_in_good_order(
    name: str, short_path: Path
) -> None:
    with site(name, short_path) as running:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": b"Bearer w\xf6rng"}):
            for path in ("/uploads", "/statistics", f"/uploads/{'0' * 32}"):
                answer = httpx.get(running.url + path, headers=given, trust_env=False)  # type: ignore[arg-type]
                assert answer.status_code == 401, path
            assert httpx.post(f"{running.url}/uploads", trust_env=False).status_code == 401

        upload = running.begin("a.bin", 3)["upload_id"]
        too_long = running.send(upload, 0, b"abcd")
        assert (too_long.status_code, too_long.json()["code"]) == (400, "chunk_out_of_range")
        unknown = running.client.get(f"/uploads/{'0' * 32}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "upload_not_found")
        assert unknown.json()["remedy"].endswith(".")
        cancelled = running.client.delete(f"/uploads/{upload}")
        assert cancelled.json()["status"] == "cancelled"
        late = running.send(upload, 0, b"abc")
        assert (late.status_code, late.json()["code"]) == (409, "upload_not_open")
        assert late.json()["state"] == "cancelled"
        assert running.get("/statistics")["active_uploads"] == 0

        upload = running.begin("a.bin", MIB + 1)["upload_id"]
        assert running.send(upload, 0, bytes(MIB)).status_code == 200
        running.process.stop()
        assert (running.data / "clean").exists()


@both
def test_the_lines_of_its_docstring_work_as_they_stand(name: str, short_path: Path) -> None:
    sha256 = write_random(short_path / "big.bin", 2_500_000)
    with site(name, short_path) as running:
        done = subprocess.run(
            ["/bin/sh", "-eux", "-c", lines_of(name)],
            cwd=short_path,
            env={**os.environ, "SITE": running.url, "TOKEN": TOKEN, "no_proxy": "*"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert '"complete":true' in done.stdout.replace(" ", "")
        stored = running.data / "files" / "owner" / "from the web" / "big.bin"
        assert file_sha256(stored) == sha256
        if name == "starlette":
            assert '"path":"from the web/big.bin"' in done.stdout


def lines_of(name: str) -> str:
    """What the docstring says to type once it runs: its indented lines after the one that starts it."""
    docstring = (EXAMPLES / f"embedded_{name}.py").read_text().split('"""')[1]
    lines = re.findall(r"^    (.*)$", docstring, re.MULTILINE)
    assert (
        lines[0]
        == f"python docs/examples/embedded_{name}.py --port " + lines[0].split(" --port ")[1]
    )
    return "\n".join(lines[1:])
