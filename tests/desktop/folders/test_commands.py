"""`howdah watch` and `howdah explain` as somebody types them, mistakes included."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kit.client import Client


def test_without_a_receiver_it_says_how_to_pair(client: Client, short_path: Path) -> None:
    said = client.run("watch", "add", short_path / "home", code=3)
    assert "howdah pair" in said.stderr
    assert "No folder is watched" in client.run("watch", "list").stderr


def test_what_cannot_be_watched_is_said_with_what_to_do(paired: Client, short_path: Path) -> None:
    folder = short_path / "watched"
    (folder / "inside").mkdir(parents=True)
    (folder / "file").write_bytes(b"x")
    for wrong in (short_path / "missing", folder / "file"):
        said = paired.run("watch", "add", wrong, code=1)
        assert "folder_not_there" in said.stderr
        assert str(wrong) in said.stderr
    paired.run("watch", "add", folder)
    for wrong in (folder, folder / "inside"):
        said = paired.run("watch", "add", wrong, code=1)
        assert "folder_watched" in said.stderr
        assert str(folder) in said.stderr


def test_a_folder_whose_growing_files_are_followed_is_shown_as_one(
    paired: Client, short_path: Path
) -> None:
    for name, words in (("recordings", ["--follow"]), ("papers", [])):
        (short_path / name).mkdir()
        paired.run("watch", "add", short_path / name, *words)
    shown = [json.loads(line) for line in paired.run("watch", "list", "--json").stdout.splitlines()]
    assert [folder["follow"] for folder in shown] == [True, False]
    first, second = (
        line for line in paired.run("watch", "list").stdout.splitlines() if "->" in line
    )
    assert first.endswith("(backup, growing files are followed)")
    assert second.endswith("(backup)")


def test_it_is_paused_for_a_time_and_removed_and_explain_tells(
    paired: Client, short_path: Path
) -> None:
    folder = short_path / "watched"
    folder.mkdir()
    paired.run("watch", "add", folder)
    assert "folder_unknown" in paired.run("watch", "pause", "7", code=1).stderr
    assert "30m" in paired.run("watch", "pause", "1", "--for", "soon", code=2).stderr
    paired.run("watch", "pause", folder, "--for", "1h")
    (shown,) = paired.run("watch", "list", "--json").stdout.splitlines()
    assert json.loads(shown)["state"] == "paused"
    later = folder / "later"
    later.write_bytes(b"x")
    assert "Paused by you" in paired.run("explain", later, code=1).stdout
    paired.run("watch", "remove", "1")
    assert "folder_unknown" in paired.run("watch", "remove", "1", code=1).stderr
    assert "in no watched folder" in paired.run("explain", later, code=1).stdout
