"""Trees of many small files with hard names: the same at both ends, byte for byte."""

from __future__ import annotations

import json
import os
import random
import socket
import unicodedata
from typing import TYPE_CHECKING

import pytest

from kit.native import home
from together.carriage import Carriage

if TYPE_CHECKING:
    from pathlib import Path

    from kit.client import Client
    from kit.receiver import RunningReceiver

FILES = 3_000
HARD_NAMES = [
    " leading and trailing spaces ",
    "two\nlines\r\n",
    "\ttab and \x07 bell and \x1b[31m and \x7f",
    "quotes ' \" ` and $HOME and *?[a]",
    "; rm -rf ~ & | < >",
    "-rf",
    "--to",
    "-",
    ".hidden",
    "..hidden",
    "...",
    "trailing dots...",
    "trailing space ",
    "100%",
    "%2e%2e%2f",
    "%00",
    "a#fragment?query=1&b=2",
    "a+b c=d",
    "http:",
    "C:",
    "NUL",
    "con.txt",
    "elephant 🐘 and 👩‍👩‍👧 and \U0001f3f4",
    unicodedata.normalize("NFC", "Ünïcödé é"),
    unicodedata.normalize("NFD", "Ünïcödé é"),
    "CASE",
    "case",
    "Case",
    "ß",
    "SS",
    "İi",
    "a‮txt.exe",
    "zero​width﻿",
    "\ufffd",
    "\u0085\u2028\u2029",
    "العربية",
    "日本語",
    "x" * 255,
    "é" * 127 + "y",
    "🐘" * 63 + "abc",
    "f" * 250 + ".txt~",
    "{}",
    "~",
    "a" + "." * 254,
]
HARD_TIMES_NS = [
    0,
    1,
    999_999_999,
    1_000_000_001,
    1_700_000_000_123_456_789,
    2**31 * 1_000_000_000 + 7,
    2**32 * 1_000_000_000 + 999_999_999,
    7_258_118_400_000_000_001,
]
SIZES = [0, 1, 17, 4096, 4097, 30_000]

Tree = dict[bytes, tuple[bytes | None, int]]
"""By path below the root: content and time of a file; of an empty folder, None and 0."""


@pytest.mark.timeout(300)
def test_3000_files_with_hard_names_are_the_same_there_and_back(
    paired: Client, receiver: RunningReceiver, short_path: Path
) -> None:
    source = short_path / "tree"
    _grow(source, FILES)
    before = read_tree(source)
    assert len([1 for content, _ in before.values() if content is not None]) == FILES
    told = paired.run("send", source, timeout=150).stdout
    assert f"{len(before)} done" in told.splitlines()[-1]
    assert _difference(before, read_tree(home(receiver) / "tree")) == {}
    paired.run("get", "tree", "--to", short_path / "back", timeout=150)
    assert _difference(before, read_tree(short_path / "back" / "tree")) == {}
    assert _difference(before, read_tree(source)) == {}, "the source is never changed"


def test_a_tree_sent_again_sends_nothing(way: Carriage) -> None:
    source = way.folder / "tree"
    source.mkdir()
    for number in range(30):
        (source / f"{number}.bin").write_bytes(os.urandom(10_000 + number))
    way.run("send", source)
    way.mark()
    way.run("send", source)
    assert way.up < 30 * 3_000, "each file costs a few requests, but none of its bytes"
    assert not list((way.receiver.data / "versions").iterdir())


def test_what_is_no_file_is_left_out_and_told(way: Carriage) -> None:
    source = way.folder / "tree"
    source.mkdir()
    (source / "plain.txt").write_bytes(b"plain")
    (source / "to a file").symlink_to("plain.txt")
    (source / "to a folder").symlink_to(way.folder)
    (source / "to nothing").symlink_to("nowhere")
    os.mkfifo(source / "fifo")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(source / "socket"))
        told = way.run("send", source, "--json")
    skipped = {row["name"]: row for row in _last(told).values() if row["state"] == "skipped"}
    links = {"to a file", "to a folder", "to nothing"}
    assert set(skipped) == links | {"fifo", "socket"}
    assert {skipped[name]["code"] for name in links} == {"symlink"}
    assert {skipped[name]["code"] for name in ("fifo", "socket")} == {"special"}
    assert all(row["sentence"] for row in skipped.values())
    assert set(read_tree(way.stored("tree"))) == {b"plain.txt"}


@pytest.mark.parametrize("kind", ["fifo", "socket"])
def test_what_is_no_file_but_named_by_the_user_is_refused(way: Carriage, kind: str) -> None:
    path = way.folder / "thing"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        if kind == "fifo":
            os.mkfifo(path)
        else:
            listener.bind(str(path))
        assert "source_not_a_file" in way.run("send", path, code=1)


def test_a_name_that_is_not_utf_8_needs_the_user_and_holds_up_nothing(way: Carriage) -> None:
    source = way.folder / "tree"
    (source / "below").mkdir(parents=True)
    bad = [b"caf\xe9.txt", b"\xff\xfe", b"below/\xc0\xaf"]
    for unreadable in bad:
        with open(os.fsencode(source) + b"/" + unreadable, "wb") as file:
            file.write(b"unnamed")
    for name in ("a.txt", "below/z.txt"):
        (source / name).write_bytes(b"named")
    told = way.run("send", source, "--json", code=1)
    failed = [row for row in _last(told).values() if row["state"] == "failed"]
    assert {row["code"] for row in failed} == {"name_not_unicode"}
    assert len(failed) == len(bad)
    assert all(row["sentence"] and row["remedy"] for row in failed)
    assert any("caf_.txt" in str(row["sentence"]) for row in failed), "a proposal"
    assert set(read_tree(way.stored("tree"))) == {b"a.txt", b"below/z.txt"}
    assert set(bad) < set(read_tree(source)), "names here stay as they are"


def test_a_backslash_in_a_name_needs_the_user_and_holds_up_nothing(way: Carriage) -> None:
    source = way.folder / "tree"
    source.mkdir()
    (source / "a\\b").write_bytes(b"1")
    (source / "good").write_bytes(b"2")
    told = way.run("send", source, code=1)
    assert "bad_path" in told
    assert set(read_tree(way.stored("tree"))) == {b"good"}


def test_what_stood_in_the_way_of_a_folder_is_told_and_resume_fetches_the_rest(
    way: Carriage,
) -> None:
    source = way.folder / "tree"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "sub" / "file").write_bytes(b"below")
    way.run("send", source, "--to", "far/away")
    back = way.folder / "back"
    (back / "tree").mkdir(parents=True)
    (back / "tree" / "sub").write_bytes(b"in the way")
    way.run("get", "far/away/tree", "--to", back, code=1)
    (back / "tree" / "sub").unlink()
    way.run("resume")
    assert not _difference(read_tree(source), read_tree(back / "tree"))


def read_tree(root: Path) -> Tree:
    found: Tree = {}
    start = os.fsencode(root)
    for folder, folders, names in os.walk(start):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path) or os.path.islink(path):
                found[os.path.relpath(path, start)] = (None, -1)
                continue
            with open(path, "rb") as file:
                modified = os.fstat(file.fileno()).st_mtime_ns
                found[os.path.relpath(path, start)] = (file.read(), modified)
        if not folders and not names:
            found[os.path.relpath(folder, start)] = (None, 0)
    return found


def _difference(one: Tree, other: Tree) -> dict[bytes, object]:
    """Short enough to be read when a test fails."""
    wrong = {p: (one.get(p), other.get(p)) for p in one.keys() | other.keys()}
    return {p: v for p, v in list(wrong.items()) if v[0] != v[1]}


def _grow(root: Path, files: int) -> None:
    """`files` files in nested folders, names and times hard ones, and some folders with nothing."""
    chance = random.Random(2026)
    folders = [root, *(root / name for name in HARD_NAMES)]
    folders += [folder / chance.choice(HARD_NAMES) for folder in folders[1:9]]
    folders += [folder / "deeper" / "and deeper" for folder in folders[1:5]]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "it is not empty").write_bytes(b"")
    names = [(folder, f"{number:04} {name}"[:40]) for number in range(90) for folder in folders
             for name in [HARD_NAMES[number % len(HARD_NAMES)]]]  # fmt: skip
    leaf = root / "leaves"
    leaf.mkdir()
    names = [(leaf, name) for name in HARD_NAMES] + names
    made = len(folders)
    for folder, name in names[: files - made]:
        size = chance.choice(SIZES)
        (folder / name).write_bytes(chance.randbytes(size))
        modified = chance.choice(HARD_TIMES_NS)
        os.utime(folder / name, ns=(modified, modified))
    for name in ("empty", " ", "…", "-"):
        (root / "hollow" / name).mkdir(parents=True)


def _last(told: str) -> dict[int, dict[str, object]]:
    """The last word on each transfer, of the lines of --json."""
    events = [json.loads(line) for line in told.splitlines()]
    return {event["id"]: event for event in events if event["event"] == "transfer"}
