"""Files of every size, there and back, and what happens where something else stands at the target."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from kit.native import home
from together.carriage import MIB, Carriage, listed, piped, same, write_random

if TYPE_CHECKING:
    from pathlib import Path

    from kit.client import Client
    from kit.receiver import RunningReceiver

CHUNK = 1 * MIB
SIZES = {
    "nothing": 0,
    "one byte": 1,
    "a byte less than a chunk": CHUNK - 1,
    "a chunk": CHUNK,
    "a byte more than a chunk": CHUNK + 1,
    "chunks": 9 * CHUNK,
    "chunks and a bit": 11 * CHUNK + 4711,
}
MODIFIED_NS = 1_234_567_890_123_456_789
OLD, NEW = b"as it was", b"as it is now"
LITTLE_BYTES = 16 * 1024
"""Requests and answers without content."""


def test_files_of_every_size_arrive_and_come_back_the_same(way: Carriage) -> None:
    there = way.folder / "sizes"
    for name, size in SIZES.items():
        os.utime(write_random(there / name, size), ns=(MODIFIED_NS, MODIFIED_NS + size))
    way.run("send", there)
    way.run("get", "sizes", "--to", way.folder / "back")
    items = listed(way.client, "sizes")
    for name, size in SIZES.items():
        back = way.folder / "back" / "sizes" / name
        assert same(there / name, back), name
        assert same(there / name, way.stored(f"sizes/{name}")), name
        assert back.stat().st_mtime_ns == MODIFIED_NS + size, name
        item = items[f"sizes/{name}"]
        assert (item["size"], item["modified_ns"]) == (size, MODIFIED_NS + size)
    assert len(items) == len(SIZES)
    verified = way.run("verify", there, "--json").splitlines()
    assert [json.loads(line)["ok"] for line in verified] == [True] * len(SIZES)


def test_one_file_named_by_the_user_goes_into_the_folder_named(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", CHUNK + 1)
    os.utime(source, ns=(MODIFIED_NS, MODIFIED_NS))
    way.run("send", source, "--to", "videos/new", "--sha256")
    assert list(listed(way.client, "videos/new")) == ["videos/new/film.bin"]
    assert list(listed(way.client, "")) == ["videos"]
    back = way.fetched("videos/new/film.bin")
    assert same(source, back)
    assert back.stat().st_mtime_ns == MODIFIED_NS
    way.run("verify", source)


@pytest.mark.parametrize("size", [0, 1, 300_000, 8 * MIB, 8 * MIB + 1, 19 * MIB + 5])
def test_standard_input_of_unknown_length_arrives(way: Carriage, size: int) -> None:
    data = os.urandom(size)
    told = piped(
        way.client, data, "send", "-", "--to", "dumps/all.sql", "--sha256", "--json"
    ).stdout
    assert [json.loads(line)["event"] for line in told.splitlines()] == ["transfer", "summary"]
    assert way.stored("dumps/all.sql").read_bytes() == data
    assert listed(way.client, "dumps")["dumps/all.sql"]["size"] == size
    assert way.fetched("dumps/all.sql").read_bytes() == data


def test_the_same_file_again_is_not_sent_again(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 3 * CHUNK)
    way.run("send", source)
    version = listed(way.client)["film.bin"]["version"]
    way.mark()
    told = way.run("send", source)
    assert way.up < LITTLE_BYTES, told
    assert listed(way.client)["film.bin"]["version"] == version
    assert not any((way.receiver.data / "versions").iterdir())


def test_a_copy_at_another_path_is_not_sent_again(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 3 * CHUNK)
    way.run("send", source)
    way.mark()
    way.run("send", source, "--to", "copies")
    assert way.up < LITTLE_BYTES
    assert same(source, way.stored("copies/film.bin"))


def test_a_changed_middle_costs_only_the_chunks_that_changed(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 12 * CHUNK)
    way.run("send", source)
    with source.open("r+b") as file:
        file.seek(5 * CHUNK + 17)
        file.write(b"another word")
    way.mark()
    way.run("send", source)
    assert way.up < 2 * CHUNK
    assert same(source, way.stored("film.bin"))
    way.run("verify", source)


@pytest.mark.parametrize(
    ("choice", "code", "there"),
    [
        ("version", 0, {"a.txt": NEW}),
        ("skip", 0, {"a.txt": OLD}),
        ("keep-both", 0, {"a.txt": OLD, "a (2).txt": NEW}),
        ("fail", 1, {"a.txt": OLD}),
    ],
)
def test_what_stands_at_the_target_is_treated_as_chosen(
    way: Carriage, choice: str, code: int, there: dict[str, bytes]
) -> None:
    source = way.folder / "a.txt"
    source.write_bytes(OLD)
    way.run("send", source)
    source.write_bytes(NEW)
    told = way.run("send", source, "--if-exists", choice, code=code)
    assert {path: way.stored(path).read_bytes() for path in listed(way.client)} == there
    if choice == "version":
        kept = [path.read_bytes() for path in (way.receiver.data / "versions").rglob("*")]
        assert OLD in kept
    if code:
        assert "target_exists" in told
        assert "--if-exists" in told, "a remedy"


def test_a_fetched_file_never_replaces_another_one_unasked(way: Carriage) -> None:
    source = way.folder / "a.txt"
    source.write_bytes(NEW)
    way.run("send", source)
    target = way.folder / "back" / "a.txt"
    target.parent.mkdir()
    target.write_bytes(OLD)
    assert "target_exists" in way.run("get", "a.txt", "--to", target.parent, code=1)
    assert target.read_bytes() == OLD
    way.run("get", "a.txt", "--to", target.parent, "--if-exists", "keep-both")
    assert (target.parent / "a (2).txt").read_bytes() == NEW
    way.run("get", "a.txt", "--to", target.parent, "--if-exists", "overwrite")
    assert target.read_bytes() == NEW


@pytest.mark.timeout(240)
def test_a_sparse_file_of_5_gib_arrives_and_comes_back(
    paired: Client, receiver: RunningReceiver, short_path: Path
) -> None:
    size = 5 * 1024 * MIB
    if shutil.disk_usage(short_path).free < 2 * size + 2 * 1024 * MIB:
        pytest.skip("needs 12 GiB of free disk")
    source = short_path / "sparse.img"
    with source.open("wb") as file:
        for offset in (0, 2**31 - 3, 2**32 - 3, size - 4):
            file.seek(offset)
            file.write(b"mark")
    os.utime(source, ns=(MODIFIED_NS, MODIFIED_NS))
    assert source.stat().st_size == size
    assert source.stat().st_blocks * 512 < MIB
    paired.run("send", source, timeout=120)
    assert same(source, home(receiver) / "sparse.img")
    paired.run("get", "sparse.img", "--to", short_path / "back", timeout=120)
    back = short_path / "back" / "sparse.img"
    assert back.stat().st_mtime_ns == MODIFIED_NS
    assert same(source, back)
