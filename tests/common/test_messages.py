"""The JSON of the native protocol: what one side writes the other reads, today and next year."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_common import messages
from howdah_common.messages import (
    ChunksAnswer,
    Complete,
    FileInfo,
    FileList,
    FileManifest,
    FolderInfo,
    Have,
    HaveAnswer,
    Message,
    NewFolder,
    Pair,
    Paired,
    ProblemDocument,
    StartUpload,
    UploadInfo,
    UploadList,
    UploadManifest,
    VerifyAnswer,
    encode,
)

PROTOCOL = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text()
HEX = "0123456789abcdef" * 4

START = StartUpload(
    client_id=HEX[:32], path="a/b.txt", size=5, modified_ns=-1, digest_algorithm="blake3"
)
FILE = FileInfo(
    id="f1",
    space="s1",
    path="a/b.txt",
    version="v1",
    size=5,
    modified_ns=1,
    added_ns=2,
    chunk_bytes=65_536,
    digest_algorithm="sha-256",
    manifest_digest=HEX,
)
FOLDER = FolderInfo(space="s1", path="a")
UPLOAD = UploadInfo(
    id="u1",
    client_id=HEX[:32],
    space="s1",
    path="a/b.txt",
    state="published",
    size=None,
    chunk_bytes=65_536,
    total_chunks=None,
    digest_algorithm="blake3",
    received=[(0, 3), (5, 5)],
    received_bytes=5,
    started_ns=1,
    expires_ns=2,
    file=FILE,
)

EXAMPLES: list[Message] = [
    START,
    msgspec.structs.replace(START, size=None, chunk_bytes=65_536, metadata={"a": "ü"}),
    FILE,
    msgspec.structs.replace(FILE, sha256=HEX),
    FOLDER,
    UPLOAD,
    UploadList(uploads=[UPLOAD, msgspec.structs.replace(UPLOAD, problem="sha256_mismatch")]),
    Have(first=3, digests=bytes(range(64))),
    HaveAnswer(missing=[(0, 0)]),
    ChunksAnswer(stored=[]),
    UploadManifest(
        size=5, chunk_bytes=65_536, digest_algorithm="blake3", received=[(0, 0)], digests=bytes(32)
    ),
    FileManifest(
        version="v1",
        size=5,
        chunk_bytes=65_536,
        digest_algorithm="blake3",
        manifest_digest=HEX,
        digests=bytes(32),
    ),
    Complete(size=5, manifest_digest=HEX, if_version="none"),
    VerifyAnswer(ok=False, checked_bytes=5, damaged=[(0, 0)]),
    FileList(kind="folder", items=[FOLDER, FILE], page=1, per_page=50, total=2),
    NewFolder(path="a/b"),
    Pair(code="AAAA-BBBB-CCCC", device_name="Ana's laptop"),
    Paired(token="t", device="d", account="owner", receiver_name="r", catalogue="c"),
    ProblemDocument(type="urn:howdah:problem:internal", title="t", status=500),
]

REFUSALS = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises for bytes that are no message: text that is not UTF-8 and nesting too deep have
errors of their own."""


def example_id(message: Message) -> str:
    return type(message).__name__


def wire(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(encode(message))
    return made


def kinds() -> set[type[Message]]:
    found = {one for one in vars(messages).values() if isinstance(one, type)}
    return {one for one in found if issubclass(one, Message)} - {Message}


def test_every_message_has_an_example_here() -> None:
    assert {type(example) for example in EXAMPLES} == kinds()


@pytest.mark.parametrize("message", EXAMPLES, ids=example_id)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert msgspec.json.decode(encode(message), type=type(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=example_id)
def test_members_of_a_newer_program_are_passed_over(message: Message) -> None:
    newer = {"later": {"and": [1, None]}, **wire(message), "": 1.5}
    assert msgspec.json.decode(json.dumps(newer), type=type(message)) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=example_id)
def test_a_member_that_must_be_there_is_missed_by_name(message: Message) -> None:
    required = [one.encode_name for one in msgspec.structs.fields(message) if one.required]
    assert required
    for name in required:
        short = {key: value for key, value in wire(message).items() if key != name}
        with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
            msgspec.json.decode(json.dumps(short), type=type(message))


@pytest.mark.parametrize("message", EXAMPLES, ids=example_id)
def test_what_is_not_given_is_left_out(message: Message) -> None:
    # Null stands only where it says something: a size that is not known.
    assert {name for name, value in wire(message).items() if value is None} <= {
        "size",
        "total_chunks",
    }


@pytest.mark.parametrize("kind", sorted(kinds(), key=str))
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{",
        b'{"a": 1,}',
        b"{} {}",
        b'{"path": "\xff"}',
        b'{"path": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_garbage_is_refused(kind: type[Message], body: bytes) -> None:
    with pytest.raises(REFUSALS):
        msgspec.json.decode(body, type=kind)


@given(st.binary() | st.text(alphabet='{}[]",:0e-tru\\ nl').map(str.encode))
def test_any_bytes_are_refused_in_a_way_that_is_foreseen(body: bytes) -> None:
    with pytest.raises(REFUSALS):
        msgspec.json.decode(body, type=StartUpload)


@pytest.mark.parametrize(
    "client_id",
    ["", HEX[:31], HEX[:33], HEX[:32].upper(), "g" * 32, HEX[:32] + "\n", HEX[:31] + "é", 5, None],
)
def test_a_client_id_is_32_hex_digits(client_id: object) -> None:
    with pytest.raises(msgspec.ValidationError, match="client_id"):
        msgspec.json.decode(json.dumps({**wire(START), "client_id": client_id}), type=StartUpload)


@pytest.mark.parametrize("digest", ["", HEX[:63], HEX + "0", HEX.upper(), HEX + "\n", "none"])
@pytest.mark.parametrize("member", ["manifest_digest", "sha256"])
def test_a_single_digest_is_64_hex_digits(member: str, digest: str) -> None:
    body = {"size": 0, "manifest_digest": HEX, "sha256": HEX, member: digest}
    with pytest.raises(msgspec.ValidationError, match=member):
        msgspec.json.decode(json.dumps(body), type=Complete)


@pytest.mark.parametrize("modified_ns", [-(2**63), -1, 0, 2**63 - 1])
def test_a_time_that_64_bits_hold_is_taken(modified_ns: int) -> None:
    start = msgspec.structs.replace(START, modified_ns=modified_ns)
    assert msgspec.json.decode(encode(start), type=StartUpload) == start


@pytest.mark.parametrize("modified_ns", [-(2**63) - 1, 2**63, 2**64, 10**30, 1.5, "1", None, True])
def test_any_other_time_is_refused(modified_ns: object) -> None:
    body = {**wire(START), "modified_ns": modified_ns}
    with pytest.raises(msgspec.ValidationError, match="modified_ns"):
        msgspec.json.decode(json.dumps(body), type=StartUpload)


@pytest.mark.parametrize("digests", ["=", "AAA", "AAAA=", "!!!!", "\u00e9", 5])
def test_bytes_are_base64(digests: object) -> None:
    with pytest.raises(msgspec.ValidationError, match="digests"):
        msgspec.json.decode(json.dumps({"first": 0, "digests": digests}), type=Have)


def test_bytes_are_base64_with_padding_and_the_plain_alphabet() -> None:
    assert wire(Have(first=0, digests=b"\xff\xef\xfe\x00")) == {"first": 0, "digests": "/+/+AA=="}


def test_an_upload_stands_on_the_wire_as_the_protocol_says() -> None:
    assert wire(START) == {
        "client_id": HEX[:32],
        "path": "a/b.txt",
        "size": 5,
        "modified_ns": -1,
        "digest_algorithm": "blake3",
    }
    assert wire(UPLOAD)["received"] == [[0, 3], [5, 5]]
    assert wire(UPLOAD)["size"] is None
    assert wire(UPLOAD)["file"]["kind"] == "file"


def test_folders_and_files_are_told_apart_by_their_kind() -> None:
    assert wire(FOLDER) == {"kind": "folder", "space": "s1", "path": "a"}
    with pytest.raises(msgspec.ValidationError, match="kind"):
        msgspec.json.decode(
            b'{"kind":"folder","items":[{"kind":"link"}],"page":1,"per_page":50,"total":1}',
            type=FileList,
        )


@pytest.mark.parametrize(
    "kind",
    [StartUpload, FileInfo, UploadInfo, Complete, Pair, Paired, VerifyAnswer, UploadManifest],
)
def test_the_protocol_names_every_member(kind: type[Message]) -> None:
    for member in msgspec.structs.fields(kind):
        assert f'"{member.encode_name}"' in PROTOCOL


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        START.path = "b"  # type: ignore[misc]  # that is the point
