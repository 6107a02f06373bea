"""What both sides sign off, against vectors that docs/protocol.md gives to other clients."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import assume, given
from hypothesis import strategies as st

from howdah_common.chunks import KIB, ChunkPlanError
from howdah_common.digests import BLAKE3, DIGEST_BYTES, SHA256, UnknownAlgorithm, digest
from howdah_common.manifest import Manifest

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
CHUNK = 64 * KIB

COUNTED = bytes(number % 251 for number in range(2 * CHUNK + 1))
"""Bytes 0, 1, ... 250, 0, 1, ...: two whole chunks and one byte."""

VECTORS = [
    (b"", SHA256, "74fc9fc13829f5449b19e15f25b3dd82d9f6f8ef90be4fd43bfd82a2bb5b9f38"),
    (b"", BLAKE3, "a9524722b2c3c85b4b6674f193db4210aa9ed3d224c9e1bdfe573df8a81fda16"),
    (b"abc", SHA256, "5c7b630b3d60845ad18e3c02c718d116d3ee46cbd1f621a76fc32caa3ef75cc2"),
    (b"abc", BLAKE3, "e9f66b6d57ff96b2834e38e452c23bb27c7b0888b3164c8d791ebfc5efe495ed"),
    (COUNTED, SHA256, "65047c4104cc8ff0870e863ed8501682242c7da06fd508229893701954557807"),
    (COUNTED, BLAKE3, "162fda3584db5a6ba5c0b0ac166f1594db72c0719f57f7ffbb848be66bb83c89"),
]


def manifest_of(content: bytes, algorithm: str, chunk_bytes: int = CHUNK) -> Manifest:
    pieces = [content[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes)]
    digests = b"".join(digest(algorithm, piece) for piece in pieces)
    return Manifest(len(content), chunk_bytes, algorithm, digests)


@pytest.mark.parametrize(("content", "algorithm", "expected"), VECTORS)
def test_the_vectors_come_out(content: bytes, algorithm: str, expected: str) -> None:
    assert manifest_of(content, algorithm).digest().hex() == expected


def test_the_protocol_gives_every_vector_to_other_clients() -> None:
    rows = re.findall(r"^\| .* \| (\d+) \| (\S+) \| `([0-9a-f]{64})` \|$", PROTOCOL, re.MULTILINE)
    assert rows == [
        (str(len(content)), algorithm, expected) for content, algorithm, expected in VECTORS
    ]
    for algorithm in (SHA256, BLAKE3):
        manifest = manifest_of(COUNTED, algorithm)
        for number in range(3):
            assert f"`{manifest.chunk_digest(number).hex()}`" in PROTOCOL


def test_the_digest_is_that_of_the_bytes_which_the_protocol_spells_out() -> None:
    # By hand, without the module: b"howdah-manifest-1\0sha-256\0", 3 and 65,536 as u64be.
    spelled = bytes.fromhex(
        "686f776461682d6d616e69666573742d3100"
        "7368612d32353600"
        "0000000000000003"
        "0000000000010000"
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert f"`{spelled.hex()}`" in PROTOCOL
    assert manifest_of(b"abc", SHA256).digest() == hashlib.sha256(spelled).digest()

    spelled = b"howdah-manifest-1\0blake3\0" + bytes(7) + b"\3" + bytes(5) + b"\1\0\0"
    spelled += blake3(b"abc").digest()
    assert manifest_of(b"abc", BLAKE3).digest() == blake3(spelled).digest()


@given(st.binary(max_size=300), st.sampled_from([BLAKE3, SHA256]), st.data())
def test_any_change_of_the_content_changes_the_digest(
    content: bytes, algorithm: str, data: st.DataObject
) -> None:
    other = data.draw(st.binary(max_size=300))
    assume(other != content)
    assert manifest_of(content, algorithm).digest() != manifest_of(other, algorithm).digest()


def test_size_grid_algorithm_and_order_are_part_of_the_digest() -> None:
    one, two = digest(SHA256, b"1"), digest(SHA256, b"2")
    manifests = [
        Manifest(2 * CHUNK, CHUNK, SHA256, one + two),
        Manifest(2 * CHUNK, CHUNK, SHA256, two + one),
        Manifest(2 * CHUNK - 1, CHUNK, SHA256, one + two),
        Manifest(4 * CHUNK, 2 * CHUNK, SHA256, one + two),
        Manifest(2 * CHUNK, CHUNK, BLAKE3, one + two),
    ]
    assert len({manifest.digest() for manifest in manifests}) == len(manifests)


@pytest.mark.parametrize("length", [0, 1, DIGEST_BYTES, 2 * DIGEST_BYTES - 1, 3 * DIGEST_BYTES])
def test_too_few_or_many_digests_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="bytes of digests where 64 are needed"):
        Manifest(CHUNK + 1, CHUNK, SHA256, bytes(length))


def test_sizes_that_make_no_plan_are_refused() -> None:
    with pytest.raises(ChunkPlanError):
        Manifest(1, 1000, SHA256, bytes(DIGEST_BYTES))
    with pytest.raises(ChunkPlanError):
        Manifest(-1, CHUNK, SHA256, b"")


def test_an_unknown_algorithm_has_no_digest() -> None:
    with pytest.raises(UnknownAlgorithm):
        Manifest(0, CHUNK, "md5", b"").digest()


def test_each_chunk_has_its_digest_and_no_other_number_has_one() -> None:
    manifest = manifest_of(COUNTED, SHA256)
    assert manifest.chunk_digest(0) == digest(SHA256, COUNTED[:CHUNK])
    assert manifest.chunk_digest(2) == digest(SHA256, COUNTED[-1:])
    for number in (-1, 3):
        with pytest.raises(IndexError, match=f"chunk {number} of 3"):
            manifest.chunk_digest(number)
