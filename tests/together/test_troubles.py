"""Bytes that turn over, receivers that are not the ones paired with, disks that are full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kit.client import Client
from kit.link import FaultyLink
from kit.ports import free_port
from kit.receiver import running_receiver
from together.carriage import (
    MB,
    MIB,
    Carriage,
    carriage,
    finished,
    over,
    rows,
    same,
    write_random,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.link_parts import Carried, Pipe
    from kit.receiver import RunningReceiver

SIZE = 3 * MIB
LITTLE = 40_000

needs_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk: needs root")


def test_a_byte_that_turns_over_on_the_way_up_is_sent_again(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", SIZE)
    way.mark()
    way.link.flip_byte(way.link.up_bytes + SIZE // 2)
    way.run("send", source)
    assert same(source, way.stored("film.bin"))
    assert SIZE < way.up < SIZE + MIB + LITTLE, "the chunk was sent again, and not the file"


class FlipsDown(FaultyLink):
    """Turns over a bit of one byte on the way down."""

    flip_at: int | None = None

    def has_flipped(self) -> bool:
        return self.flip_at is None

    async def _send(self, pipe: Pipe, block: bytes, carried: Carried) -> None:
        at = None if self.flip_at is None or pipe.upward else self.flip_at - self.down_bytes
        if at is not None and 0 <= at < len(block):
            self.flip_at = None
            block = block[:at] + bytes([block[at] ^ 1]) + block[at + 1 :]
        await super()._send(pipe, block, carried)


def test_a_byte_that_turns_over_on_the_way_down_is_fetched_again(
    client: Client, receiver: RunningReceiver, short_path: Path
) -> None:
    source = write_random(short_path / "film.bin", SIZE)
    link = FlipsDown(receiver.port)
    with link:
        client.run("pair", over(link, receiver, receiver.link))
        client.run("send", source)
        before = link.down_bytes
        link.flip_at = before + SIZE // 2
        client.run("get", "film.bin", "--to", short_path / "back")
        assert link.has_flipped()
        assert same(source, short_path / "back" / "film.bin")
        assert link.down_bytes - before < SIZE + 2 * MIB + LITTLE


def test_a_wrong_address_is_told_and_nothing_is_kept(
    client: Client, receiver: RunningReceiver
) -> None:
    wrong = receiver.link.replace(f":{receiver.port}/", f":{free_port()}/")
    assert "cannot be reached" in client.run("pair", wrong, code=1).stderr
    client.run("status")
    assert "howdah pair" in client.run("ls", code=3).stderr
    client.run("pair", receiver.link)
    client.run("ls")


def test_a_command_waits_for_a_receiver_that_is_away_only_as_long_as_it_is_told(
    way: Carriage,
) -> None:
    source = write_random(way.folder / "film.bin", 1000)
    way.receiver.kill()
    told = way.run("send", source, "--give-up-after", "1", code=4)
    assert "(offline)" in told
    assert [row["state"] for row in rows(way.client)] == ["queued"]
    way.receiver.restart()
    way.run("resume")
    assert same(source, way.stored("film.bin"))


def test_a_certificate_that_changed_gets_nothing(
    client: Client, own_machine: Path, short_path: Path
) -> None:
    source = write_random(short_path / "film.bin", SIZE)
    tls = {"HOWDAH_RECEIVER_HOST": "0.0.0.0"}
    with (
        running_receiver(own_machine / "data", env=tls) as receiver,
        FaultyLink(receiver.port) as link,
    ):
        address = f"127.0.0.1:{link.port}"
        assert "&pin=sha256:" in receiver.link
        pairing = receiver.link.partition("/pair?")[2]
        client.run("pair", f"howdah://{address}/pair?{pairing}")
        client.run("send", write_random(short_path / "first.bin", 1000))
        receiver.stop()
        shutil.rmtree(receiver.data / "tls")
        receiver.restart()
        before = link.up_bytes
        told = client.run("send", source, code=1)
        assert "certificate_changed" in told.stdout + told.stderr
        assert "pair again" in told.stdout + told.stderr, "a remedy"
        assert link.up_bytes - before < 10_000, "handshakes alone"
        pairing = receiver.new_link().partition("/pair?")[2]
        client.run("pair", f"howdah://{address}/pair?{pairing}")
        client.run("resume")
        assert same(source, receiver.data / "files" / "owner" / "film.bin")


def test_a_token_that_no_longer_counts_asks_for_pairing_and_keeps_the_queue(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", SIZE)
    token = way.client.home / "token"
    token.write_text("0" * len(token.read_text()))
    told = way.client.run("send", source, code=3)
    assert "not_signed_in" in told.stdout + told.stderr
    assert "howdah pair" in told.stdout + told.stderr, "a remedy"
    assert [row["state"] for row in rows(way.client)] == ["queued"]
    way.client.run("pair", over(way.link, way.receiver, way.receiver.new_link()))
    way.run("resume")
    assert same(source, way.stored("film.bin"))


@needs_mounts
@pytest.mark.timeout(120)
def test_a_full_receiver_is_waited_for_and_takes_the_file_once_there_is_room(
    own_machine: Path,
) -> None:
    large = write_random(own_machine / "large.bin", 100 * MB)
    small = write_random(own_machine / "small.bin", MB)
    with small_disk(own_machine / "disk", 64) as disk, carriage(
        own_machine, data=disk / "data"
    ) as way:  # fmt: skip
        sending = way.client.start("send", large, small)
        sending.wait_for(r"^waiting .*\(storage_full\)$")
        sending.wait_for(r"^done +small.bin")
        assert same(small, way.stored("small.bin"))
        assert way.up < 2 * MB, "it is known before the bytes are sent"
        states = {row["name"]: row["state"] for row in rows(way.client)}
        assert states == {"large.bin": "waiting"}
        grow(disk, 256)
        starts = len(_starts(way))
        finished(sending)
        assert len(_starts(way)) <= starts + 2, "it is not asked all the time"
        assert same(large, way.stored("large.bin"))


@needs_mounts
@pytest.mark.timeout(120)
def test_a_disk_that_is_full_here_is_waited_for_too(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", 30 * MB)
    way.run("send", source)
    with small_disk(way.folder / "disk", 16) as disk:
        fetching = way.client.start("get", "film.bin", "--to", disk / "back")
        fetching.wait_for(r"\(local_full\)$")
        assert not (disk / "back" / "film.bin").exists()
        assert [row["code"] for row in rows(way.client)] == ["local_full"]
        grow(disk, 64)
        finished(fetching)
        assert same(source, disk / "back" / "film.bin")


def test_a_command_that_waits_ends_at_once_on_ctrl_c(way: Carriage) -> None:
    way.receiver.kill()
    sending = way.client.start("send", write_random(way.folder / "film.bin", 1000))
    sending.wait_for(r"\(offline\)$")
    sending.send(signal.SIGINT)
    assert sending.wait(10) == 130


def _starts(way: Carriage) -> list[str]:
    return [path for method, path in way.link.requests if (method, path) == START]


START = ("POST", "/api/v1/uploads")


@contextmanager
def small_disk(place: Path, mib: int) -> Iterator[Path]:
    """A disk of `mib` MiB in memory."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "howdah-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def grow(place: Path, mib: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={mib}m", place], check=True)
