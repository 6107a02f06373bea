"""Names are data: stored and given back byte for byte, or refused; and nothing gets out of the space."""

# ruff: noqa: E501 - tables read best in full rows
from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import quote
from zipfile import ZipFile

import httpx
import pytest

from howdah_common.digests import BLAKE3, digest, to_field
from kit.native import Native, home

if TYPE_CHECKING:
    from pathlib import Path

    from kit.receiver import RunningReceiver

TAKEN = [
    # dots and spaces
    "...", "....", ". ", " .", ".. ", " ..", "..x", "x..", ".x", "x.", "x. ", "x ", " x", " ", "  ", "\t", "a  b",
    "trailing.", "trailing..", "trailing ", ".hidden", ".git", "..gitignore", "-", "--", "-rf", "--help", "-n x",
    # control characters
    "a\nb", "a\rb", "a\r\nb", "\n", "a\tb", "\x01", "\x07bell", "\x1b[31mred", "\x7f", "\x85", "\x9b2J", "\u2028",
    "\u2029", "\ufeffbom", "\u200b", "\u00ad", "\ufffd", "\ufffe", "\uffff", "\U0010ffff",
    # markup, shells, queries
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'", '"', "`id`", "$(id)", "$HOME", "${x}",
    "a;b", "a&b", "a|b", "a>b", "a<b", "a*b", "a?b", "[a]", "{a,b}", "~", "~root", "#", "a#b", "!", "!!", "%", "%%",
    "%s%s%n", "{0}", "{{7*7}}", "' OR 1=1 --", "'; DROP TABLE files; --", "a=b", "a:b", "a,b", "a@b", "a+b",
    # escapes stay what they are
    "%2e%2e", "%2E%2E%2F", "..%2f..", "..%5c..", "%00", "a%00b", "%0d%0a", "\u2024\u2024", "\uff0e\uff0e",
    "\uff0f", "a\uff0fb", "\u2215", "a\u2044b", "&#46;&#46;", "\\u002e".replace("\\", ""),
    # other systems' reserved names
    "CON", "con", "PRN", "AUX", "NUL", "nul.txt", "COM1", "COM9.log", "LPT1", "COM\u00b9", "CONIN$", "$MFT",
    "desktop.ini", "Thumbs.db", ".DS_Store", "a::$DATA", "C:", "c:x", "file.txt:stream", "$Recycle.Bin",
    "clean", "lock", "owner", "parts", "versions", "files", "catalogue.sqlite3", "control.sock",
    # letters of all kinds
    "\u00e4", "a\u0308", "\u00c5", "A\u030a", "\u212b", "\ufb01", "fi", "\u1e9e", "\u0130", "\u0131", "\u03c2",
    "\u05e9\u05dc\u05d5\u05dd", "\u202egnp.exe", "\u2066x\u2069", "\u200fx", "\u65e5\u672c\u8a9e", "\ud55c\uae00",
    "\u1112\u1161\u11ab", "\U0001f418", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
    "z\u0335\u0322a\u0336lgo" + "\u0336" * 50, "\u0958", "\u0915\u093c", "\U0001d4d0", "I\u0307",
    # long and deep
    "x" * 255, "\u00e4" * 127, "\u65e5" * 85, "\U0001f418" * 63, "x" * 251 + ".txt", "a/" * 126 + "a",
    "/".join(["x" * 255] * 15), "d/" * 20 + "x" * 255, "a/b", "a/ /b", "a/.../b", "a/\n/b", "a/CON/b",
]  # fmt: skip

REFUSED = [
    "", ".", "..", "/", "//", "/a", "a/", "a//b", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b", "..//a",
    "a/../../b", "../../../../etc/passwd", "/etc/passwd", "a/b/../../../c", "a\0b", "\0", "a/\0", "a\\b", "\\",
    "..\\..\\a", "C:\\x", "\\\\server\\share", "a\\", "x" * 256, "x" * 300, "\u00e4" * 128, "\U0001f418" * 64,
    "a/" + "x" * 256, "a/" * 128 + "a", "a/" * 2047 + "ab", "/".join(["x" * 255] * 17), "x" * 100_000, "a/" * 50_000,
]  # fmt: skip


def everything_in(path: Path) -> set[str]:
    return {
        os.path.join(folder, name)
        for folder, folders, files in os.walk(path)
        for name in folders + files
    }


@pytest.mark.parametrize("name", TAKEN, ids=ascii)
def test_a_name_comes_back_byte_for_byte(
    native: Native, folder: str, shared: RunningReceiver, name: str
) -> None:
    path = f"{folder}/{name}"
    file = native.published(path, b"abc")
    assert file["path"] == path
    assert native.file(file["id"]).json["path"] == path
    assert native.listing(path).json["items"][0]["path"] == path
    above = path.rpartition("/")[0]
    assert [item["path"] for item in native.items(above)] == [path]
    answer = native.content(file["id"])
    assert answer.body == b"abc"
    assert answer.headers["content-disposition"].isascii()
    assert len(everything_in(home(shared) / folder)) == name.count("/") + 1
    # Relative to opened folders: the whole path may be longer than the system takes in one piece.
    here = os.open(home(shared) / folder, os.O_RDONLY)
    for step in name.split("/")[:-1]:
        below = os.open(step.encode(), os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    try:
        assert os.listdir(here) == [name.rpartition("/")[2]]
    finally:
        os.close(here)


@pytest.mark.parametrize("name", TAKEN, ids=ascii)
def test_a_name_goes_into_a_zip_by_a_link_and_through_the_trash_as_it_is(
    native: Native, folder: str, shared: RunningReceiver, name: str
) -> None:
    file = native.published(f"{folder}/{name}", b"abc")
    link = native.post("/links", {"kind": "folder", "path": folder}).json["url"]
    assert httpx.get(f"{link}/files/{quote(name, safe='/')}").content == b"abc"
    zipped = native.get("/folders/zip", {"path": folder}).body
    with ZipFile(BytesIO(zipped)) as archive:
        (inside,) = [info for info in archive.infolist() if not info.is_dir()]
        assert archive.read(inside) == b"abc"
        # A zip's reader ends a name at a NUL and knows no other limits; ours have none.
        assert inside.filename == f"{folder}/{name}"
    elsewhere = native.move(file["id"], f"{folder}m/{name}")
    assert elsewhere.json["path"] == f"{folder}m/{name}", elsewhere
    entry = native.delete(file["id"]).json
    assert native.file(file["id"]).status == 404
    back = native.post(f"/trash/{entry['id']}/restore", {})
    assert back.json["item"]["path"] == f"{folder}m/{name}", back
    assert native.content(file["id"]).body == b"abc"


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name[:40]))
def test_a_name_that_is_not_taken_is_refused_everywhere(
    native: Native, folder: str, shared: RunningReceiver, name: str
) -> None:
    before = everything_in(shared.data.parent)
    answers = [native.start(name, None, size=0), native.make_folder(name)]
    if 0 < len(name) < 5000:  # a longer one is no address
        answers.append(native.listing(name))
    assert {(answer.status, answer.code) for answer in answers} == {(400, "bad_path")}
    upload = native.started(f"{folder}/x", None, size=0)
    completion = {"size": 0, "manifest_digest": "0" * 64, "path": name}
    assert native.post(f"/uploads/{upload}/complete", completion).status in (400, 422)
    native.cancel(upload)
    assert everything_in(shared.data.parent) == before


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "%2e%2e%2f", "..%2f..", "%00", "%ff", "%"])
def test_a_name_in_the_place_of_an_id_leads_nowhere(native: Native, name: str) -> None:
    field = to_field(BLAKE3, digest(BLAKE3, b"x"))
    for method, path in (
        ("GET", f"/api/v1/files/{name}"),
        ("GET", f"/api/v1/files/{name}/content"),
        ("GET", f"/api/v1/uploads/{name}"),
        ("DELETE", f"/api/v1/uploads/{name}"),
        ("PUT", f"/api/v1/uploads/{name}/chunks/0"),
    ):
        body = b"x" if method == "PUT" else None
        headers = {"Content-Digest": field} if method == "PUT" else None
        answer = native.ask(method, path, body=body, headers=headers)
        # Clients and servers put dots away: what is left may be another address, never a file outside.
        assert answer.status in (200, 400, 404, 405)
        assert b"root:" not in answer.body


def test_names_that_are_not_unicode_are_no_messages(native: Native) -> None:
    for path in (b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"', b'"\xc3\x28"', b'"a\x00"', b'"\n"'):
        answer = native.ask(
            "POST",
            "/api/v1/folders",
            body=b'{"path": ' + path + b"}",
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status, answer.code) == (400, "bad_request")


def test_a_hostile_name_is_one_line_of_the_log(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    name = f"{folder}/log\n2026-01-01T00:00:00 ERROR forged\x1b[2J\u202e"
    file = native.published(name, b"abc")
    (home(shared) / name).write_bytes(b"changed outside")
    native.content(file["id"])
    line = shared.process.wait_for("changed outside: .*forged", stream="stderr")
    assert "\x1b" not in line.string
    assert not any(line.startswith("2026-01-01") for line in shared.process.stderr.lines)
