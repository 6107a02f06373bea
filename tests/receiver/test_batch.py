"""Many small files in one request: what becomes of each, and what then stands where."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from howdah_common.digests import ALGORITHMS, BLAKE3, digest
from howdah_common.file_frames import MOST_FILE_BYTES, MOST_FILES
from howdah_common.messages import API
from kit.native import MODIFIED_NS, Native, home, random_content
from kit.people import add_account, device_of, told
from kit.small_files import Small, codes, send_batch, send_stream, start_of, stream, taken

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def rows(receiver: RunningReceiver, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue:
        return catalogue.execute(query, values).fetchall()


def versions_of(native: Native, file: dict[str, Any]) -> list[str]:
    found = native.get(f"/files/{file['id']}/versions").json
    return [version["id"] for version in found["versions"]]


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_file_of_a_batch_stands_at_its_path(
    native: Native, folder: str, shared: RunningReceiver, algorithm: str
) -> None:
    sizes = [0, 1, 5_000, MOST_FILE_BYTES]
    files = [Small(f"{folder}/{size}/a", os.urandom(size), algorithm=algorithm) for size in sizes]
    found = taken(send_batch(native, files, digest_algorithm=algorithm))
    for sent, file in zip(files, found, strict=True):
        assert (file["path"], file["size"]) == (sent.path, len(sent.data))
        assert file["modified_ns"] == MODIFIED_NS
        assert file["sha256"] == hashlib.sha256(sent.data).hexdigest()
        assert native.content(file["id"]).body == sent.data
        place = home(shared) / sent.path
        assert place.read_bytes() == sent.data
        assert place.stat().st_mtime_ns == MODIFIED_NS
        assert native.get(f"/files/{file['id']}").json == file
    assert os.listdir(shared.data / "parts") == []


def test_the_same_file_again_gets_the_same_answer(native: Native, folder: str) -> None:
    files = [Small(f"{folder}/{number}") for number in range(5)]
    first = taken(send_batch(native, files))
    assert taken(send_batch(native, files)) == first
    assert taken(send_batch(native, [files[3], Small(f"{folder}/new"), files[1]]))[::2] == [
        first[3],
        first[1],
    ]
    assert versions_of(native, first[0]) == [first[0]["version"]]


def test_the_same_file_twice_in_one_request_is_one(native: Native, folder: str) -> None:
    file = Small(f"{folder}/a")
    first, again = taken(send_batch(native, [file, file]))
    assert first == again


def test_other_bytes_under_the_same_client_id_are_refused(native: Native, folder: str) -> None:
    file = Small(f"{folder}/a", b"these")
    taken(send_batch(native, [file]))
    for other in (
        Small(f"{folder}/a", b"those", client_id=file.client_id),
        Small(f"{folder}/b", b"these", client_id=file.client_id),
    ):
        assert codes(send_batch(native, [other])) == ["client_id_conflict"]
    upload = native.start(f"{folder}/c", random_content(3), client_id=file.client_id)
    assert upload.code == "client_id_conflict"


def test_the_words_that_a_batch_stands_for_find_what_it_became(native: Native, folder: str) -> None:
    sent = Small(f"{folder}/a")
    (file,) = taken(send_batch(native, [sent]))
    again = native.post("/uploads", msgspec.to_builtins(start_of(sent.head)))
    assert (again.json["state"], again.json["file"]) == ("published", file)


def test_a_batch_that_comes_after_its_file_was_given_up_puts_nothing_there(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    given_up, other = Small(f"{folder}/a"), Small(f"{folder}/b")
    upload = native.post("/uploads", msgspec.to_builtins(start_of(given_up.head)))
    assert native.cancel(upload.json["id"]).status == 204
    assert codes(send_batch(native, [given_up, other])) == ["upload_not_open", "taken"]
    assert os.listdir(home(shared) / folder) == ["b"]


def test_what_stood_at_the_path_becomes_a_version(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    (old,) = taken(send_batch(native, [Small(f"{folder}/a", b"old")]))
    new, beside = taken(send_batch(native, [Small(f"{folder}/a", b"new"), Small(f"{folder}/b")]))
    assert new["id"] == old["id"]
    assert beside["path"] == f"{folder}/b"
    assert versions_of(native, new) == [new["version"], old["version"]]
    assert (home(shared) / folder / "a").read_bytes() == b"new"
    before = native.get(f"/files/{new['id']}/versions/{old['version']}/content")
    assert before.body == b"old"


def test_two_files_for_one_path_come_one_after_the_other(native: Native, folder: str) -> None:
    first, second = taken(
        send_batch(native, [Small(f"{folder}/a", b"one"), Small(f"{folder}/a", b"two")])
    )
    assert versions_of(native, first) == [second["version"], first["version"]]
    assert native.content(first["id"]).body == b"two"


def test_the_same_content_at_the_same_path_changes_nothing(native: Native, folder: str) -> None:
    (first,) = taken(send_batch(native, [Small(f"{folder}/a", b"same")]))
    (again,) = taken(send_batch(native, [Small(f"{folder}/a", b"same")]))
    assert again == first
    sent = native.published(f"{folder}/b", random_content(300))
    content = native.content(sent["id"]).body
    (same,) = taken(send_batch(native, [Small(f"{folder}/b", content)]))
    assert same["version"] == sent["version"]


def test_what_must_stand_there_is_asked(native: Native, folder: str) -> None:
    (old,) = taken(send_batch(native, [Small(f"{folder}/a", b"old", if_version="none")]))
    answer = send_batch(
        native,
        [
            Small(f"{folder}/a", b"1", if_version="none"),
            Small(f"{folder}/a", b"2", if_version="f" * 32),
            Small(f"{folder}/b", b"3", if_version=old["version"]),
            Small(f"{folder}/a", b"4", if_version=old["version"]),
        ],
    )
    assert codes(answer) == ["version_conflict"] * 3 + ["taken"]
    told_versions = [item["problem"]["extra"]["version"] for item in answer.json["items"][:3]]
    assert told_versions == [old["version"], old["version"], "none"]
    assert native.get("/uploads").json["uploads"] == []


def test_both_are_kept_where_that_is_asked_for(native: Native, folder: str) -> None:
    taken(send_batch(native, [Small(f"{folder}/a.txt", b"old")]))
    files = [
        Small(f"{folder}/a.txt", content, if_exists="keep_both") for content in (b"1", b"2", b"old")
    ]
    found = taken(send_batch(native, files))
    names = [f"{folder}/a (2).txt", f"{folder}/a (3).txt", f"{folder}/a.txt"]
    assert [file["path"] for file in found] == names
    assert taken(send_batch(native, files)) == found


def test_a_file_in_the_way_is_said_and_the_others_go_on(native: Native, folder: str) -> None:
    native.make_folder(f"{folder}/dir")
    answer = send_batch(
        native,
        [
            Small(f"{folder}/a"),
            Small(f"{folder}/a/below"),
            Small(f"{folder}/dir"),
            Small(f"{folder}/../up"),
            Small(f"{folder}/b"),
        ],
    )
    assert codes(answer) == ["taken", "path_conflict", "path_conflict", "bad_path", "taken"]
    assert native.get("/uploads").json["uploads"] == []


def test_a_file_that_did_not_arrive_as_sent_leaves_nothing(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    good, bad = Small(f"{folder}/good"), Small(f"{folder}/bad")
    answer = send_stream(native, good.frame() + bad.frame(said=digest(BLAKE3, b"other")))
    assert codes(answer) == ["taken", "chunk_mismatch"]
    assert not (home(shared) / bad.path).exists()
    assert codes(send_batch(native, [bad])) == ["taken"]


def test_a_stream_that_breaks_leaves_nothing(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    body = stream([Small(f"{folder}/{number}") for number in range(3)])
    before = set(os.listdir(shared.data / "journal"))
    for broken in (body[:-1], body + b"x", b"HCF1" + body[4:]):
        assert send_stream(native, broken).code == "bad_frame"
    assert not (home(shared) / folder).exists()
    assert set(os.listdir(shared.data / "journal")) <= before
    assert os.listdir(shared.data / "parts") == []


def test_too_many_files_and_too_large_ones_are_refused(native: Native, folder: str) -> None:
    many = [Small(f"{folder}/{number}", b"") for number in range(MOST_FILES + 1)]
    assert send_batch(native, many).code == "bad_frame"
    taken(send_batch(native, many[:MOST_FILES]))
    large = bytearray(Small(f"{folder}/large", b"").frame())
    large[8:12] = (MOST_FILE_BYTES + 1).to_bytes(4, "big")
    assert send_stream(native, bytes(large)).code == "bad_frame"


def test_an_empty_batch_has_an_empty_answer(native: Native) -> None:
    assert taken(send_stream(native, b"")) == []


def test_only_its_own_type_and_digests_that_are_known_are_taken(native: Native) -> None:
    other = native.ask("POST", f"{API}/batch", body=b"", headers={"Content-Type": "text/plain"})
    assert other.code == "media_type_unsupported"
    assert send_stream(native, b"", digest_algorithm="md5").code == "digest_unsupported"


def test_the_quota_holds_for_each_file_in_turn(native: Native, shared: RunningReceiver) -> None:
    account = add_account(shared, "tight")
    native.ask("PATCH", f"{API}/accounts/{account}", message={"quota_files": 2})
    with device_of(shared, "tight") as tight:
        answer = send_batch(tight, [Small("a"), Small("b/c"), Small("d/e")])
        assert codes(answer) == ["taken", "taken", "quota_exceeded"]
        assert tight.get("/files").json["files"] == 2
        space = tight.get("/spaces").json["spaces"][0]["id"]
    assert rows(
        shared, "SELECT count(*) FROM folders WHERE path = 'd' AND space_id = ?", space
    ) == [(0,)]


def test_a_sender_never_replaces_what_others_put_there(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    space = native.post("/spaces", {"name": folder}).json["id"]
    account = add_account(shared, f"sender{folder}")
    told(shared, "space.role", space=space, account=account, role="sender")
    taken(send_batch(native, [Small("a.txt", b"the owner's")], space=space))
    with device_of(shared, f"sender{folder}") as sender:
        files = [Small("a.txt", b"mine"), Small("b.txt", b"mine too")]
        found = taken(send_batch(sender, files, space=space))
        assert [file["path"] for file in found] == ["a (2).txt", "b.txt"]
        assert taken(send_batch(sender, files, space=space)) == found
        (again,) = taken(send_batch(sender, [Small("b.txt", b"changed")], space=space))
    assert again["id"] == found[1]["id"]


def test_names_that_differ_by_case_alone_are_one_where_the_space_says_so(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    space = native.post("/spaces", {"name": f"fold{folder}", "case_fold": True}).json["id"]
    first, second, third = taken(
        send_batch(
            native,
            [Small("Docs/A", b"1"), Small("docs/a", b"2"), Small("docs/b", b"3")],
            space=space,
        )
    )
    assert (second["id"], second["path"]) == (first["id"], "Docs/A")
    assert third["path"] == "Docs/b"


def test_what_came_is_told_and_counted(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    before = native.get("/statistics").json
    files = taken(send_batch(native, [Small(f"{folder}/a"), Small(f"{folder}/b/c")]))
    for file in files:
        (change,) = rows(
            shared, "SELECT kind, path, account_id FROM changes WHERE file_id = ?", file["id"]
        )
        assert change[:2] == ("published", file["path"])
        assert change[2] is not None
    listed = native.get("/files", {"path": folder}).json
    assert (listed["files"], listed["bytes"]) == (2, 200)
    assert before != native.get("/statistics").json


def test_other_hands_file_in_the_way_becomes_a_version(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    place = home(shared) / folder / "a"
    place.parent.mkdir()
    place.write_bytes(b"put there by hand")
    (file,) = taken(send_batch(native, [Small(f"{folder}/a", b"sent")]))
    assert place.read_bytes() == b"sent"
    current, before = versions_of(native, file)
    assert current == file["version"]
    kept = native.get(f"/files/{file['id']}/versions/{before}/content")
    assert kept.body == b"put there by hand"


def test_moved_replaced_and_deleted_right_away_it_is_synced_first(
    native: Native, shared: RunningReceiver, folder: str
) -> None:
    files = [Small(f"{folder}/{name}") for name in ("moved", "replaced", "deleted", "left")]
    moved, replaced, deleted, left = taken(send_batch(native, files))
    native.ask("PATCH", f"{API}/files/{moved['id']}", message={"path": f"{folder}/to"})
    native.published(f"{folder}/replaced", random_content(10))
    native.delete(deleted["id"])
    waiting = {row[0] for row in rows(shared, "SELECT version_id FROM unsynced")}
    assert not {file["version"] for file in (moved, replaced, deleted)} & waiting
    assert native.content(moved["id"]).body == files[0].data
    assert native.content(left["id"]).body == files[3].data
