"""A receiver that moves to another machine: its folder is copied and started there, and each client is told
where. Nothing is sent again, and what was kept is kept."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kit.client import Client
from kit.link import FaultyLink
from kit.native import version_file
from kit.receiver import RunningReceiver, running_receiver
from together.carriage import (
    MB,
    Carriage,
    finished,
    listed,
    rows,
    same,
    wait_until,
    write_random,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 6 * MB
BESIDE_CONTENT = 60_000
"""What asking, comparing and listing may come to, over the line."""


def copied(data: Path, target: Path, how: str) -> None:
    """As an owner copies it: with times (`-a`), or without, so that inodes and mtimes are others."""
    subprocess.run(["cp", *how.split(), str(data), str(target)], check=True)


@contextmanager
def moved(way: Carriage, how: str) -> Iterator[tuple[RunningReceiver, FaultyLink]]:
    """The receiver on another folder and port, the way to it, and nothing at the old address."""
    assert way.receiver.stop() == 0
    there = way.folder / "elsewhere" / "data"
    there.parent.mkdir()
    copied(way.receiver.data, there, how)
    shutil.rmtree(way.receiver.data)
    with running_receiver(there) as receiver, FaultyLink(receiver.port) as link:
        yield receiver, link


@pytest.mark.parametrize("how", ["-a", "-r"])
def test_after_a_move_nothing_is_sent_again_and_versions_are_there(way: Carriage, how: str) -> None:
    folder = way.folder / "Videos"
    film = write_random(folder / "film.bin", SIZE)
    write_random(folder / "letter.txt", 1000)
    way.run("send", folder)
    film_before = film.read_bytes()
    write_random(film, SIZE)
    way.run("send", folder)
    before = listed(way.client, "Videos")
    (kept,) = (way.receiver.data / "versions").iterdir()
    with moved(way, how) as (receiver, link):
        assert "(offline)" in way.run("send", film, "--give-up-after", "1", code=4)
        told = way.run("move-to", f"http://127.0.0.1:{link.port}")
        assert f"127.0.0.1:{link.port}" in told
        mark = link.up_bytes
        way.run("resume")
        way.run("send", folder)
        assert link.up_bytes - mark < BESIDE_CONTENT
        after = listed(way.client, "Videos")
        assert {path: item["version"] for path, item in after.items() if "version" in item} == {
            path: item["version"] for path, item in before.items() if "version" in item
        }
        assert version_file(receiver, kept.name).read_bytes() == film_before
        way.run("get", "Videos/film.bin", "--to", way.folder / "back")
        assert same(film, way.folder / "back" / "film.bin")


def test_a_command_that_waits_goes_on_at_the_new_address(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", SIZE)
    way.run("send", write_random(way.folder / "first.bin", 1000))
    with moved(way, "-a") as (receiver, link):
        waiting = way.client.start("send", source)
        wait_until(lambda: bool(rows(way.client)), "the transfer waits")
        way.run("move-to", f"127.0.0.1:{link.port}")
        finished(waiting)
        assert same(source, receiver.data / "files" / "owner" / "film.bin")


def test_another_receiver_is_not_moved_to(way: Carriage) -> None:
    with running_receiver(way.folder / "other") as other:
        told = way.client.run("move-to", other.url, code=3).stderr
        assert "not_signed_in" in told
    assert listed(way.client) == {}  # still with the one it was paired with
    assert way.client.run("move-to", "nonsense://x", code=2).stderr


def test_over_tls_the_certificate_moves_with_the_folder_and_another_asks_for_a_new_link(
    client: Client, short_path: Path
) -> None:
    data, there = short_path / "data", short_path / "elsewhere"
    tls = {"HOWDAH_RECEIVER_HOST": "0.0.0.0"}
    with running_receiver(data, env=tls) as receiver:
        pairing = receiver.link.partition("/pair?")[2]
        client.run("pair", f"howdah://127.0.0.1:{receiver.port}/pair?{pairing}")
        client.run("send", write_random(short_path / "film.bin", 1000))
        assert receiver.stop() == 0
    copied(data, there, "-a")
    with running_receiver(there, env=tls) as receiver:
        shown = ssl.get_server_certificate(("127.0.0.1", receiver.port))
        client.run("move-to", f"127.0.0.1:{receiver.port}")
        assert "film.bin" in listed(client)
        kept = json.loads((client.home / "receiver.json").read_text())
        assert kept["address"] == f"https://127.0.0.1:{receiver.port}"
        receiver.stop()
        shutil.rmtree(there / "tls")
        receiver.restart()
        assert ssl.get_server_certificate(("127.0.0.1", receiver.port)) != shown
        told = client.run("move-to", f"localhost:{receiver.port}", code=1).stderr
        assert "certificate_changed" in told
        assert "pair again" in told
    assert json.loads((client.home / "receiver.json").read_text()) == kept
