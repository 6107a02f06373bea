"""`howdah-receiver account`, `invite`, `space`, `device` and `pair`, as their owner types them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from howdah_receiver.cli.app import app
from howdah_receiver.errors import StartRefused
from kit.native import Native
from kit.people import PASSWORD
from kit.processes import PATIENCE_SECONDS
from kit.receiver import PROGRAM, RunningReceiver, running_receiver
from kit.serving import command, refusal

if TYPE_CHECKING:
    from pathlib import Path


def run(data: Path, *words: str, given: str = "") -> str:
    """What the command prints; it must succeed. In this process: each of its own costs a second."""
    done = CliRunner().invoke(app, [*words, "--data", str(data)], input=given)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def refused(data: Path, *words: str) -> str:
    """The sentence of a refusal."""
    done = CliRunner().invoke(app, [*words, "--data", str(data)])
    assert isinstance(done.exception, StartRefused), (done.output, done.exception)
    assert done.exception.remedy.endswith(".")
    return done.exception.sentence


def listed(data: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(data, *words, "--json"))
    return found


def log_in(receiver: RunningReceiver, name: str, password: str = PASSWORD) -> int:
    with Native(receiver.url) as stranger:
        return stranger.post("/auth/login", {"email": name, "password": password}).status


def test_an_account_from_its_beginning_to_its_end(shared: RunningReceiver) -> None:
    data = shared.data
    run(data, "account", "add", "ann", "--email", "ann@example.org", "--password-stdin",
        given=f"{PASSWORD}\n")  # fmt: skip
    assert log_in(shared, "ann") == 200
    run(data, "account", "password", "ann", "--password-stdin", given="another four words here\n")
    assert log_in(shared, "ann") == 401
    assert log_in(shared, "ann@example.org", "another four words here") == 200
    run(data, "account", "quota", "ann", "--bytes", "5 GB", "--files", "100")
    run(data, "account", "role", "ann@example.org", "admin")
    (ann,) = [one for one in listed(data, "account", "list") if one["name"] == "ann"]
    assert (ann["quota_bytes"], ann["quota_files"], ann["role"]) == (5 * 10**9, 100, "admin")
    run(data, "account", "quota", ann["id"], "--bytes", "none")
    run(data, "account", "disable", "ann")
    assert log_in(shared, "ann", "another four words here") == 401
    line = run(data, "account", "enable", "ann")
    assert line.split("\t")[:4] == ["ann", "ann@example.org", "admin", "no"]
    assert log_in(shared, "ann", "another four words here") == 200
    run(data, "account", "role", "ann", "member")


def test_a_password_is_never_an_argument_and_never_shown(
    shared: RunningReceiver, folder: str
) -> None:
    """Asked for on the terminal, twice, without being seen."""
    controller, terminal = pty.openpty()
    words = [*PROGRAM, "account", "add", folder, "--data", str(shared.data)]
    try:
        process = subprocess.Popen(
            words, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
        )
        os.close(terminal)
        shown = b""
        for prompt in (b"Password: ", b"Again: "):
            while not shown.endswith(prompt):
                shown += os.read(controller, 1000)
            os.write(controller, f"{PASSWORD}\n".encode())
        try:
            while piece := os.read(controller, 1000):
                shown += piece
        except OSError:
            pass  # the other end is closed
        assert process.wait(PATIENCE_SECONDS) == 0, shown
    finally:
        os.close(controller)
    assert PASSWORD.encode() not in shown
    assert folder.encode() in shown
    assert log_in(shared, folder) == 200
    refused = command("account", "add", "x", "--data", shared.data)
    assert "no terminal" in refusal(refused)


def test_a_space_from_its_beginning_to_its_members(shared: RunningReceiver, folder: str) -> None:
    data = shared.data
    run(data, "account", "add", folder, "--no-password")
    run(data, "space", "add", f"{folder} photos", "--owner", folder, "--case-fold")
    run(data, "space", "role", f"{folder} photos", "owner", "reader")
    members = listed(data, "space", "members", f"{folder} photos")
    assert {one["name"]: one["role"] for one in members} == {folder: "owner", "owner": "reader"}
    run(data, "space", "role", f"{folder} photos", "owner", "none")
    assert run(data, "space", "members", f"{folder} photos").split("\t")[:2] == [folder, "owner"]
    run(data, "space", "quota", f"{folder} photos", "--bytes", "1 TiB")
    run(data, "space", "case-fold", f"{folder} photos", "off")
    (space,) = [one for one in listed(data, "space", "list") if one["name"] == f"{folder} photos"]
    assert (space["quota_bytes"], space["case_fold"], space["kind"]) == (1024**4, False, "shared")
    assert "no owner" in refused(data, "space", "role", space["id"], folder, "none")


def test_a_device_is_paired_for_an_account_named_and_revoked(
    shared: RunningReceiver, folder: str
) -> None:
    data = shared.data
    run(data, "account", "add", folder, "--no-password")
    run(data, "space", "add", f"{folder} in", "--owner", folder)
    link = run(data, "pair", "--account", folder, "--space", f"{folder} in", "--send-only").strip()
    with Native.paired_with(shared, link) as camera:
        assert camera.published("a", b"abc")["path"] == "a"
        assert camera.get("/files").status == 404
        (device,) = listed(data, "device", "list", "--account", folder)
        assert (device["send_only"], device["account"]) == (True, folder)
        assert device["address"] == "127.0.0.1"
        run(data, "device", "rename", device["id"], "camera at the door")
        run(data, "device", "alarm", device["id"], "12")
        line = run(data, "device", "list", "--account", folder)
        assert line.split("\t")[:4] == ["camera at the door", folder, "paired", "yes"]
        assert listed(data, "device", "alarm", device["id"], "off")[0]["alarm_hours"] is None
        run(data, "device", "revoke", device["id"])
        assert camera.uploads().status == 401
    assert listed(data, "device", "list", "--account", folder) == []


def test_an_invitation_is_printed_listed_and_taken_back(
    shared: RunningReceiver, folder: str
) -> None:
    data, email = shared.data, f"{folder}@example.org"
    code = run(data, "invite", "--email", email).strip()
    assert len(code) == 39
    (invitation,) = [one for one in listed(data, "invite", "--list") if one["email"] == email]
    run(data, "invite", "--revoke", invitation["id"])
    with Native(shared.url) as stranger:
        message = {"email": email, "password": PASSWORD, "invitation": code}
        assert stranger.post("/auth/signup", message).code == "invitation_refused"
    assert email not in run(data, "invite", "--list")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("account", "disable", "nobody"), "There is no account 'nobody'"),
        (("account", "disable", "owner"), "Nobody else could look after this receiver"),
        (("account", "quota", "owner", "--bytes", "many"), "is no size"),
        (("account", "quota", "owner", "--files", "-1"), "is no number of files"),
        (("account", "add", "a@b", "--no-password"), "cannot be a name"),
        (("space", "members", "nowhere"), "There is no space 'nowhere'"),
        (("space", "role", "owner", "nobody", "reader"), "There is no account 'nobody'"),
        (("device", "revoke", "nothing"), "There is no such device"),
        (("device", "alarm", "nothing", "0"), "is no number of hours"),
        (("invite", "--revoke", "nothing"), "There is no such invitation"),
        (("invite", "--space", "owner"), "A home has one member"),
        (("pair", "--account", "nobody"), "There is no account 'nobody'"),
        (("pair", "--space", "nowhere"), "There is no space 'nowhere'"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else None,
)
def test_what_cannot_be_is_a_sentence(
    shared: RunningReceiver, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(shared.data, *words)


def test_spaces_of_one_name_are_told_apart_by_their_ids(
    shared: RunningReceiver, folder: str
) -> None:
    ids = {listed(shared.data, "space", "add", folder)[0]["id"] for _ in range(2)}
    found = refused(shared.data, "space", "members", folder)
    assert f"There are 2 spaces named '{folder}'" in found
    assert run(shared.data, "space", "members", ids.pop())


def test_a_name_that_plays_with_the_terminal_is_one_line(shared: RunningReceiver) -> None:
    with Native.paired_with(shared, shared.new_link()) as device:
        (own,) = [one for one in device.get("/devices").json["devices"] if one.get("own")]
    run(shared.data, "device", "rename", own["id"], "\x1b[2Jtwo\nlines\u202e")
    lines = run(shared.data, "device", "list").splitlines()
    assert [line.split("\t")[0] for line in lines if own["id"] in line] == ["[2Jtwolines"]


def test_commands_work_while_no_receiver_runs(short_path: Path) -> None:
    data = short_path / "data"
    with running_receiver(data) as receiver:
        receiver.stop()
        run(data, "account", "add", "ann", "--password-stdin", given=f"{PASSWORD}\n")
        assert "ann" in run(data, "account", "list")
        run(data, "space", "add", "shared", "--owner", "ann")
        assert "No receiver is running" in refused(data, "pair", "--account", "ann")
        receiver.restart()
        assert log_in(receiver, "ann") == 200
    nothing = short_path / "nothing"
    assert "There is no data folder" in refused(nothing, "account", "list")
    assert not nothing.exists()


def test_a_refusal_is_a_sentence_and_a_remedy_for_whoever_types(shared: RunningReceiver) -> None:
    done = command("account", "disable", "owner", "--data", shared.data)
    assert "Nobody else could look after this receiver" in refusal(done)
