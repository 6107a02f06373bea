"""A report tells what is needed to help, and neither secrets nor who and where somebody is."""

from __future__ import annotations

import logging
import os
import platform
import re
import stat
import zipfile
from pathlib import Path

import pytest

from howdah_desktop.bug_report.names import Names
from howdah_desktop.bug_report.redaction import Redactor
from howdah_desktop.log_file import logging_to_file, quoted
from kit.client import Client
from kit.receiver import RunningReceiver

log = logging.getLogger("howdah_desktop.test")


def test_known_words_are_replaced_whole_and_the_longest_first() -> None:
    redact = Redactor({"/home/anna": "~", "anna": "<user>", "/home/anna/.howdah": "<howdah-home>"})
    told = redact.text("/home/anna/.howdah/log /home/anna/x anna@pc hannah annas anna")
    assert told == "<howdah-home>/log ~/x <user>@pc hannah annas <user>"


def test_the_same_thing_is_always_the_same_word() -> None:
    redact = Redactor({})
    first = redact.text("https://nas.example:8484/x 10.0.0.7 fe80::1 a@b.example /home/bo/x")
    assert first == "https://<host-1>:8484/x <address-1> <address-2> <email-1> /home/<user-1>/x"
    assert redact.text("10.0.0.8 10.0.0.7 http://nas.example") == (
        "<address-3> <address-1> http://<host-1>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "http://127.0.0.1:8",
        "::1",
        "0.0.0.0",
        "10:41:02",
        "1.2.3",
        "std::vector",
        "x:y:z",
    ],
)
def test_what_tells_nothing_stays(text: str) -> None:
    assert Redactor({}).text(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "howdah://h:1/pair?code=AB12-CD34-EF56&tls=0",
            "howdah://<host-1>:1/pair?code=<code>&tls=0",
        ),
        ("Authorization: Bearer abc.def", "Authorization: Bearer <token>"),
        ("/s/abcdefghijklmnop/zip", "/s/<secret>/zip"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, told: str) -> None:
    assert Redactor({}).text(text) == told


def test_hashed_names_keep_what_lies_together_and_how_names_end() -> None:
    names = Names(b"k" * 32)
    first, second = names.path("/a/b/one.jpg"), names.path("/a/b/two.jpg")
    assert first != second
    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert first.endswith(".jpg")
    assert names.path("/a/b/one.jpg") == first
    assert Names(b"l" * 32).path("/a/b/one.jpg") != first
    assert re.fullmatch(r"/[0-9a-f]{8}", names.path("/x.secretsuffix"))


def test_a_line_of_the_log_keeps_its_fields_without_names() -> None:
    names = Names(b"k" * 32)
    line = f"x: transfer=1 detail={quoted('It is /a/secret.')} path={quoted('/a/se cret')} code=y"
    told = names.line(line)
    assert "secret" not in told
    assert "se cret" not in told
    assert told.startswith("x: transfer=1 detail=<hidden> path=")
    assert told.endswith(" code=y")


def report(client: Client, *more: str) -> dict[str, str]:
    target = client.home.parent / "report.zip"
    client.run("export-log", target, *more)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("hide", [False, True])
def test_a_report_holds_none_of_the_secrets_that_were_used(
    client: Client, receiver: RunningReceiver, short_path: Path, hide: bool
) -> None:
    user, device, phrase = "annabell", "Annabells Laptop 77", "resignation letter"
    client.env |= {"LOGNAME": user, "HOWDAH_DEVICE_NAME": device}
    home = short_path / "home" / "of" / user
    home.mkdir(parents=True)
    client.env["HOME"] = str(home)
    link = receiver.link
    client.run("pair", link)
    path = home / f"{phrase}.pdf"
    path.write_bytes(b"x")
    client.run("send", path, home / f"missing {phrase}.txt", code=1)
    client.run("free", path, "--delete")
    token = (client.home / "token").read_text()
    code = re.findall(r"code=([A-Z0-9-]+)", link)[0]
    with logging_to_file(client.home):
        log.info("asked https://nas.example.org:8484 at 10.20.30.40 token=%s %s", token, link)
        try:
            (home / f"{phrase} of {user}").read_bytes()
        except OSError:
            log.exception("in a working thread")
    parts = report(client, *(["--hide-names"] if hide else []))
    assert {"report.txt", "howdah.log"} <= set(parts)
    text = "\n".join(parts.values())
    secrets = [token, code, user, device, str(home), str(client.home), platform.node()]
    secrets += ["nas.example.org", "10.20.30.40", f"127.0.0.1:{receiver.port}"]
    secrets += [phrase] if hide else []
    for secret in secrets:
        assert secret not in text, secret
    # And it still tells what is needed.
    assert "== Doctor" in text
    assert "freed" in text
    assert "code=source_missing" in text
    assert "FileNotFoundError" in text
    assert "<token>" in text
    assert "<receiver>" in text
    assert (phrase in text) != hide


def test_a_text_in_place_of_a_zip(paired: Client, short_path: Path) -> None:
    target = short_path / "report.txt"
    told = paired.run("export-log", target).stdout
    assert f"Written: {target}" in told
    assert "--hide-names" in told
    assert target.read_text().startswith("===== report.txt\nHowdah report of ")
    assert paired.run("export-log", "-").stdout.startswith("===== report.txt\n")


def test_without_a_pairing_and_a_ledger_there_is_a_report_as_well(client: Client) -> None:
    assert "not_paired" not in os.environ
    assert "paired with no receiver" in report(client)["report.txt"]
