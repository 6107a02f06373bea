"""A watched folder whose receiver is away, restored, moved or not itself, behind a page or too busy: it says
so in every place where one would look, and goes on by itself where it can."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from howdah_common.problems import PROBLEMS
from howdah_desktop.engine import backoff, presence
from howdah_desktop.remote import receiver as remote
from howdah_desktop.remote.door import Door
from kit.client import Client
from kit.cued_receiver import PROBLEM, Exchange, cued_receiver
from kit.link import FaultyLink
from kit.proxy import certificate
from kit.receiver import RunningReceiver, running_receiver
from kit.watching import Tree, make, quick_watching, tree
from together.carriage import Carriage
from together.served import TARGET, Said, Served, served

TREE: Tree = {
    "a.txt": b"first",
    "folder/b.txt": b"second",
    "folder/c.txt": b"third",
    "film.bin": os.urandom(1_200_000),
}
IDLE_SECONDS = 1.5
ASKED_SECONDS = 3
SOON_SECONDS = 0.9
"""Within which requests came that were under way together."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_watching(monkeypatch)
    monkeypatch.setattr(backoff, "DELAYS_SECONDS", (0.5,))


@pytest.fixture
def folder(way: Carriage) -> Iterator[Served]:
    make(way.folder / "watched", TREE)
    with served(way.client, way.folder / "watched", way.stored(TARGET)) as whole:
        yield whole


def change(folder: Served) -> None:
    """All that may happen to a file here; `later.txt` is new."""
    make(folder.local, {"later.txt": b"later", "a.txt": b"changed"})
    (folder.local / "folder" / "b.txt").rename(folder.local / "folder" / "renamed.txt")


def all_say(said: Said, code: str, sentence: str, remedy: str) -> None:
    """`watch list`, `queue` and `explain`: the same sentence, and what to do."""
    assert (said.folder["code"], said.receiver["code"]) == (code, code)
    assert said.folder["state"] == "active"
    for told in (said.folder, said.receiver, said.file):
        assert sentence in told["sentence"]
        assert remedy in told["remedy"]
    assert {row["state"] for row in said.queue} == {"queued"}, "no trouble of each file"


def says_offline(folder: Served) -> None:
    folder.waits_for("offline")
    folder.until(lambda view: "queued" in view.transfers, "what is new waits")
    all_say(folder.says("later.txt"), "offline", "cannot be reached", "goes on by itself")


def test_a_receiver_that_is_killed_and_started_again_gets_what_changed_meanwhile(
    way: Carriage, folder: Served
) -> None:
    way.receiver.kill()
    change(folder)
    says_offline(folder)
    way.receiver.restart()
    folder.all_there()
    assert not (folder.there / "folder" / "b.txt").exists(), "it was moved"


def test_a_receiver_that_is_stopped_for_longer_than_anybody_waits_is_waited_for(
    way: Carriage, folder: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in (Door.open, Door.ask):
        assert call.__kwdefaults__ is not None
        monkeypatch.setitem(call.__kwdefaults__, "idle_seconds", IDLE_SECONDS)
    monkeypatch.setattr(remote, "LONG_IDLE_SECONDS", IDLE_SECONDS)
    way.receiver.process.send(signal.SIGSTOP)
    change(folder)
    says_offline(folder)
    way.receiver.process.send(signal.SIGCONT)
    folder.all_there()


def test_a_receiver_that_moves_is_found_at_the_address_that_it_is_told(
    way: Carriage, folder: Served
) -> None:
    assert way.receiver.stop() == 0
    change(folder)
    says_offline(folder)
    data = way.folder / "elsewhere" / "data"
    data.parent.mkdir()
    way.receiver.data.rename(data)
    with running_receiver(data) as receiver:
        way.run("move-to", f"http://127.0.0.1:{receiver.port}")
        folder.there = data / "files" / "owner" / TARGET
        folder.all_there()


# -- restored from a copy


@pytest.mark.parametrize("paired_since", [False, True])
def test_what_a_receiver_restored_from_a_copy_has_lost_is_sent_again_by_itself(
    way: Carriage, folder: Served, monkeypatch: pytest.MonkeyPatch, paired_since: bool
) -> None:
    """Nothing changes here: it is asked now and then, and its answer tells."""
    monkeypatch.setattr(presence, "WATCHING_SECONDS", 0.5)
    with stopped(way.receiver) as data:
        subprocess.run(["cp", "-a", data, data.with_name("copy")], check=True)
    if paired_since:
        way.client.run("pair", link_over(way.link, way.receiver))
    change(folder)
    folder.all_there()
    with stopped(way.receiver) as data:
        shutil.rmtree(data)
        data.with_name("copy").rename(data)
    assert (folder.there / "a.txt").read_bytes() == b"first", "the copy is older"
    if paired_since:
        folder.waits_for("not_signed_in")
        way.client.run("pair", link_over(way.link, way.receiver))
    folder.all_there()
    assert not [name for name in tree(folder.there) if "(2)" in name], "nothing is there twice"


@contextmanager
def stopped(receiver: RunningReceiver) -> Iterator[Path]:
    """Its data folder, while nobody works in it."""
    assert receiver.stop() == 0
    yield receiver.data
    receiver.restart()


def link_over(link: FaultyLink, receiver: RunningReceiver) -> str:
    """A new pairing link that leads over `link`."""
    return receiver.new_link().replace(f":{receiver.port}/", f":{link.port}/")


# -- somebody else answers


@contextmanager
def in_place_of_the_receiver(way: Carriage, answer: Callable[[Exchange], None]) -> Iterator[None]:
    """Whoever asks the receiver is answered by `answer`."""
    with cued_receiver() as other:
        other.on("*", ".*", answer)
        way.link.retarget(other.port)
        way.link.cut()
        yield
        way.link.retarget(way.receiver.port)
        way.link.cut()


def test_the_page_of_a_network_that_wants_to_be_signed_in_to_is_named_and_waited_out(
    way: Carriage, folder: Served
) -> None:
    page = b"<html><body>Welcome! Please sign in.</body></html>"
    with in_place_of_the_receiver(way, lambda exchange: exchange.send(200, page, "text/html")):
        change(folder)
        folder.waits_for("captive_portal")
        folder.until(lambda view: "queued" in view.transfers, "what is new waits")
        said = folder.says("later.txt")
        all_say(said, "captive_portal", "A web page came in place", "browser")
    folder.all_there()


@pytest.mark.parametrize(
    ("status", "code", "problem"),
    [
        (429, "too_many_attempts", "too_many_attempts"),
        (503, "unavailable", ""),
    ],
)
def test_a_receiver_that_asks_for_time_gets_it(
    way: Carriage, folder: Served, status: int, code: str, problem: str
) -> None:
    asked: list[float] = []

    def busy(exchange: Exchange) -> None:
        asked.append(time.monotonic())
        exchange.body()
        body = b'{"code": "%s"}' % problem.encode() if problem else b"Later."
        media_type = PROBLEM if problem else "text/plain"
        exchange.send(status, body, media_type, Retry_After=str(ASKED_SECONDS))

    with in_place_of_the_receiver(way, busy):
        change(folder)
        folder.waits_for(code)
        said = folder.says("later.txt")
        for told in (said.folder, said.receiver):
            assert told["code"] == code
            assert PROBLEMS[code].sentence in told["sentence"]
        folder.until(lambda _: asked[-1] - asked[0] > SOON_SECONDS, "it asks again")
    later = min(at for at in asked if at - asked[0] > SOON_SECONDS)
    assert later - asked[0] > ASKED_SECONDS - 0.1, "as much as it asked for"
    folder.all_there()


# -- its certificate


@contextmanager
def over_tls(client: Client, base: Path) -> Iterator[tuple[RunningReceiver, FaultyLink, Served]]:
    """A receiver with a certificate of its own, the way to it, and the folder that is served over it."""
    make(base / "watched", TREE)
    tls = {"HOWDAH_RECEIVER_HOST": "0.0.0.0"}
    with (
        running_receiver(base / "data", env=tls) as receiver,
        FaultyLink(receiver.port) as link,
    ):
        client.run("pair", on_loopback(link, receiver.link))
        there = receiver.data / "files" / "owner" / TARGET
        with served(client, base / "watched", there) as folder:
            yield receiver, link, folder


def says_changed(folder: Served) -> None:
    folder.waits_for("certificate_changed")
    folder.until(lambda view: "queued" in view.transfers, "what is new waits")
    all_say(folder.says("later.txt"), "certificate_changed", "another certificate", "pair again")


def test_a_certificate_that_was_renewed_asks_for_a_new_pairing(
    client: Client, own_machine: Path
) -> None:
    with over_tls(client, own_machine) as (receiver, link, folder):
        with stopped(receiver) as data:
            shutil.rmtree(data / "tls")
        change(folder)
        says_changed(folder)
        client.run("pair", on_loopback(link, receiver.new_link()))
        folder.all_there()


def test_a_certificate_that_somebody_shows_for_a_moment_is_waited_out(
    client: Client, own_machine: Path
) -> None:
    """As a network does that wants to be signed in to."""
    shown = certificate(own_machine, "portal")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(shown.certificate, shown.key)
    with (
        over_tls(client, own_machine) as (receiver, link, folder),
        cued_receiver(tls) as other,
    ):
        link.retarget(other.port)
        link.cut()
        change(folder)
        says_changed(folder)
        assert not other.seen, "nothing was asked, and no token shown"
        link.retarget(receiver.port)
        link.cut()
        folder.all_there()


def on_loopback(link: FaultyLink, pairing: str) -> str:
    return f"howdah://127.0.0.1:{link.port}/pair?{pairing.partition('/pair?')[2]}"
