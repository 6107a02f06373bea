"""Complete: what it checks, what it answers, and what then stands where."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.digests import ALGORITHMS
from kit.native import (
    MODIFIED_NS,
    SMALL_CHUNK,
    Content,
    Native,
    home,
    part_file,
    random_content,
)

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@pytest.mark.parametrize(
    "size", [0, 1, SMALL_CHUNK - 1, SMALL_CHUNK, SMALL_CHUNK + 1, 3 * SMALL_CHUNK]
)
def test_every_size_arrives(
    native: Native, folder: str, shared: RunningReceiver, size: int, algorithm: str
) -> None:
    content = random_content(size, algorithm=algorithm)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content)
    assert answer.status == 201
    assert answer.json["state"] == "published"
    file = answer.json["file"]
    assert (file["size"], file["modified_ns"]) == (size, MODIFIED_NS)
    assert file["manifest_digest"] == content.manifest_digest
    assert native.content(file["id"]).body == content.data
    place = home(shared) / folder / "a"
    assert place.read_bytes() == content.data
    assert place.stat().st_mtime_ns == MODIFIED_NS
    assert not part_file(shared, upload).exists()


def test_the_same_completion_again_gets_the_same_answer(native: Native, folder: str) -> None:
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    first, again = native.complete(upload, content), native.complete(upload, content)
    assert (first.status, again.status) == (201, 201)
    words, same = first.json, again.json
    same["file"].pop("sha256", None)  # may have become known meanwhile
    words["file"].pop("sha256", None)
    assert words == same


def test_the_same_completion_gets_the_same_answer_after_the_file_was_replaced(
    native: Native, folder: str
) -> None:
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    first = native.complete(upload, content)
    native.published(f"{folder}/a", random_content(20))
    again = native.complete(upload, content)
    assert again.status == 201
    assert again.json["file"]["version"] == first.json["file"]["version"]
    assert again.json["file"]["manifest_digest"] == content.manifest_digest


@pytest.mark.parametrize(
    "words", [{"path": "other"}, {"if_version": "none"}, {"sha256": "0" * 64}, {"size": 11}]
)
def test_a_completion_with_other_words_is_refused(
    native: Native, folder: str, words: dict[str, Any]
) -> None:
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    native.complete(upload, content)
    answer = native.complete(upload, content, **words)
    assert (answer.status, answer.code) == (409, "completion_conflict")


def test_missing_chunks_are_named(native: Native, folder: str) -> None:
    content = random_content(6 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.stream([1, 4]))
    answer = native.complete(upload, content)
    assert (answer.status, answer.code) == (409, "upload_incomplete")
    assert answer.json["missing"] == [[0, 0], [2, 3], [5, 5]]
    assert native.listing(folder).code == "file_not_found"
    native.stream(upload, content.stream([0, 2, 3, 5]))
    assert native.complete(upload, content).status == 201


@pytest.mark.parametrize("size", [9, 11, 0, -1, 2**62, 2**70])
def test_another_size_is_refused_and_the_upload_stays_open(
    native: Native, folder: str, size: int
) -> None:
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content, size=size)
    assert (answer.status, answer.code) == (422, "size_mismatch")
    assert native.complete(upload, content).status == 201


def test_another_manifest_is_refused_and_the_upload_stays_open(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content, manifest_digest="0" * 64)
    assert (answer.status, answer.code) == (422, "manifest_mismatch")
    assert native.received(upload) == {0, 1}
    assert native.complete(upload, content).status == 201


def test_the_right_sha256_is_known_at_once(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK + 3)
    upload = native.sent(f"{folder}/a", content)
    sha256 = hashlib.sha256(content.data).hexdigest()
    file = native.complete(upload, content, sha256=sha256).json["file"]
    assert file["sha256"] == sha256


def test_a_wrong_sha256_ends_the_upload_and_shows_nothing(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content, sha256="0" * 64)
    assert (answer.status, answer.code) == (422, "sha256_mismatch")
    seen = native.status(upload).json
    assert (seen["state"], seen["problem"]) == ("rejected", "sha256_mismatch")
    assert not part_file(shared, upload).exists()
    assert native.listing(folder).code == "file_not_found"
    assert native.cancel(upload).status == 204
    again = native.complete(upload, content)
    assert (again.status, again.code) == (409, "upload_not_open")


def test_nothing_may_stand_there_where_none_is_asked_for(native: Native, folder: str) -> None:
    old = native.published(f"{folder}/a", random_content(10))
    content = random_content(20)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content, if_version="none")
    assert (answer.status, answer.code) == (412, "version_conflict")
    assert answer.json["version"] == old["version"]
    elsewhere = native.complete(upload, content, if_version="none", path=f"{folder}/a (2)")
    assert elsewhere.status == 201
    assert elsewhere.json["file"]["path"] == f"{folder}/a (2)"
    assert [item["size"] for item in native.items(folder)] == [10, 20]


def test_the_version_that_is_asked_for_is_replaced_and_no_other(
    native: Native, folder: str
) -> None:
    first = native.published(f"{folder}/a", random_content(10))
    second = native.published(f"{folder}/a", random_content(11))
    content = random_content(12)
    upload = native.sent(f"{folder}/a", content)
    late = native.complete(upload, content, if_version=first["version"])
    assert (late.status, late.json["version"]) == (412, second["version"])
    assert native.complete(upload, content, if_version=second["version"]).status == 201
    fresh = native.sent(f"{folder}/new", content)
    missing = native.complete(fresh, content, if_version=second["version"])
    assert (missing.status, missing.json["version"]) == (412, "none")


def test_the_same_content_again_is_the_same_version(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK + 1)
    first = native.published(f"{folder}/a", content)
    upload = native.sent(f"{folder}/a", content)
    second = native.complete(upload, content).json["file"]
    assert second["version"] == first["version"]
    assert not part_file(shared, upload).exists()
    touched = native.published(f"{folder}/a", content, modified_ns=MODIFIED_NS + 1)
    assert touched["version"] != first["version"]
    assert touched["modified_ns"] == MODIFIED_NS + 1


def test_the_same_content_again_is_stored_again_where_other_hands_took_it(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK + 1)
    native.published(f"{folder}/a", content)
    (home(shared) / folder / "a").unlink()
    again = native.published(f"{folder}/a", content)
    assert (home(shared) / folder / "a").read_bytes() == content.data
    assert native.content(again["id"]).body == content.data


def test_a_file_where_a_folder_is_needed_is_a_conflict(native: Native, folder: str) -> None:
    native.published(f"{folder}/a", random_content(1))
    content = random_content(2)
    upload = native.sent(f"{folder}/a/b/c", content)
    answer = native.complete(upload, content)
    assert (answer.status, answer.code) == (409, "path_conflict")
    assert native.complete(upload, content, path=f"{folder}/b/c").status == 201


def test_a_folder_where_the_file_should_go_is_a_conflict(native: Native, folder: str) -> None:
    native.published(f"{folder}/a/b", random_content(1))
    native.make_folder(f"{folder}/empty")
    content = random_content(2)
    upload = native.sent(f"{folder}/a", content)
    for path in (f"{folder}/a", f"{folder}/empty"):
        answer = native.complete(upload, content, path=path)
        assert (answer.status, answer.code) == (409, "path_conflict")
    assert native.complete(upload, content, path="..").code == "bad_path"
    assert native.complete(upload, content, path=f"{folder}/c").status == 201


def test_names_that_differ_only_by_case_or_form_both_live(native: Native, folder: str) -> None:
    names = ["Name", "name", "n\u00e4me", "na\u0308me"]
    for number, name in enumerate(names):
        native.published(f"{folder}/{name}", bytes([number]))
    found = {item["path"]: item for item in native.items(folder)}
    for number, name in enumerate(names):
        file = found[f"{folder}/{name}"]
        assert native.content(file["id"]).body == bytes([number])


def test_a_time_before_1970_and_one_that_no_disk_holds_come_back(
    native: Native, folder: str
) -> None:
    for modified_ns in (-1, -(2**62), 2**63 - 1, -(2**63)):
        file = native.published(f"{folder}/{modified_ns}", b"x", modified_ns=modified_ns)
        assert file["modified_ns"] == modified_ns
        assert native.content(file["id"]).body == b"x"


# -- pipes


def test_a_pipe_of_unknown_length_arrives(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK + 5)
    upload = native.started(f"{folder}/a", None)
    assert native.stream(upload, content.stream([0, 1])).status == 200
    assert native.stream(upload, content.stream([2])).status == 200
    seen = native.status(upload).json
    assert (seen["size"], seen["total_chunks"]) == (None, None)
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


@pytest.mark.parametrize("size", [0, 1, SMALL_CHUNK, 2 * SMALL_CHUNK])
def test_pipes_of_every_end_arrive(native: Native, folder: str, size: int) -> None:
    content = random_content(size)
    upload = native.started(f"{folder}/a", None)
    if size:
        assert native.stream(upload, content.stream()).status == 200
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


def test_a_short_chunk_is_the_end_of_a_pipe(native: Native, folder: str) -> None:
    content = random_content(3 * SMALL_CHUNK + 5)
    upload = native.started(f"{folder}/a", None)
    assert native.stream(upload, content.stream([1, 3])).status == 200
    beyond = native.put(upload, 4, content.chunk(0))
    assert (beyond.status, beyond.code) == (400, "chunk_out_of_range")
    before = native.put(upload, 0, b"short")
    assert (before.status, before.code) == (400, "chunk_out_of_range")
    other = native.put(upload, 3, b"other")
    assert (other.status, other.code) == (409, "chunk_conflict")
    assert native.put(upload, 65_536, content.chunk(0)).code == "chunk_out_of_range"
    early = native.complete(upload, Content(content.data[: SMALL_CHUNK * 3]))
    assert early.code == "upload_incomplete"
    native.stream(upload, content.stream([0, 2]))
    for size in (3 * SMALL_CHUNK, 3 * SMALL_CHUNK + 4, 4 * SMALL_CHUNK, 5 * SMALL_CHUNK):
        wrong = native.complete(upload, content, size=size)
        assert wrong.code in ("size_mismatch", "upload_incomplete", "manifest_mismatch")
    assert native.complete(upload, content).status == 201
