"""A client made from docs/protocol.md alone gets along with a receiver."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from interop.plain_client import (
    PlainClient,
    Problem,
    chunks_of,
    digests_of,
    frame_of,
    manifest_digest,
    new_client_id,
)
from kit.link import FaultyLink
from kit.random_file import file_sha256, write_random
from kit.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
KIB = 1024
MIB = 1024 * KIB
OVERHEAD_BYTES = 200_000
"""What requests, digests and manifests may come to beside the content."""


@pytest.fixture
def link(receiver: RunningReceiver) -> Iterator[FaultyLink]:
    with FaultyLink(receiver.port) as link:
        yield link


@pytest.fixture
def plain(receiver: RunningReceiver, link: FaultyLink) -> PlainClient:
    """A device whose way leads over the link."""
    client = PlainClient.paired(receiver.link, "plain")
    return PlainClient("127.0.0.1", link.port, client.token)


def at_receiver(receiver: RunningReceiver, path: str) -> Path:
    return receiver.data / "files" / "owner" / path


def test_a_file_goes_up_and_comes_back_in_ranges(
    plain: PlainClient, receiver: RunningReceiver, short_path: Path
) -> None:
    sha256 = write_random(short_path / "big.bin", 5 * MIB + 7)
    path = "a folder/größe & mehr?.bin"
    file = plain.send(path, short_path / "big.bin", new_client_id())
    assert file_sha256(at_receiver(receiver, path)) == sha256
    found = plain.find(path)
    assert (found["id"], found["size"]) == (file["id"], 5 * MIB + 7)

    target = short_path / "back.bin"
    plain.fetch(found, target)
    assert file_sha256(target) == sha256
    os.truncate(target, 3 * MIB + 100)
    plain.fetch(found, target)
    assert file_sha256(target) == sha256


def test_files_of_every_size_go_the_plain_way_too(
    plain: PlainClient, receiver: RunningReceiver, short_path: Path
) -> None:
    chunk_bytes = 64 * KIB
    for size in (0, 1, chunk_bytes, chunk_bytes + 1):
        source, path = short_path / f"{size}.bin", f"{size}.bin"
        sha256 = write_random(source, size)
        upload = plain.start(path, source, new_client_id(), chunk_bytes=chunk_bytes)
        way = f"/uploads/{upload['id']}"
        for number, chunk in enumerate(chunks_of(source, chunk_bytes)):
            assert plain.put(way, number, chunk) == 201
            assert plain.put(way, number, chunk) == 204
            with pytest.raises(Problem) as problem:
                plain.put(way, number, bytes(255 - byte for byte in chunk))
            assert problem.value.code == "chunk_conflict"
        digests = digests_of(source, chunk_bytes)
        file = plain.complete(way, source, chunk_bytes, digests)
        again = plain.complete(way, source, chunk_bytes, digests)
        assert again["version"] == file["version"]
        assert file_sha256(at_receiver(receiver, path)) == sha256
        target = short_path / "back.bin"
        target.unlink(missing_ok=True)
        plain.fetch(file, target)
        assert file_sha256(target) == sha256


def test_it_goes_on_after_broken_lines_and_sends_little_twice(
    plain: PlainClient, receiver: RunningReceiver, link: FaultyLink, short_path: Path
) -> None:
    source = short_path / "big.bin"
    sha256 = write_random(source, 6 * MIB)
    client_id = new_client_id()

    def cut_again(method: str, path: str) -> None:
        if path.endswith("/chunks"):
            link.cut_after_bytes(2 * MIB)

    link.before_request(cut_again)
    plain.send("big.bin", source, client_id, chunk_bytes=64 * KIB)
    assert file_sha256(at_receiver(receiver, "big.bin")) == sha256
    streams = [path for _, path in link.requests if path.endswith("/chunks")]
    assert len(streams) >= 3
    # With each cut goes what the kernels held, and the chunk under way.
    assert link.up_bytes < 2 * source.stat().st_size


def test_it_goes_on_after_the_receiver_was_killed(
    plain: PlainClient, receiver: RunningReceiver, link: FaultyLink, short_path: Path
) -> None:
    source = short_path / "big.bin"
    sha256 = write_random(source, 4 * MIB)
    killed: list[int] = []

    def kill(method: str, path: str) -> None:
        if path.endswith("/complete") and not killed:
            killed.append(1)
            receiver.kill()
            receiver.restart()

    link.before_request(kill)
    plain.send("big.bin", source, new_client_id(), chunk_bytes=64 * KIB)
    assert killed
    assert file_sha256(at_receiver(receiver, "big.bin")) == sha256


def test_what_is_there_is_not_sent_again(
    plain: PlainClient, receiver: RunningReceiver, link: FaultyLink, short_path: Path
) -> None:
    source = short_path / "big.bin"
    sha256 = write_random(source, 4 * MIB)
    plain.send("one.bin", source, new_client_id())
    before = link.up_bytes
    plain.send("two.bin", source, new_client_id())
    assert link.up_bytes - before < OVERHEAD_BYTES
    assert file_sha256(at_receiver(receiver, "two.bin")) == sha256


def test_the_same_client_id_is_the_same_upload_and_a_token_is_needed(
    plain: PlainClient, short_path: Path
) -> None:
    source = short_path / "a.bin"
    source.write_bytes(b"abc")
    client_id = new_client_id()
    upload = plain.start("a.bin", source, client_id)
    assert plain.start("a.bin", source, client_id) == upload
    with pytest.raises(Problem) as problem:
        plain.start("b.bin", source, client_id)
    assert problem.value.code == "client_id_conflict"
    with pytest.raises(Problem) as problem:
        PlainClient(plain.host, plain.port, "wrong").find("a.bin")
    assert problem.value.code == "not_signed_in"
    with pytest.raises(Problem) as problem:
        plain.find(quote("not there"))
    assert problem.value.code == "file_not_found"


def test_over_tls_it_trusts_the_certificate_of_the_link_and_no_other(short_path: Path) -> None:
    source = short_path / "a.bin"
    sha256 = write_random(source, MIB + 1)
    with served(short_path / "data", "--host", "0.0.0.0") as receiver:
        link = re.sub(r"//[^:/]+:", "//127.0.0.1:", receiver.link)
        client = PlainClient.paired(link, "plain")
        assert client.pin is not None
        client.send("a.bin", source, new_client_id())
        assert file_sha256(at_receiver(receiver, "a.bin")) == sha256
        other = PlainClient(client.host, client.port, client.token, pin="0" * 64)
        with pytest.raises(ConnectionError, match="another certificate"):
            other.find("a.bin")


def test_the_test_vectors_of_the_page_are_what_it_computes(short_path: Path) -> None:
    counted = short_path / "counted"
    counted.write_bytes(bytes(n % 251 for n in range(131_073)))
    digests = digests_of(counted, 64 * KIB)
    for number, digest in enumerate(digests):
        assert f"| {number} | `{digest.hex()}` |" in PAGE
    of_counted = manifest_digest(131_073, 64 * KIB, digests)
    assert f"| *counted* | 131073 | sha-256 | `{of_counted}` |" in PAGE
    assert f"| nothing | 0 | sha-256 | `{manifest_digest(0, 64 * KIB, [])}` |" in PAGE
    assert f"`{frame_of(2, b'abc').hex()}`" in PAGE
