"""`howdah-receiver link`: an owner sees and ends what is open to people without an account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kit.native import Native
from kit.serving import command, refusal

if TYPE_CHECKING:
    from pathlib import Path

    from kit.receiver import RunningReceiver


def lines(receiver: RunningReceiver, *more: str) -> list[dict[str, object]]:
    done = receiver.run("link", "list", "--data", str(receiver.data), "--json", *more)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_links_are_listed_and_revoked_with_and_without_a_running_receiver(
    receiver: RunningReceiver,
) -> None:
    with Native.paired_with(receiver) as device:
        device.published("a/b\x1b[31m\u202e", b"abc")
        made = [
            device.post(
                "/links", {"kind": "folder", "path": "a", "label": "x", "most_uses": 3}
            ).json,
            device.post(
                "/links", {"kind": "file", "path": "a/b\x1b[31m\u202e", "seconds": 99}
            ).json,
        ]
        assert [line["id"] for line in lines(receiver)] == [one["link"]["id"] for one in made[::-1]]
        first = made[0]["link"]["id"]
        folder = lines(receiver)[1]
        assert (folder["state"], folder["path"], folder["space"], folder["account"]) == (
            "good", "a", "owner", "owner",
        )  # fmt: skip
        shown = receiver.run("link", "list", "--data", str(receiver.data)).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert f"{first[:12]}  folder   good     owner:a (x), by owner, 0 of 3 uses" in shown
        told = receiver.run("link", "revoke", first[:12], "--data", str(receiver.data)).stdout
        assert told == f"Revoked {first}.\n"
        with Native(receiver.url) as stranger:
            gone = stranger.ask("GET", made[0]["url"].removeprefix(receiver.url))
            assert gone.code == "link_not_found"
        assert [line["id"] for line in lines(receiver)] == [made[1]["link"]["id"]]
        assert {line["state"] for line in lines(receiver, "--all")} == {"revoked", "good"}
        receiver.stop()
        assert len(lines(receiver)) == 1
        for one in made:
            assert one["url"].rpartition("/")[2] not in json.dumps(lines(receiver, "--all"))
        second = made[1]["link"]["id"]
        receiver.run("link", "revoke", second, "--data", str(receiver.data))
        assert lines(receiver) == []


def test_what_is_no_link_is_refused(receiver: RunningReceiver) -> None:
    data: Path = receiver.data
    with Native.paired_with(receiver) as device:
        for _ in range(17):  # two of them begin with the same digit
            device.post("/links", {"kind": "folder", "path": ""})
        ids = [str(line["id"]) for line in lines(receiver)]
        several = next(i[0] for i in ids if sum(other[0] == i[0] for other in ids) > 1)
    assert "Several links" in refusal(command("link", "revoke", several, "--data", data))
    for wrong in ("x", "%", "_", "' OR 1=1 --"):
        assert "There is no link" in refusal(command("link", "revoke", wrong, "--data", data))
    assert len(lines(receiver)) == 17
