"""Uploads: start, look, have, verify, cancel."""

from __future__ import annotations

import base64
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.digests import SHA256
from kit.native import (
    MODIFIED_NS,
    SMALL_CHUNK,
    Content,
    Native,
    home,
    part_file,
    random_content,
    rot,
    version_file,
)
from kit.people import add_account, add_space, device_of

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver

KIB = 1024
MIB = 1024 * KIB


# -- start


def test_a_start_tells_how_the_upload_is_cut(native: Native, folder: str) -> None:
    content = random_content(3 * SMALL_CHUNK + 1)
    client_id = secrets.token_hex(16)
    answer = native.start(f"{folder}/a", content, client_id=client_id)
    assert answer.status == 201
    upload = answer.json
    assert answer.headers["location"] == f"/api/v1/uploads/{upload['id']}"
    assert len(upload["id"]) == 32
    expected = {
        "client_id": client_id,
        "path": f"{folder}/a",
        "state": "open",
        "size": content.size,
        "chunk_bytes": SMALL_CHUNK,
        "total_chunks": 4,
        "digest_algorithm": "blake3",
        "received": [],
        "received_bytes": 0,
    }
    assert {name: upload[name] for name in expected} == expected
    assert upload.get("known", False) is False
    assert native.status(upload["id"]).json["id"] == upload["id"]


def test_the_same_start_answers_the_same_upload(native: Native, folder: str) -> None:
    content, client_id = random_content(10), secrets.token_hex(16)
    first = native.start(f"{folder}/a", content, client_id=client_id)
    again = native.start(f"{folder}/a", content, client_id=client_id)
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]
    native.stream(first.json["id"], content.stream())
    assert native.complete(first.json["id"], content).status == 201
    published = native.start(f"{folder}/a", content, client_id=client_id)
    assert published.status == 200
    assert published.json["state"] == "published"
    assert published.json["file"]["path"] == f"{folder}/a"


@pytest.mark.parametrize(
    "other",
    [
        {"path": "elsewhere"},
        {"size": 11},
        {"modified_ns": MODIFIED_NS + 1},
        {"digest_algorithm": SHA256},
        {"chunk_bytes": 2 * SMALL_CHUNK},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_start_under_the_same_client_id_is_refused(
    native: Native, folder: str, other: dict[str, Any]
) -> None:
    content, client_id = random_content(10), secrets.token_hex(16)
    native.start(f"{folder}/a", content, client_id=client_id)
    answer = native.start(f"{folder}/a", content, client_id=client_id, **other)
    assert (answer.status, answer.code) == (409, "client_id_conflict")


@pytest.mark.parametrize(
    ("size", "chunk_bytes"),
    [
        (0, MIB),
        (1, MIB),
        (5 * MIB, MIB),
        (None, 8 * MIB),
    ],
)
def test_the_receiver_chooses_the_grid_where_nobody_asks(
    native: Native, folder: str, size: int | None, chunk_bytes: int
) -> None:
    answer = native.start(f"{folder}/a", None, size=size, chunk_bytes=...)
    assert answer.json["chunk_bytes"] == chunk_bytes
    expected = None if size is None else -(-size // chunk_bytes)
    assert answer.json["total_chunks"] == expected
    native.cancel(answer.json["id"])


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"chunk_bytes": 32 * KIB}, "bad_chunk_size"),
        ({"chunk_bytes": 100_000}, "bad_chunk_size"),
        ({"chunk_bytes": -SMALL_CHUNK}, "bad_chunk_size"),
        ({"size": 65_537 * SMALL_CHUNK}, "bad_chunk_size"),
        ({"size": -1}, "bad_chunk_size"),
        ({"size": 2**63}, "bad_chunk_size"),
        ({"size": 1.5}, "bad_request"),
        ({"size": "10"}, "bad_request"),
        ({"size": ...}, "bad_request"),
        ({"digest_algorithm": "md5"}, "digest_unsupported"),
        ({"client_id": "short"}, "bad_request"),
        ({"client_id": "A" * 32}, "bad_request"),
        ({"client_id": "0" * 32 + "\n"}, "bad_request"),
        ({"modified_ns": 2**63}, "bad_request"),
        ({"path": 7}, "bad_request"),
        ({"path": ""}, "bad_path"),
    ],
    ids=str,
)
def test_a_start_that_makes_no_sense_is_refused(
    native: Native, folder: str, members: dict[str, Any], code: str
) -> None:
    members = {"path": f"{folder}/a", **members}
    content = random_content(10)
    path = members.pop("path")
    client_id = members.pop("client_id", secrets.token_hex(16))
    answer = native.start(path, content, client_id=client_id, **members)
    assert (answer.status, answer.code) == (400, code)


def test_a_space_that_is_not_ours_is_not_there(native: Native, folder: str) -> None:
    answer = native.start(f"{folder}/a", random_content(1), space="0" * 32)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"", "application/json", 400, "bad_request"),
        (b"{", "application/json", 400, "bad_request"),
        (b"[]", "application/json", 400, "bad_request"),
        (b"[" * 100_000, "application/json", 400, "bad_request"),
        (b'{"path": "\\ud800"}', "application/json", 400, "bad_request"),
        (b'{"path": "\xff"}', "application/json", 400, "bad_request"),
        (b'{"size": ' + b"9" * 5000 + b"}", "application/json", 400, "bad_request"),
        (b"{}", "text/plain", 415, "media_type_unsupported"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "body_too_large"),
    ],
    ids=["empty", "cut", "list", "deep", "surrogate", "not-utf8", "bigint", "text", "large"],
)
def test_a_body_that_is_no_message_is_refused(
    native: Native, body: bytes, media_type: str, status: int, code: str
) -> None:
    answer = native.ask("POST", "/api/v1/uploads", body=body, headers={"Content-Type": media_type})
    assert (answer.status, answer.code) == (status, code)


# -- look


def test_an_upload_tells_what_was_received(native: Native, folder: str) -> None:
    content = random_content(5 * SMALL_CHUNK + 10)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.stream([0, 1, 5]))
    seen = native.status(upload).json
    assert seen["received"] == [[0, 1], [5, 5]]
    assert seen["received_bytes"] == 2 * SMALL_CHUNK + 10
    manifest = native.upload_manifest(upload).json
    assert manifest["received"] == [[0, 1], [5, 5]]
    digests = b"".join(content.digest(number) for number in (0, 1, 5))
    assert base64.b64decode(manifest["digests"]) == digests
    live = [other for other in native.uploads().json["uploads"] if other["id"] == upload]
    assert live == [seen]
    native.cancel(upload)
    assert upload not in [other["id"] for other in native.uploads().json["uploads"]]


def test_an_unknown_upload_is_not_found_whatever_is_asked(native: Native) -> None:
    nobody, content = "0" * 32, random_content(10)
    answers = [
        native.status(nobody),
        native.upload_manifest(nobody),
        native.have(nobody, 0, content.digests()),
        native.stream(nobody, content.stream()),
        native.put(nobody, 0, content.data),
        native.complete(nobody, content),
        native.verify_upload(nobody),
        native.cancel(nobody),
    ]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "upload_not_found")}


# -- have


def test_a_path_that_is_known_saves_the_way_of_what_did_not_change(
    native: Native, folder: str
) -> None:
    before = random_content(4 * SMALL_CHUNK)
    native.published(f"{folder}/a", before)
    changed = bytearray(before.data + b"more")
    changed[SMALL_CHUNK] ^= 1
    after = Content(bytes(changed))
    started = native.start(f"{folder}/a", after)
    assert started.json["known"] is True
    upload = started.json["id"]
    answer = native.have(upload, 0, after.digests())
    assert answer.status == 200
    assert answer.json["missing"] == [[1, 1], [4, 4]]
    assert native.received(upload) == {0, 2, 3}
    native.stream(upload, after.stream([1, 4]))
    file = native.complete(upload, after).json["file"]
    assert native.content(file["id"]).body == after.data


def test_a_file_of_the_same_size_elsewhere_saves_the_way(native: Native, folder: str) -> None:
    content = random_content(16 * SMALL_CHUNK + 777)
    native.published(f"{folder}/a", content)
    started = native.start(f"{folder}/b", content)
    assert started.json["known"] is True
    upload = started.json["id"]
    assert native.have(upload, 0, content.digests()).json["missing"] == []
    assert native.complete(upload, content).status == 201


def test_a_small_file_is_not_looked_for_elsewhere(native: Native, folder: str) -> None:
    content = random_content(SMALL_CHUNK)
    native.published(f"{folder}/a", content)
    assert "known" not in native.start(f"{folder}/b", content).json


def test_chunks_of_a_replaced_version_save_the_way_too(native: Native, folder: str) -> None:
    first, second = random_content(2 * SMALL_CHUNK), random_content(2 * SMALL_CHUNK)
    native.published(f"{folder}/a", first)
    native.published(f"{folder}/a", second)
    upload = native.started(f"{folder}/a", first, modified_ns=MODIFIED_NS + 1)
    assert native.have(upload, 0, first.digests()).json["missing"] == []
    file = native.complete(upload, first).json["file"]
    assert native.content(file["id"]).body == first.data


def test_what_was_deleted_saves_the_way_too(native: Native, folder: str) -> None:
    content, deeper = random_content(16 * SMALL_CHUNK), random_content(17 * SMALL_CHUNK)
    native.delete(native.published(f"{folder}/a", content)["id"])
    native.published(f"{folder}/below/it/b", deeper)
    (below,) = native.items(folder)
    native.delete_folder(below["id"])
    for path, one in ((f"{folder}/a", content), (f"{folder}/elsewhere", deeper)):
        started = native.start(path, one)
        assert started.json["known"] is True
        assert native.have(started.json["id"], 0, one.digests()).json["missing"] == []
        file = native.complete(started.json["id"], one).json["file"]
        assert native.content(file["id"]).body == one.data


def test_what_is_gone_for_good_saves_nothing(native: Native, folder: str) -> None:
    content = random_content(16 * SMALL_CHUNK - 1_234)  # no other file is as large
    entry = native.delete(native.published(f"{folder}/a", content)["id"]).json["id"]
    assert native.remove(entry).status == 204
    started = native.start(f"{folder}/a", content)
    assert "known" not in started.json
    assert native.have(started.json["id"], 0, content.digests()).json["missing"] == [[0, 15]]


def test_the_trash_helps_those_alone_who_could_bring_it_back(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(16 * SMALL_CHUNK)
    roles = {"writer": True, "reader": False}
    for role in roles:
        add_account(shared, f"{folder}-{role}")
    space = add_space(shared, folder, **{f"{folder}-{role}": role for role in roles})
    native.delete(native.published(f"{folder}/a", content, space=space)["id"])
    for role, helped in roles.items():
        with device_of(shared, f"{folder}-{role}") as other:
            started = other.start("a", content)  # in their own space
            assert started.json.get("known", False) is helped
            missing = other.have(started.json["id"], 0, content.digests()).json["missing"]
            assert missing == ([] if helped else [[0, 15]])


def test_digests_that_nobody_has_stay_missing(native: Native, folder: str) -> None:
    content = random_content(3 * SMALL_CHUNK)
    native.published(f"{folder}/a", content)
    upload = native.started(f"{folder}/a", content, modified_ns=1)
    answer = native.have(upload, 1, secrets.token_bytes(64))
    assert answer.json["missing"] == [[1, 2]]
    assert native.received(upload) == set()


def test_content_that_rotted_is_not_reused(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    native.digested(file["id"])  # or that would find it first
    rot(home(shared) / folder / "a", SMALL_CHUNK)
    upload = native.started(f"{folder}/b", content)
    assert native.have(upload, 0, content.digests()).json["missing"] == [[1, 1]]


def test_what_was_sent_ahead_of_a_file_whose_size_was_not_known_saves_the_way(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(4 * SMALL_CHUNK + 5)
    ahead = native.started(f"{folder}/a", None)
    native.stream(ahead, content.stream([0, 1, 2]))
    rot(part_file(shared, ahead), 2 * SMALL_CHUNK)
    rewritten = Content(b"head" + content.data[4:])
    started = native.start(f"{folder}/a", rewritten)
    assert started.json["known"] is True
    upload = started.json["id"]
    answer = native.have(upload, 0, rewritten.digests())
    assert answer.json["missing"] == [[0, 0], [2, 4]], "what changed, what rotted, what never came"
    native.stream(upload, rewritten.stream([0, 2, 3, 4]))
    file = native.complete(upload, rewritten).json["file"]
    assert native.content(file["id"]).body == rewritten.data
    assert native.received(ahead) == {0, 1, 2}, "that stays as it is, until it is cancelled"
    assert native.cancel(ahead).status == 204


def test_what_was_sent_ahead_helps_its_own_account_and_path_alone(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    ahead = native.started(f"{folder}/a", None)
    native.stream(ahead, content.stream([0, 1]))
    add_account(shared, folder)
    space = add_space(shared, folder, **{folder: "writer"})
    with device_of(shared, folder) as other:
        for device, path, more in (
            (native, f"{folder}/b", {}),
            (other, f"{folder}/a", {}),
            (other, f"{folder}/a", {"space": space}),
        ):
            started = device.start(path, content, **more)
            assert "known" not in started.json
            missing = device.have(started.json["id"], 0, content.digests()).json["missing"]
            assert missing == [[0, 2]]
    with device_of(shared, send_only=True) as camera:
        started = camera.start(f"{folder}/a", content)
        assert "known" not in started.json, "another device of that account began it"
        missing = camera.have(started.json["id"], 0, content.digests()).json["missing"]
        assert missing == [[0, 2]]


@pytest.mark.parametrize(
    ("first", "digests", "code"),
    [
        (0, bytes(32 * 3), "chunk_out_of_range"),
        (1, bytes(32 * 2), "chunk_out_of_range"),
        (0, bytes(33), "chunk_out_of_range"),
        (2**70, bytes(32), "chunk_out_of_range"),
        (-1, bytes(32), "bad_request"),
        (0, bytes(32 * 8193), "bad_request"),
    ],
    ids=["too-many", "beyond", "half", "far", "negative", "page"],
)
def test_have_outside_the_upload_is_refused(
    native: Native, folder: str, first: int, digests: bytes, code: str
) -> None:
    upload = native.started(f"{folder}/a", random_content(2 * SMALL_CHUNK))
    answer = native.have(upload, first, digests)
    assert (answer.status, answer.code) == (400, code)


# -- verify


def test_a_flipped_byte_in_a_part_is_found_and_asked_for_again(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    whole = native.verify_upload(upload).json
    assert whole == {"ok": True, "checked_bytes": content.size, "damaged": []}
    rot(part_file(shared, upload), SMALL_CHUNK + 5)
    found = native.verify_upload(upload).json
    assert (found["ok"], found["damaged"]) == (False, [[1, 1]])
    assert native.received(upload) == {0, 2}
    incomplete = native.complete(upload, content)
    assert (incomplete.code, incomplete.json["missing"]) == ("upload_incomplete", [[1, 1]])
    assert native.put(upload, 1, content.chunk(1)).status == 201
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


def test_a_flipped_byte_in_a_file_is_found_and_the_file_is_not_served(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    assert native.verify_file(file["id"]).json["ok"] is True
    rot(home(shared) / folder / "a", 2 * SMALL_CHUNK)
    found = native.verify_file(file["id"]).json
    assert (found["ok"], found["damaged"]) == (False, [[2, 2]])
    refused = native.content(file["id"])
    assert (refused.status, refused.code) == (500, "file_damaged")


def test_a_damaged_file_sent_again_is_whole_again(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    rot(home(shared) / folder / "a")
    native.verify_file(file["id"])
    again = native.published(f"{folder}/a", content)
    assert again["version"] != file["version"]
    assert native.content(again["id"]).body == content.data


def test_a_damaged_file_put_back_by_hand_is_whole_again(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    place = home(shared) / folder / "a"
    rot(place)
    assert native.verify_file(file["id"]).json["ok"] is False
    place.write_bytes(content.data)
    assert native.content(file["id"]).body == content.data


# -- cancel


def test_a_cancelled_upload_is_gone_with_its_part(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    assert part_file(shared, upload).exists()
    assert [native.cancel(upload).status, native.cancel(upload).status] == [204, 204]
    assert not part_file(shared, upload).exists()
    assert native.status(upload).json["state"] == "cancelled"
    for late in (
        native.put(upload, 0, content.chunk(0)),
        native.stream(upload, content.stream()),
        native.have(upload, 0, content.digests()),
        native.complete(upload, content),
        native.verify_upload(upload),
    ):
        assert (late.status, late.code) == (409, "upload_not_open")


def test_a_published_upload_is_not_cancelled(native: Native, folder: str) -> None:
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    native.complete(upload, content)
    answer = native.cancel(upload)
    assert (answer.status, answer.code) == (409, "upload_not_open")
    assert len(native.items(folder)) == 1


def test_what_was_replaced_stays_as_a_version(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    first, second = random_content(100), random_content(SMALL_CHUNK + 1)
    old = native.published(f"{folder}/a", first)
    new = native.published(f"{folder}/a", second)
    assert new["id"] == old["id"]
    assert new["version"] != old["version"]
    assert version_file(shared, old["version"]).read_bytes() == first.data
    with closing(sqlite3.connect(shared.data / "catalogue.sqlite3")) as catalogue:
        rows = catalogue.execute(
            "SELECT id, place FROM versions WHERE file_id = ? ORDER BY added_ns", [new["id"]]
        ).fetchall()
    assert rows == [(old["version"], "kept"), (new["version"], "current")]
