"""Chunks: in a stream and one by one, whole, broken, wrong and late."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from howdah_common.digests import ALGORITHMS, BLAKE3, SHA256, digest, to_field
from howdah_common.frames import frame_header
from kit.native import SMALL_CHUNK, Native, frame, random_content
from kit.raw_http import Raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_stream_in_any_order_counts(native: Native, folder: str, algorithm: str) -> None:
    content = random_content(9 * SMALL_CHUNK + 1, algorithm=algorithm)
    upload = native.started(f"{folder}/a", content)
    numbers = list(range(content.total))
    random.Random(7).shuffle(numbers)
    answer = native.stream(upload, content.stream(numbers))
    assert (answer.status, answer.json) == (200, {"stored": [[0, 9]]})
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


def test_a_stream_without_a_length_counts_too(native: Native, folder: str) -> None:
    content = random_content(4 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)

    def pieces() -> Iterator[bytes]:
        body = content.stream()
        for at in range(0, len(body), 10_007):
            yield body[at : at + 10_007]

    assert native.stream(upload, pieces()).json == {"stored": [[0, 3]]}


def test_an_empty_stream_brings_nothing(native: Native, folder: str) -> None:
    upload = native.started(f"{folder}/a", random_content(10))
    assert native.stream(upload, b"").json == {"stored": []}


def test_the_vector_of_the_documentation_is_taken(native: Native, folder: str) -> None:
    data = bytes(number % 251 for number in range(131_073))
    upload = native.started(f"{folder}/a", None, size=131_073, digest_algorithm=SHA256)
    chunks = [data[:65_536], data[65_536:131_072], data[131_072:]]
    native.stream(upload, b"".join(frame(n, c, SHA256) for n, c in enumerate(chunks)))
    answer = native.post(
        f"/uploads/{upload}/complete",
        {
            "size": 131_073,
            "manifest_digest": "65047c4104cc8ff0870e863ed8501682242c7da06fd508229893701954557807",
        },
    )
    assert answer.status == 201


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_plain_chunk_counts_once(native: Native, folder: str, algorithm: str) -> None:
    content = random_content(2 * SMALL_CHUNK, algorithm=algorithm)
    upload = native.started(f"{folder}/a", content)
    first = native.put(upload, 1, content.chunk(1), algorithm=algorithm)
    again = native.put(upload, 1, content.chunk(1), algorithm=algorithm)
    assert (first.status, again.status) == (201, 204)
    assert native.received(upload) == {1}


def test_other_bytes_for_a_received_chunk_are_a_conflict(native: Native, folder: str) -> None:
    content, other = random_content(2 * SMALL_CHUNK), random_content(2 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    put = native.put(upload, 0, other.chunk(0))
    assert (put.status, put.code, put.json["chunks"]) == (409, "chunk_conflict", [0])
    stream = native.stream(upload, other.frame(1) + content.frame(0))
    assert (stream.status, stream.code, stream.json["chunks"]) == (409, "chunk_conflict", [1])
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


def test_a_wrong_digest_keeps_nothing(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    put = native.put(upload, 0, content.chunk(0), said=bytes(32))
    assert (put.status, put.code, put.json["chunks"]) == (422, "chunk_mismatch", [0])
    assert native.received(upload) == set()
    assert native.put(upload, 0, content.chunk(0)).status == 201
    late = native.put(upload, 0, content.chunk(0), said=bytes(32))
    assert (late.status, late.code) == (422, "chunk_mismatch")
    assert native.received(upload) == {0}


def test_chunks_beside_a_wrong_one_count(native: Native, folder: str) -> None:
    content = random_content(4 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    wrong = frame(1, content.chunk(1), said=bytes(32))
    answer = native.stream(upload, content.frame(0) + wrong + content.stream([2, 3]))
    assert (answer.status, answer.code) == (422, "chunk_mismatch")
    assert answer.json["chunks"] == [1]
    assert native.received(upload) == {0, 2, 3}


def test_a_digest_in_another_algorithm_is_no_digest(native: Native, folder: str) -> None:
    content = random_content(10)
    upload = native.started(f"{folder}/a", content)
    assert native.put(upload, 0, content.data, algorithm=SHA256).code == "digest_missing"
    path = f"/api/v1/uploads/{upload}/chunks/0"
    for field in ("", "nonsense", "blake3=:AAAA:", "blake3=:****:", "md5=:AAAA:"):
        answer = native.ask("PUT", path, body=content.data, headers={"Content-Digest": field})
        assert (answer.status, answer.code) == (400, "digest_missing")
    assert native.ask("PUT", path, body=content.data).code == "digest_missing"
    both = f"{to_field(SHA256, bytes(32))}, {to_field(BLAKE3, digest(BLAKE3, content.data))}"
    answer = native.ask("PUT", path, body=content.data, headers={"Content-Digest": both})
    assert answer.status == 201


@pytest.mark.parametrize(
    ("number", "length"),
    [
        (3, SMALL_CHUNK),
        (3, 5),
        (2, SMALL_CHUNK),
        (2, 4),
        (2, 6),
        (0, SMALL_CHUNK - 1),
        (0, 5),
        (2**32 - 1, 5),
    ],
)
def test_a_chunk_outside_the_grid_is_refused(
    native: Native, folder: str, number: int, length: int
) -> None:
    content = random_content(2 * SMALL_CHUNK + 5)
    upload = native.started(f"{folder}/a", content)
    put = native.put(upload, number, bytes(length))
    assert (put.status, put.code) == (400, "chunk_out_of_range")
    stream = native.stream(upload, content.frame(1) + frame(number, bytes(length)))
    assert (stream.status, stream.code) == (400, "chunk_out_of_range")
    assert native.received(upload) == {1}


@pytest.mark.parametrize("number", ["10" * 40, "-1", "1.0", "x", "%00", "0x1"])
def test_what_is_no_number_is_no_chunk(native: Native, folder: str, number: str) -> None:
    upload = native.started(f"{folder}/a", random_content(10))
    field = to_field(BLAKE3, digest(BLAKE3, bytes(10)))
    path = f"/api/v1/uploads/{upload}/chunks/{number}"
    answer = native.ask("PUT", path, body=bytes(10), headers={"Content-Digest": field})
    assert answer.status in (400, 404)
    assert answer.code in ("chunk_out_of_range", "not_found")


def test_a_plain_chunk_needs_its_length(native: Native, folder: str) -> None:
    content = random_content(10)
    upload = native.started(f"{folder}/a", content)
    answer = native.ask(
        "PUT",
        f"/api/v1/uploads/{upload}/chunks/0",
        body=iter([content.data]),
        headers={"Content-Digest": to_field(BLAKE3, content.digest(0))},
    )
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize(
    "broken",
    [
        b"HCF2" + frame_header(1, 5)[4:],
        b"\0" * 20,
        b"HCF1\x01" + frame_header(1, 5)[5:],
        b"HCF1\0\0\0\x01" + frame_header(1, 5)[8:],
        frame_header(1, 0) + bytes(32),
        frame_header(1, SMALL_CHUNK + 1),
        frame_header(1, 2**63),
        struct.pack(">4sB3sIQ", b"HCF1", 0, b"\0\0\0", 1, 2**64 - 1),
        frame_header(1, SMALL_CHUNK)[:19],
        frame_header(1, SMALL_CHUNK) + bytes(100),
        frame_header(1, SMALL_CHUNK) + bytes(SMALL_CHUNK) + bytes(31),
        b"{}",
    ],
    ids=[
        "mark", "zeros", "encoding", "reserved", "nothing", "long", "longer", "longest",
        "header", "payload", "digest", "json",
    ],
)  # fmt: skip
def test_a_broken_stream_keeps_what_was_whole(native: Native, folder: str, broken: bytes) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    answer = native.stream(upload, content.stream([2, 0]) + broken)
    assert (answer.status, answer.code) == (400, "bad_frame")
    assert native.received(upload) == {0, 2}
    assert native.stream(upload, content.frame(1)).status == 200
    assert native.complete(upload, content).status == 201


def test_a_line_that_breaks_keeps_what_was_whole(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    body = content.stream()
    with Raw(shared.url) as raw:
        raw.head(
            "POST",
            f"/api/v1/uploads/{upload}/chunks",
            Authorization=f"Bearer {native.token}",
            Content_Type="application/vnd.howdah.chunks",
            Content_Length=len(body),
        )
        raw.send(body[: 2 * (SMALL_CHUNK + 52) + 1000])
    while native.received(upload) != {0, 1}:
        pass  # the time limit of the test ends it
    assert native.put(upload, 2, content.chunk(2)).status == 201
    assert native.complete(upload, content).status == 201


def test_a_stream_of_another_type_is_refused(native: Native, folder: str) -> None:
    content = random_content(10)
    upload = native.started(f"{folder}/a", content)
    answer = native.stream(upload, content.stream(), Content_Type="application/octet-stream")
    assert (answer.status, answer.code) == (415, "media_type_unsupported")


def test_compressed_bodies_are_refused(native: Native, folder: str) -> None:
    content = random_content(10)
    upload = native.started(f"{folder}/a", content)
    encoded = {"Content-Encoding": "gzip"}
    answers = [
        native.stream(upload, content.stream(), Content_Encoding="gzip"),
        native.ask("PUT", f"/api/v1/uploads/{upload}/chunks/0", body=content.data, headers=encoded),
        native.ask("POST", f"/api/v1/uploads/{upload}/complete", message={}, headers=encoded),
        native.ask("POST", "/api/v1/uploads", message={}, headers=encoded),
        native.ask("POST", "/api/v1/pair", message={}, headers=encoded),
    ]
    assert {(answer.status, answer.code) for answer in answers} == {(415, "body_encoded")}
