"""`howdah share`: links for people without an account."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
import typer

from howdah_desktop.cli.sharing import seconds_of
from kit.client import howdah
from kit.native import Native

if TYPE_CHECKING:
    from pathlib import Path

    from kit.client import Client
    from kit.receiver import RunningReceiver


@pytest.fixture
def sent(paired: Client, short_path: Path) -> Client:
    """A client that has sent Photos/a.txt."""
    folder = short_path / "Photos"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"abc")
    paired.run("send", folder)
    return paired


def link_in(output: str, receiver: RunningReceiver) -> str:
    (line,) = output.splitlines()
    assert line.startswith(f"{receiver.url}/s/")
    return line.removeprefix(receiver.url)


def test_a_file_and_a_folder_are_shared(sent: Client, receiver: RunningReceiver) -> None:
    file = link_in(sent.run("share", "Photos/a.txt", "--label", "For you").stdout, receiver)
    folder = link_in(sent.run("share", "/Photos/", "--expires", "never").stdout, receiver)
    everything = link_in(sent.run("share", "/").stdout, receiver)
    with Native(receiver.url) as stranger:
        assert stranger.ask("GET", f"{file}/content").body == b"abc"
        assert "For you" in stranger.ask("GET", file).body.decode()
        assert stranger.ask("GET", f"{folder}/files/a.txt").body == b"abc"
        assert stranger.ask("GET", f"{everything}/files/Photos/a.txt").body == b"abc"


def test_what_is_asked_for_is_what_the_link_is(sent: Client, receiver: RunningReceiver) -> None:
    done = sent.run("share", "Photos/a.txt", "--uses", "1", "--expires", "2d", "--json")
    made = json.loads(done.stdout)
    link = made["link"]
    assert (link["kind"], link["most_uses"], link["path"]) == ("file", 1, "Photos/a.txt")
    assert abs(link["expires_ns"] - time.time_ns() - 2 * 24 * 3600 * 10**9) < 10**11
    asked = json.loads(sent.run("share", "Photos", "--request", "--ask-name", "--json").stdout)
    assert (asked["link"]["kind"], asked["link"]["asks_name"]) == ("request", True)
    with Native(receiver.url) as stranger:
        page = stranger.ask("GET", asked["url"].removeprefix(receiver.url)).body.decode()
    assert "Your name" in page


def test_a_password_is_read_and_never_an_argument(sent: Client, receiver: RunningReceiver) -> None:
    done = howdah("share", "Photos/a.txt", "--password", home=sent.home, input="secret\n")
    assert done.returncode == 0, done.stderr
    link = link_in(done.stdout, receiver)
    with Native(receiver.url) as stranger:
        assert stranger.ask("GET", f"{link}/content").code == "link_password"
        given = {"Howdah-Link-Password": "secret"}
        assert stranger.ask("GET", f"{link}/content", headers=given).body == b"abc"
    short = howdah("share", "Photos/a.txt", "--password", home=sent.home, input="abc\n")
    assert (short.returncode, "at least 4" in short.stderr) == (1, True)


def test_what_makes_no_sense_is_said(sent: Client) -> None:
    assert "no such file" in sent.run("share", "Photos/b", code=1).stderr
    assert "no such file" in sent.run("share", "Photos/a.txt", "--request", code=1).stderr
    assert "--ask-name" in sent.run("share", "Photos", "--ask-name", code=2).stderr
    assert "is no time" in sent.run("share", "Photos", "--expires", "soon", code=2).stderr
    sent.run("share", "Photos", "--uses", "0", code=2)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("4W", 2_419_200), ("never", None)],
)
def test_a_span_of_time(words: str, seconds: int | None) -> None:
    assert seconds_of(words) == seconds


@pytest.mark.parametrize("words", ["", "7", "d", "0d", "-1d", "1.5h", "7 d x", "1234567d"])
def test_what_is_no_span_of_time(words: str) -> None:
    with pytest.raises(typer.BadParameter):
        seconds_of(words)
