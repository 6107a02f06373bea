"""Lists over the wire: sorted, in pages, continued, searched, with the sizes of folders."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from kit.native import Native


def names(answer: Any) -> list[str]:
    """The last parts of the paths; those of folders end with a slash."""
    return [
        item["path"].rpartition("/")[2] + ("/" if item["kind"] == "folder" else "")
        for item in answer.json["items"]
    ]


@pytest.fixture
def sized(native: Native, folder: str) -> str:
    """Files in a folder that came in this order, with sizes and times that go otherwise."""
    for name, size, modified_ns in (
        ("b", 3, 50), ("c", 1, 40), ("a", 3, 60), ("y/in", 9, 0), ("d", 0, 40), ("x/in", 8, 0),
    ):  # fmt: skip
        native.published(f"{folder}/{name}", b"x" * size, modified_ns=modified_ns)
    return folder


@pytest.mark.parametrize(
    ("sort_by", "rising"),
    [("name", "abcd"), ("size", "dcab"), ("changed", "cdba"), ("added", "bcad")],
)
def test_files_go_by_what_is_asked_for_and_folders_stay_first(
    native: Native, sized: str, sort_by: str, rising: str
) -> None:
    folders = ["x/", "y/"]
    for order in ("asc", "1"):
        answer = native.listing(sized, sort_by=sort_by, sort_order=order)
        assert names(answer) == [*folders, *rising]
        assert (answer.json["sort_by"], answer.json["sort_order"]) == (sort_by, "asc")
    if sort_by == "name":
        folders.reverse()
    for order in ("desc", "-1"):
        answer = native.listing(sized, sort_by=sort_by, sort_order=order)
        assert names(answer) == [*folders, *reversed(rising)]
        assert answer.json["sort_order"] == "desc"


def test_a_list_goes_on_where_the_page_ended(native: Native, sized: str) -> None:
    whole = names(native.listing(sized, sort_by="size", sort_order="desc"))
    seen: list[str] = []
    more: dict[str, Any] = {}
    while True:
        answer = native.listing(sized, sort_by="size", sort_order="desc", per_page=1, **more)
        assert answer.json["total"] == 6
        seen += names(answer)
        if "next" not in answer.json:
            break
        more = {"after": answer.json["next"]}
    assert seen == whole


def test_what_comes_meanwhile_moves_nothing_that_follows(native: Native, folder: str) -> None:
    for name in "bdfh":
        native.published(f"{folder}/{name}", b"x")
    first = native.listing(folder, per_page=2)
    for name in "ace":
        native.published(f"{folder}/{name}", b"x")
    rest = native.listing(folder, per_page=2, after=first.json["next"])
    assert names(first) + names(rest) == ["b", "d", "e", "f"]
    assert names(native.listing(folder, per_page=2, page=2)) == ["c", "d"]


def test_a_list_goes_on_from_its_folders_to_its_files(native: Native, folder: str) -> None:
    for path in ("a/in", "b/in", "c", "d"):
        native.published(f"{folder}/{path}", b"x")
    first = native.listing(folder, per_page=2)
    assert names(first) == ["a/", "b/"]
    assert names(native.listing(folder, per_page=2, after=first.json["next"])) == ["c", "d"]
    across = native.listing(folder, per_page=1)
    assert names(native.listing(folder, per_page=2, after=across.json["next"])) == ["b/", "c"]


def test_an_empty_folder_has_a_page_and_no_next(native: Native, folder: str) -> None:
    native.make_folder(folder)
    answer = native.listing(folder).json
    assert answer == {
        "kind": "folder", "items": [], "page": 1, "per_page": 50, "total": 0, "sort_by": "name",
        "sort_order": "asc", "bytes": 0, "files": 0, "folders": 0,
    }  # fmt: skip


def cursor(*members: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(members)).decode().rstrip("=")


@pytest.mark.parametrize(
    "query",
    [
        {"sort_by": "colour"}, {"sort_by": ""}, {"sort_by": "NAME"}, {"sort_order": "up"},
        {"sort_order": "0"}, {"sort_order": ""}, {"search": "x" * 256}, {"after": ""},
        {"after": "x"}, {"after": "\u00e9"}, {"after": "x" * 3_000}, {"after": "////"},
        {"page": "\u0663"}, {"page": 2, "after": cursor("name", False, False, 1, ["a"])},
        {"after": cursor("size", False, False, 1, [1, "a"])},
        {"after": cursor("name", True, False, 1, ["a"])},
        {"after": cursor("name", False, True, 1, ["a", "b"])},
        {"after": cursor("name", False, False, 2, ["a"])},
        {"after": cursor("name", False, False, 1, ["a", "b"])},
        {"after": cursor("name", False, False, 1, [])},
        {"after": cursor("name", False, False, 1, [2**63])},
        {"after": cursor("found", True, True, 1, [1])},
        {"after": cursor("found", True, True, 1, [2**62]), "search": "abc"},
        {"after": cursor("found", True, True, 1, [-1]), "search": "abc"},
        {"after": cursor("found", True, True, 1, ["a"]), "search": "abc"},
        {"after": cursor("found", True, False, 1, [1]), "search": "abc"},
    ],
    ids=lambda query: str(query)[:60],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(native: Native, query: dict[str, object]) -> None:
    answer = native.listing("", **query)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_folders_tell_what_is_in_them_and_below(native: Native, folder: str) -> None:
    for path, size in (("a/b/c/1", 5), ("a/b/2", 7), ("a/3", 11), ("4", 13), ("a b/5", 17)):
        native.published(f"{folder}/{path}", b"x" * size)
    native.make_folder(f"{folder}/empty")
    answer = native.listing(folder).json
    of_each = {
        item["path"].removeprefix(f"{folder}/"): (item["bytes"], item["files"], item["folders"])
        for item in answer["items"]
        if item["kind"] == "folder"
    }
    assert of_each == {"a": (23, 3, 2), "a b": (17, 1, 0), "empty": (0, 0, 0)}
    whole = (53, 5, 5)
    # The same whether the page has all that it is the sum of, or not.
    for listed in (answer, native.listing(folder, per_page=1).json):
        assert (listed["bytes"], listed["files"], listed["folders"]) == whole
    native.published(f"{folder}/a/b/2", b"longer than before")
    assert native.listing(folder).json["bytes"] == 53 + 11
    assert native.listing(f"{folder}/a/b").json["bytes"] == 5 + 18


# -- search


@pytest.fixture(scope="module")
def searched(native: Native) -> Native:
    """Names in a folder of their own, and one beside it."""
    for path in (
        "s/Report 2024.PDF", "s/below/report-old.txt", "s/below/Stra\u00dfe.jpg", "s/caf\u00e9.md",
        "s/reports/summary", 's/100% "sure" AND (not).txt', "s/a*b_c'd;--", "s/b", "s/ab", "s/abc",
        "s/\u6771\u4eac\u30bf\u30ef\u30fc.png", "elsewhere/report.txt", "s below/report",
    ):  # fmt: skip
        native.published(path, b"x")
    return native


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("report", ["reports/", "Report 2024.PDF", "report-old.txt"]),
        ("REPORT", ["reports/", "Report 2024.PDF", "report-old.txt"]),
        ("epo", ["reports/", "Report 2024.PDF", "report-old.txt"]),
        ("report 2024.pdf", ["Report 2024.PDF"]),
        ("strasse", ["Stra\u00dfe.jpg"]),
        ("cafe\u0301", ["caf\u00e9.md"]),
        ("cafe", []),
        ("\u4eac\u30bf\u30ef", ["\u6771\u4eac\u30bf\u30ef\u30fc.png"]),
        ("\u6771\u4eac", ["\u6771\u4eac\u30bf\u30ef\u30fc.png"]),
        ("\u4eac\u30bf", []),
        ('"sure"', ['100% "sure" AND (not).txt']),
        ("AND", ['100% "sure" AND (not).txt']),
        ("AND (not)", ['100% "sure" AND (not).txt']),
        ("100%", ['100% "sure" AND (not).txt']),
        ("*b_", ["a*b_c'd;--"]),
        ("a*b", ["a*b_c'd;--"]),
        ("'d;--", ["a*b_c'd;--"]),
        ("rep*", []),
        ("name:", []),
        ("^rep", []),
        ('"', []),
        ("b", ["below/", "b"]),
        ("ab", ["ab", "abc"]),
        ("bc", []),
        ("abc", ["abc"]),
        ("below", ["below/"]),
        ("below/", []),
        ("/re", []),
        ("//r", []),
        ("re\0", []),
        ("   ", []),
    ],
)
def test_names_are_found(searched: Native, text: str, found: list[str]) -> None:
    answer = searched.listing("s", search=text)
    assert names(answer) == found
    assert answer.json["total"] == len(found)
    assert "bytes" not in answer.json


def test_a_search_goes_through_the_space_or_below_a_folder(searched: Native) -> None:
    everywhere = searched.listing("", search="report", sort_by="added")
    assert names(everywhere) == [
        "reports/", "Report 2024.PDF", "report-old.txt", "report.txt", "report"
    ]  # fmt: skip
    assert names(searched.listing("s/below", search="report")) == ["report-old.txt"]
    assert names(searched.listing("elsewhere", search="report")) == ["report.txt"]
    nowhere = searched.listing("nowhere", search="report")
    assert (nowhere.status, nowhere.code) == (404, "file_not_found")
    in_file = searched.listing("s/b", search="report")
    assert (in_file.status, in_file.code) == (404, "file_not_found")
    assert searched.listing("", search="report", space="0" * 32).code == "not_found"


def test_what_is_found_goes_on_where_the_page_ended(searched: Native) -> None:
    whole = names(searched.listing("", search="report", sort_by="size", sort_order="desc"))
    seen: list[str] = []
    more: dict[str, Any] = {}
    while len(seen) < len(whole):
        answer = searched.listing(
            "", search="report", sort_by="size", sort_order="desc", per_page=2, **more
        )
        seen += names(answer)
        more = {"after": answer.json.get("next")}
    assert seen == whole
    assert more == {"after": None}
    pages = [
        names(searched.listing("", search="report", sort_by="name", per_page=2, page=page))
        for page in (1, 2, 3, 4)
    ]
    assert pages == [["reports/", "Report 2024.PDF"], ["report", "report-old.txt"],
                     ["report.txt"], []]  # fmt: skip
