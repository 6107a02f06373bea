"""Digests by name, and what stands in the fields that carry them."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_common.digests import (
    ALGORITHMS,
    BLAKE3,
    DIGEST_BYTES,
    SHA256,
    BadDigestField,
    UnknownAlgorithm,
    digest,
    from_field,
    hasher,
    to_field,
)

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()

algorithms = st.sampled_from(sorted(ALGORITHMS))
values = st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES)
ZEROS = bytes(DIGEST_BYTES)


@pytest.mark.parametrize(
    ("algorithm", "data", "expected"),
    [
        # FIPS 180-2, appendix B.1.
        (SHA256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (SHA256, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        # The test vectors of the BLAKE3 project: input of 0 and 1 bytes.
        (BLAKE3, b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (BLAKE3, b"\0", "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    ],
)
def test_known_digests_come_out(algorithm: str, data: bytes, expected: str) -> None:
    assert digest(algorithm, data).hex() == expected


@given(algorithms, st.lists(st.binary(max_size=200), max_size=8))
def test_pieces_give_the_digest_of_the_whole(algorithm: str, pieces: list[bytes]) -> None:
    state = hasher(algorithm)
    for piece in pieces:
        state.update(memoryview(piece))
    assert state.digest() == digest(algorithm, b"".join(pieces))
    assert len(state.digest()) == DIGEST_BYTES


@pytest.mark.parametrize("algorithm", ["", "md5", "SHA-256", "sha256", "blake3\n"])
def test_an_unknown_algorithm_is_refused_by_its_name(algorithm: str) -> None:
    for refuse in (hasher, lambda name: digest(name, b"")):
        with pytest.raises(UnknownAlgorithm, match="is none of blake3, sha-256"):
            refuse(algorithm)


def test_the_field_of_rfc_9530_is_written_and_read() -> None:
    # RFC 9530, appendix B.1: the digest of this body, line feed included.
    body = b'{"hello": "world"}\n'
    field = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert to_field(SHA256, hashlib.sha256(body).digest()) == field
    assert from_field(field) == {SHA256: digest(SHA256, body)}


@given(st.dictionaries(algorithms, values, min_size=1), st.sampled_from([",", ", ", " ,\t"]))
def test_a_field_gives_back_what_was_written(members: dict[str, bytes], separator: str) -> None:
    assert from_field(separator.join(to_field(*member) for member in members.items())) == members


def test_algorithms_that_are_not_known_are_passed_over() -> None:
    assert from_field("md5=:AAAA:") == {}
    assert from_field(f"sha-512=:AAAA:, {to_field(SHA256, ZEROS)}, id-sha-256=::") == {
        SHA256: ZEROS
    }


@pytest.mark.parametrize(
    "field",
    [
        "",
        ",",
        "sha-256",
        "sha-256=",
        "sha-256=abc",
        "sha-256=:AAAA",
        "sha-256=::",
        "sha-256=:A=A=:",
        "sha-256=:====:",
        "SHA-256=:" + "A" * 43 + "=:",
        "sha-256=:" + base64.b64encode(bytes(31)).decode() + ":",
        "sha-256=:" + base64.b64encode(bytes(33)).decode() + ":",
        "sha-256=:" + "-" * 43 + "=:",
        to_field(SHA256, ZEROS) + ",",
        to_field(SHA256, ZEROS) + " and more",
        ZEROS.hex(),
    ],
)
def test_a_field_that_is_no_digest_is_refused(field: str) -> None:
    with pytest.raises(BadDigestField):
        from_field(field)


@given(st.text() | st.text(alphabet="sha-256=:,;ABab01 \t"))
def test_any_text_is_read_or_refused(field: str) -> None:
    try:
        members = from_field(field)
    except BadDigestField:
        return
    assert set(members) <= ALGORITHMS
    assert all(len(value) == DIGEST_BYTES for value in members.values())


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_the_protocol_gives_a_field_of_each_algorithm_to_other_clients(algorithm: str) -> None:
    assert f"`{to_field(algorithm, digest(algorithm, b'abc'))}`" in PROTOCOL
