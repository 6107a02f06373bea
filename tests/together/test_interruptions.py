"""Answers that get lost, receivers and clients that die or freeze: it goes on where it was."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from together.carriage import (
    MB,
    MIB,
    Carriage,
    finished,
    listed,
    rows,
    same,
    wait_until,
    write_random,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kit.processes import Process

SIZE = 3 * MIB
CHUNK = 256 * 1024
"""What such files are cut into while nothing is known of the line."""
LITTLE = 40_000
"""What requests and answers without content may come to."""
SLOW = 2 * MB

UPLOADS = "/api/v1/uploads"
Which = tuple[str, str]


def is_call(method: str, ending: str) -> Callable[[str, str], bool]:
    return lambda said, path: said == method and path.partition("?")[0].endswith(ending)


def is_status(method: str, path: str) -> bool:
    return method == "GET" and path.startswith(f"{UPLOADS}/") and path.count("/") == 4


UP = {
    "start": is_call("POST", UPLOADS),
    "chunks": is_call("POST", "/chunks"),
    "complete": is_call("POST", "/complete"),
}
DOWN = {
    "list": is_call("GET", "/files"),
    "manifest": is_call("GET", "/manifest"),
    "content": is_call("GET", "/content"),
}


@pytest.mark.parametrize("call", UP)
def test_an_upload_goes_on_after_a_lost_answer(way: Carriage, call: str) -> None:
    source = write_random(way.folder / "film.bin", SIZE)
    way.link.drop_answer(UP[call])
    way.mark()
    way.run("send", source)
    assert way.link.answers_dropped == 1
    assert same(source, way.stored("film.bin"))
    assert way.up < SIZE + LITTLE, "nothing is sent twice"
    assert list(listed(way.client)) == ["film.bin"]


def test_an_upload_goes_on_after_lost_answers_about_what_is_there(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", SIZE)
    way.run("send", source)
    with source.open("r+b") as file:
        file.write(b"changed")
    way.link.drop_answer(is_call("POST", "/have"))
    way.link.drop_answer(UP["chunks"])
    way.link.drop_answer(is_status)
    way.mark()
    way.run("send", source)
    assert way.link.answers_dropped == 3
    assert same(source, way.stored("film.bin"))
    assert way.up < CHUNK + LITTLE


def test_a_download_goes_on_after_each_kind_of_lost_answer(way: Carriage) -> None:
    for call, predicate in DOWN.items():
        source = write_random(way.folder / f"{call}.bin", SIZE)
        way.run("send", source)
        way.link.drop_answer(predicate)
        way.mark()
        assert same(source, way.fetched(source.name)), call
        assert way.down < SIZE + 2 * LITTLE, call
    assert way.link.answers_dropped == len(DOWN)


@pytest.mark.timeout(180)
def test_an_upload_survives_a_restart_before_each_of_its_requests(way: Carriage) -> None:
    requests = _send_with_restart(way, 0)
    for number in range(1, requests + 1):
        _send_with_restart(way, number)
    assert requests >= 3
    assert len(listed(way.client)) == requests + 1


def _send_with_restart(way: Carriage, at: int) -> int:
    """Send a new file; SIGKILL to the receiver before request `at`. Gives how many requests it was."""
    source = write_random(way.folder / f"{at}.bin", SIZE)
    count = 0
    lock = threading.Lock()

    def before(method: str, path: str) -> None:
        nonlocal count
        with lock:
            count += 1
            if count != at:
                return
            way.receiver.kill()
            way.receiver.restart()

    way.link.before_request(before)
    way.mark()
    way.run("send", source)
    way.link.before_request(None)
    assert same(source, way.stored(source.name)), at
    assert way.up < SIZE + CHUNK + LITTLE, at
    return count


def test_twenty_files_wait_for_a_receiver_that_is_gone_and_comes_back(way: Carriage) -> None:
    sources = [write_random(way.folder / "in" / f"{n}.bin", 150_000 + n) for n in range(20)]
    way.link.rate_bytes_per_second = SLOW
    sending = way.client.start("send", *sources)
    way.link.wait_for(lambda: way.link.up_bytes > MB)
    way.receiver.kill()
    sending.wait_for(r"^receiver: .*\(offline\)$")
    waiting = rows(way.client)
    assert waiting
    assert {row["state"] for row in waiting} == {"queued"}, "not an error of each row"
    way.receiver.restart()
    finished(sending)
    for source in sources:
        assert same(source, way.stored(source.name))
    assert len(listed(way.client)) == len(sources)
    assert not list((way.receiver.data / "versions").iterdir())


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(2, id="shortly"),
        # Longer than a client waits without a byte.
        pytest.param(35, id="long", marks=pytest.mark.soak),
    ],
)
@pytest.mark.timeout(150)
def test_a_receiver_that_froze_does_no_harm_when_it_wakes_up(way: Carriage, seconds: float) -> None:
    source = write_random(way.folder / "film.bin", 8 * MB)
    way.link.rate_bytes_per_second = SLOW
    sending = way.client.start("send", source)
    way.link.wait_for(lambda: way.link.up_bytes > 2 * MB)
    way.receiver.process.send(signal.SIGSTOP)
    # There is nothing to look at: what is shown is that time passes.
    threading.Event().wait(seconds)
    way.receiver.process.send(signal.SIGCONT)
    finished(sending)
    assert same(source, way.stored("film.bin"))
    assert list(listed(way.client)) == ["film.bin"]
    assert not list((way.receiver.data / "versions").iterdir())


@pytest.mark.timeout(150)
def test_a_client_killed_ten_times_sends_every_file_once(way: Carriage) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    tree = way.folder / "tree"
    sources = [
        write_random(tree / str(n % 7) / f"{n}.bin", chance.choice([0, 1, 40_000, 200_000, MB]))
        for n in range(50)
    ]
    way.link.rate_bytes_per_second = 4 * MB
    for words in [("send", tree), *[("resume",)] * 9]:
        _kill_after(way, way.client.start(*words), chance.randrange(10_000, 1_500_000))
    way.run("resume")
    for source in sources:
        assert same(source, way.stored(str(source.relative_to(way.folder))))
    stored = [path for path in way.stored("tree").rglob("*") if path.is_file()]
    assert len(stored) == len(sources)
    assert not list((way.receiver.data / "versions").iterdir())
    assert not list((way.receiver.data / "parts").iterdir())
    assert rows(way.client) == []


def _kill_after(way: Carriage, command: Process, more: int) -> None:
    """Once the command has sent so many bytes."""
    way.mark()
    wait_until(lambda: way.up > more or not command.running, "bytes on the line")
    command.kill()


def test_ctrl_c_says_how_to_go_on_and_resume_finishes(way: Carriage) -> None:
    source = write_random(way.folder / "film.bin", SIZE)
    way.link.rate_bytes_per_second = SLOW
    way.mark()
    sending = way.client.start("send", source)
    way.link.wait_for(lambda: way.up > MIB)
    sending.send(signal.SIGINT)
    assert sending.wait() == 130
    assert "howdah resume" in sending.stdout.text + sending.stderr.text
    assert [row["state"] for row in rows(way.client)] == ["queued"]
    assert not way.stored("film.bin").exists()
    way.run("resume")
    assert same(source, way.stored("film.bin"))
    assert way.up < SIZE + 2 * CHUNK + LITTLE + MIB // 2  # and what was under way in buffers


def test_pausing_keeps_what_arrived_and_resuming_sends_only_the_rest(way: Carriage) -> None:
    size = 24 * MIB  # so that much is still to come whatever lies in buffers
    source = write_random(way.folder / "film.bin", size)
    way.link.rate_bytes_per_second = 10 * MB
    way.mark()
    sending = way.client.start("send", source)
    way.link.wait_for(lambda: way.up > 10 * MIB)
    way.link.blackhole()
    way.run("pause", "--all")
    sending.wait_for("Paused by you")
    assert [row["state"] for row in rows(way.client)] == ["paused"]
    way.link.blackhole(False)
    assert sending.running, "it waits until somebody lets it go on"
    way.run("resume")
    finished(sending)
    assert same(source, way.stored("film.bin"))
    assert way.up < size + 6 * MIB  # what was under way in buffers


def test_a_second_send_hands_its_work_to_the_first(way: Carriage) -> None:
    large, small = two_files(way)
    first = way.client.start("send", large)
    way.link.wait_for(lambda: way.link.up_bytes > MIB)
    second = way.client.start("send", small)
    wait_until(lambda: len(rows(way.client)) == 2, "both are in one queue")
    assert not tcp_connections(second), "one engine"
    finished(second)
    assert first.running
    assert same(small, way.stored(small.name))
    finished(first)
    assert same(large, way.stored(large.name))


def test_a_second_send_takes_over_when_the_first_is_killed(way: Carriage) -> None:
    large, small = two_files(way)
    first = way.client.start("send", small)
    way.link.wait_for(lambda: way.link.up_bytes > MIB // 4)
    second = way.client.start("send", large)
    wait_until(lambda: len(rows(way.client)) == 2, "both are in one queue")
    first.kill()
    finished(second)
    assert same(small, way.stored(small.name))
    assert same(large, way.stored(large.name))
    assert rows(way.client) == []


def two_files(way: Carriage) -> tuple[Path, Path]:
    """Both take seconds; the large one more, though it has four connections to the small one's one."""
    way.link.rate_bytes_per_second = SLOW
    return (
        write_random(way.folder / "large.bin", 16 * MIB),
        write_random(way.folder / "small.bin", 2 * MIB),
    )


def tcp_connections(process: Process) -> set[str]:
    """Inodes of the TCP sockets of a process."""
    own = set()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        own.add(target.removeprefix("socket:[").removesuffix("]"))
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    return own & {line.split()[9] for table in tables for line in table}
