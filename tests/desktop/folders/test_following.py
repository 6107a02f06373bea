"""A file that is followed is at the receiver for the most part before it has settled, and never otherwise
than it is here."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings
from kit.native import Native
from kit.watching import tree

if TYPE_CHECKING:
    from pathlib import Path

    from desktop.folders.conftest import Life
    from howdah_desktop.engine.transfers import Transfer
    from kit.watching import Watching

Follow = Callable[..., "Growing"]
MIB = 1024 * 1024
CHUNK = 8 * MIB
WHOLE = 32 * MIB + 12_345
SETTLE_SECONDS = 1.5
PACE_SECONDS = 0.05
FOLLOWED = FolderSettings(settle_seconds=SETTLE_SECONDS, follow=True)
REQUESTS = 200_000
"""What questions and answers without content may come to."""


@pytest.fixture
def local(short_path: Path) -> Path:
    return short_path / "watched"


class Growing:
    """A file that is written to all the time by a thread, so that it never rests, until `rests`."""

    def __init__(self, life: Life, folder: Watching, path: Path) -> None:
        self.life = life
        self.folder = folder
        self.path = path
        self._end = threading.Event()
        self._writer: threading.Thread | None = None

    def grows(self, to: int = WHOLE) -> None:
        """By 1 MiB at a time up to `to` bytes, then by a byte."""

        def write() -> None:
            with self.path.open("ab", buffering=0) as file:
                while not self._end.is_set():
                    left = to - os.fstat(file.fileno()).st_size
                    file.write(secrets.token_bytes(max(1, min(MIB, left))))
                    self._end.wait(PACE_SECONDS)

        self._end.clear()
        self._writer = threading.Thread(target=write)
        self._writer.start()

    def rests(self) -> None:
        if self._writer is not None:
            self._end.set()
            self._writer.join()

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def ahead(self) -> int:
        """How many bytes of it the receiver has, of a file whose size it does not know."""
        uploads = self.life.engine._presence.current().uploads().uploads
        return sum(
            upload.received_bytes
            for upload in uploads
            if upload.size is None and upload.path.endswith(f"/{self.path.name}")
        )

    def until_ahead(self, wanted: int) -> None:
        """While it grows."""
        self.folder.until(lambda _: self.ahead() >= wanted, f"{wanted} bytes are sent ahead")

    def until_there(self) -> None:
        """It rests, and arrives as it is here; nothing of it is left over there."""
        self.rests()

        def is_there(_: object) -> bool:
            there = self.folder.there / self.path.name
            return there.exists() and there.read_bytes() == self.path.read_bytes()

        self.folder.until(is_there, "it is there")
        self.folder.at_rest()
        self.folder.until(lambda _: self.ahead() == 0, "what was sent ahead is cancelled")
        self.folder.until(lambda _: not self.life.engine._ledger.ahead(), "and forgotten")
        assert tree(self.folder.there) == tree(self.folder.local)


@pytest.fixture
def follow(life: Life, local: Path) -> Iterator[Follow]:
    """Watch the folder; gives a file that grows in it."""
    with ExitStack() as stack:

        def begin(name: str, settings: FolderSettings = FOLLOWED) -> Growing:
            folder = stack.enter_context(life.watching(local, settings=settings))
            folder.at_rest()
            life.mark()
            growing = Growing(life, folder, local / name)
            stack.callback(growing.rests)
            growing.grows()
            return growing

        yield begin


def test_most_of_a_file_that_grows_is_there_before_it_settles_and_goes_once(
    life: Life, follow: Follow
) -> None:
    growing = follow("film")
    growing.until_ahead(4 * CHUNK)
    assert tree(growing.folder.there) == {}, "nothing is published before it has settled"
    print(f"{growing.ahead():,} of {growing.size:,} bytes before it has settled")
    growing.until_there()
    print(f"{life.way.up:,} bytes on the line")
    assert life.way.up < growing.size + REQUESTS
    there = growing.folder.there / "film"
    assert there.stat().st_mtime_ns == growing.path.stat().st_mtime_ns


def test_where_it_is_not_asked_for_nothing_is_sent_of_a_file_that_grows(
    life: Life, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    grows = life.engine._following.grows

    def counted(row: Transfer, size: int) -> None:
        seen.append(size)
        grows(row, size)

    monkeypatch.setattr(life.engine._waits, "on_growth", counted)
    growing = follow("film", FolderSettings(settle_seconds=SETTLE_SECONDS))
    growing.folder.until(lambda _: len(seen) >= 3 and seen[-1] >= 2 * CHUNK, "it is seen to grow")
    assert growing.ahead() == 0
    assert life.way.up < REQUESTS
    growing.until_there()


def test_a_head_that_is_rewritten_at_the_end_costs_its_chunk_alone(
    life: Life, follow: Follow
) -> None:
    growing = follow("film.mp4")
    growing.until_ahead(4 * CHUNK)
    with growing.path.open("r+b") as file:
        file.write(b"the length is known now")
    growing.until_there()
    assert life.way.up < growing.size + CHUNK + REQUESTS


@pytest.mark.parametrize("how", ["truncated", "replaced", "emptied and written again", "removed"])
def test_whatever_becomes_of_it_while_it_grows_what_arrives_is_what_is_here(
    life: Life, follow: Follow, how: str
) -> None:
    growing = follow("film")
    growing.until_ahead(2 * CHUNK)
    other = secrets.token_bytes(3 * CHUNK + 7)
    growing.rests()
    match how:
        case "truncated":
            os.truncate(growing.path, CHUNK + 5)
        case "replaced":
            beside = growing.path.with_name(".film.new")
            beside.write_bytes(other)
            beside.replace(growing.path)
        case "emptied and written again":
            growing.path.write_bytes(other)
        case "removed":
            growing.path.unlink()
            growing.path = growing.path.with_name("another")
            growing.path.write_bytes(b"another")
    growing.until_there()
    uploads = life.engine._presence.current().uploads().uploads
    assert not [upload for upload in uploads if upload.path.startswith(growing.folder.there.name)]


def test_what_is_added_to_a_file_that_is_there_is_sent_ahead_and_no_more(
    life: Life, follow: Follow
) -> None:
    growing = follow("log")
    growing.until_ahead(4 * CHUNK)
    growing.until_there()
    first = growing.size
    life.mark()
    growing.grows(to=first + 3 * CHUNK)
    growing.folder.until(lambda _: growing.size > first, "it grows")
    # What is only written to is looked at after a minute; what is new beside it, at once.
    growing.path.with_name("neighbour").write_bytes(b"x")
    growing.until_ahead(2 * CHUNK)
    growing.until_there()
    assert life.way.up < growing.size - first + CHUNK + REQUESTS


def test_where_there_is_no_room_for_both_what_was_sent_ahead_gives_way(
    life: Life, follow: Follow
) -> None:
    growing = follow("film")
    growing.until_ahead(4 * CHUNK)
    with Native.paired_with(life.way.receiver, life.way.receiver.new_link()) as device:
        account = device.get("/account").json
        used = account["used_bytes"] - growing.ahead()
        limit(device, account["id"], used + growing.size + 2 * CHUNK)
        try:
            growing.until_there()
        finally:
            limit(device, account["id"], None)


def limit(device: Native, account: str, quota_bytes: int | None) -> None:
    answer = device.ask(
        "PATCH", f"/api/v1/accounts/{account}", message={"quota_bytes": quota_bytes}
    )
    assert answer.status == 200, answer


def test_what_somebody_else_put_there_meanwhile_stays_and_so_does_this_one(
    life: Life, follow: Follow
) -> None:
    growing = follow("film")
    growing.until_ahead(2 * CHUNK)
    folder = growing.folder
    with Native.paired_with(life.way.receiver, life.way.receiver.new_link()) as device:
        device.published(f"{folder.there.name}/film", b"of somebody else")
    growing.rests()
    ours = folder.there / "film (2)"
    folder.until(lambda _: ours.exists(), "it is there under a name of its own")
    assert ours.read_bytes() == growing.path.read_bytes()
    assert (folder.there / "film").read_bytes() == b"of somebody else"
    folder.until(lambda _: growing.ahead() == 0, "what was sent ahead is cancelled")


def test_a_file_that_was_paused_while_it_grew_goes_on_with_what_is_there(
    life: Life, follow: Follow
) -> None:
    growing = follow("film")
    growing.until_ahead(2 * CHUNK)
    life.engine.watch_pause([growing.folder.id])
    growing.rests()
    life.engine.watch_resume([growing.folder.id])
    growing.until_there()
    assert life.way.up < growing.size + CHUNK + REQUESTS
