"""Files: lists, contents, ranges, manifests, folders."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from howdah_common.digests import to_field
from kit.native import SMALL_CHUNK, Native, random_content
from kit.raw_http import Raw

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


# -- lists


def test_a_folder_lists_folders_first_then_files_by_their_bytes(
    native: Native, folder: str
) -> None:
    for name in ("b", "a", "Z", "\u00e4", "a b", "~", "f/x", "e/y/z"):
        native.published(f"{folder}/{name}", b"x")
    names = [
        (item["kind"], item["path"].removeprefix(f"{folder}/")) for item in native.items(folder)
    ]
    assert names == [
        ("folder", "e"),
        ("folder", "f"),
        *(("file", name) for name in sorted(["b", "a", "Z", "\u00e4", "a b", "~"], key=str.encode)),
    ]


def test_pages_join_into_the_whole_list(native: Native, folder: str) -> None:
    for number in range(7):
        native.published(f"{folder}/{number}", b"x")
    whole = [item["path"] for item in native.items(folder)]
    pages = [native.listing(folder, page=page, per_page=3).json for page in (1, 2, 3, 4)]
    assert [len(page["items"]) for page in pages] == [3, 3, 1, 0]
    assert [item["path"] for page in pages for item in page["items"]] == whole
    assert {(page["total"], page["per_page"], page["kind"]) for page in pages} == {(7, 3, "folder")}
    assert native.listing(folder).json["per_page"] == 50


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0}, {"page": -1}, {"page": "x"}, {"page": 10**30}, {"page": 2**41},
        {"per_page": 0}, {"per_page": 1001}, {"per_page": ""}, {"per_page": "1.5"},
    ],
    ids=str,
)  # fmt: skip
def test_a_page_that_makes_no_sense_is_refused(native: Native, query: dict[str, object]) -> None:
    answer = native.listing("", **query)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_a_page_has_at_most_a_thousand_items(native: Native, folder: str) -> None:
    assert native.listing("", per_page=1000).status == 200


def test_a_file_lists_itself(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"abc")
    answer = native.listing(f"{folder}/a").json
    assert (answer["kind"], answer["total"]) == ("file", 1)
    assert answer["items"][0]["id"] == file["id"]


@pytest.mark.parametrize("path", ["nothing", "a/nothing", "\u00e9", "x" * 255])
def test_what_is_not_there_is_not_found(native: Native, path: str) -> None:
    answer = native.listing(path)
    assert (answer.status, answer.code) == (404, "file_not_found")


def test_another_space_is_not_there(native: Native) -> None:
    answer = native.listing("", space="0" * 32)
    assert (answer.status, answer.code) == (404, "not_found")


def test_an_unknown_file_is_not_found_whatever_is_asked(native: Native) -> None:
    nobody = "0" * 32
    answers = [
        native.file(nobody),
        native.content(nobody),
        native.file_manifest(nobody),
        native.verify_file(nobody),
        native.file("%00"),
        native.file("%ff"),
        native.file("' OR 1=1 --"),
    ]
    assert {(answer.status, answer.code) for answer in answers} == {(404, "file_not_found")}


def test_unknown_addresses_and_methods_say_so(native: Native, folder: str) -> None:
    for path in ("/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/files/", "/docs/"):
        answer = native.ask("GET", path)
        assert (answer.status, answer.code) == (404, "not_found")
    for method, path in (("PUT", "/files"), ("PATCH", "/uploads"), ("DELETE", "/folders")):
        answer = native.ask(method, f"/api/v1{path}")
        assert (answer.status, answer.code) == (405, "method_not_allowed")


# -- content


def test_a_content_comes_with_what_keeps_a_browser_from_showing_it(
    native: Native, folder: str
) -> None:
    name = 'a"b;<script>\u00e4\n.html'
    content = random_content(SMALL_CHUNK + 1)
    file = native.published(f"{folder}/{name}", content, media_type="text/html")
    answer = native.content(file["id"])
    assert (answer.status, answer.body) == (200, content.data)
    expected = {
        "content-type": "application/octet-stream",
        "content-length": str(content.size),
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "accept-ranges": "bytes",
        "etag": f'"{file["version"]}"',
        "content-disposition": ("attachment; filename*=UTF-8''a%22b%3B%3Cscript%3E%C3%A4%0A.html"),
    }
    assert {header: answer.headers.get(header) for header in expected} == expected


def test_a_head_says_what_a_get_would(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"0123456789")
    native.digested(file["id"])
    head, get = native.content(file["id"], method="HEAD"), native.content(file["id"])
    assert (head.status, head.body) == (200, b"")
    for header in ("content-length", "etag", "repr-digest", "content-type", "accept-ranges"):
        assert head.headers[header] == get.headers[header]
    part = native.content(file["id"], method="HEAD", Range="bytes=2-3")
    assert (part.status, part.headers["content-range"]) == (206, "bytes 2-3/10")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0), ("bytes=0-", 0, 9), ("bytes=3-5", 3, 5), ("bytes=9-", 9, 9),
        ("bytes=5-100", 5, 9), ("bytes=-3", 7, 9), ("bytes=-100", 0, 9), ("BYTES=1-2", 1, 2),
    ],
)  # fmt: skip
def test_a_range_is_given(native: Native, folder: str, asked: str, first: int, last: int) -> None:
    file = native.published(f"{folder}/a", b"0123456789")
    answer = native.content(file["id"], Range=asked)
    assert (answer.status, answer.body) == (206, b"0123456789"[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/10"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,3-4", "bytes=" + ",".join(["0-1"] * 1000), "lines=0-1", "bytes=5-3", "bytes=x-",
     "bytes=-", "bytes", ""],
    ids=lambda asked: asked[:14],
)  # fmt: skip
def test_several_ranges_and_nonsense_get_the_whole(native: Native, folder: str, asked: str) -> None:
    file = native.published(f"{folder}/a", b"0123456789")
    answer = native.content(file["id"], Range=asked)
    assert (answer.status, answer.body) == (200, b"0123456789")


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={10**18}-"])
def test_a_range_beyond_the_end_is_not_satisfiable(native: Native, folder: str, asked: str) -> None:
    file = native.published(f"{folder}/a", b"0123456789")
    answer = native.content(file["id"], Range=asked)
    assert (answer.status, answer.code) == (416, "range_not_satisfiable")
    assert answer.json["size"] == 10


def test_a_range_holds_only_for_the_version_that_was_meant(native: Native, folder: str) -> None:
    old = native.published(f"{folder}/a", b"0123456789")
    tag = f'"{old["version"]}"'
    assert native.content(old["id"], Range="bytes=1-2", If_Range=tag).status == 206
    native.published(f"{folder}/a", b"abcdefghijk")
    answer = native.content(old["id"], Range="bytes=1-2", If_Range=tag)
    assert (answer.status, answer.body) == (200, b"abcdefghijk")
    assert answer.headers["etag"] != tag


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
def test_who_has_the_version_gets_nothing_again(native: Native, folder: str, form: str) -> None:
    file = native.published(f"{folder}/a", b"0123456789")
    answer = native.content(file["id"], If_None_Match=form.format(file["version"]))
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == f'"{file["version"]}"'
    assert native.content(file["id"], If_None_Match='"other"').status == 200


def test_an_empty_file_comes(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"")
    assert native.content(file["id"]).body == b""
    assert native.content(file["id"], Range="bytes=0-0").status == 416


def test_the_whole_digest_appears(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK + 9)
    file = native.published(f"{folder}/a", content)
    sha256 = hashlib.sha256(content.data)
    assert native.digested(file["id"])["sha256"] == sha256.hexdigest()
    field = to_field("sha-256", sha256.digest())
    for answer in (native.content(file["id"]), native.content(file["id"], Range="bytes=1-2")):
        assert answer.headers["repr-digest"] == field


def test_a_manifest_is_what_was_sent(native: Native, folder: str) -> None:
    content = random_content(3 * SMALL_CHUNK + 9)
    file = native.published(f"{folder}/a", content)
    manifest = native.file_manifest(file["id"]).json
    assert base64.b64decode(manifest.pop("digests")) == content.digests()
    assert manifest == {
        "version": file["version"],
        "size": content.size,
        "chunk_bytes": SMALL_CHUNK,
        "digest_algorithm": "blake3",
        "manifest_digest": content.manifest_digest,
    }


def test_downloads_that_are_left_leave_nothing_open(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", random_content(8 * 1024 * 1024, 1024 * 1024))
    native.digested(file["id"])

    def open_descriptors() -> int:
        return len(os.listdir(f"/proc/{shared.process.pid}/fd"))

    def leave() -> None:
        with Raw(shared.url) as raw:
            target = f"/api/v1/files/{file['id']}/content"
            raw.head("GET", target, Authorization=f"Bearer {native.token}")
            assert raw.until(b"\r\n\r\n")

    leave()
    native.content(file["id"], Range="bytes=0-1")
    before = open_descriptors()
    for _ in range(50):
        leave()
    while open_descriptors() > before + 4:
        pass  # the time limit of the test ends it


# -- folders


def test_a_folder_is_made_once(native: Native, folder: str, shared: RunningReceiver) -> None:
    first, again = (native.make_folder(f"{folder}/a/b") for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.json["path"] == f"{folder}/a/b"
    assert (first.json["kind"], first.json) == ("folder", again.json)
    assert (shared.data / "files" / "owner" / folder / "a" / "b").is_dir()
    assert [item["path"] for item in native.items(folder)] == [f"{folder}/a"]
    assert native.items(f"{folder}/a/b") == []


def test_a_folder_in_the_place_of_a_file_is_a_conflict(native: Native, folder: str) -> None:
    native.published(f"{folder}/a", b"x")
    for path in (f"{folder}/a", f"{folder}/a/b"):
        answer = native.make_folder(path)
        assert (answer.status, answer.code) == (409, "path_conflict")
    assert native.make_folder("").code == "bad_path"
    assert native.make_folder("a/../b").code == "bad_path"
    assert native.make_folder(folder, space="0" * 32).code == "not_found"


def test_each_change_of_the_tree_is_counted(native: Native, folder: str) -> None:
    before = native.listing("").headers
    native.published(f"{folder}/a", b"x")
    after = native.listing("").headers
    assert after["howdah-catalogue"] == before["howdah-catalogue"]
    assert int(after["howdah-change"]) > int(before["howdah-change"])
