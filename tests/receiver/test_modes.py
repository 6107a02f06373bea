"""Mode and group of what is made in `files/`, for other programs on the same disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from howdah_receiver.app import Receiver
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from kit.direct import Direct

if TYPE_CHECKING:
    from pathlib import Path


def test_new_files_and_folders_have_the_mode_that_was_set(short_path: Path) -> None:
    receiver = Receiver(Settings(data=short_path / "data", files_mode="0660", files_umask="0007"))
    try:
        here = Direct(receiver)
        here.publish("a/b", b"x")
        top = here.data / "files/owner"
        assert oct((top / "a/b").stat().st_mode)[-4:] == "0660"
        assert oct((top / "a").stat().st_mode)[-4:] == "0770"
    finally:
        receiver.stop()


def test_a_group_gets_through_to_the_files_and_to_nothing_else(short_path: Path) -> None:
    group = os.getgid()
    data = short_path / "data"
    receiver = Receiver(Settings(data=data, files_group=str(group), files_umask="0007"))
    try:
        Direct(receiver).publish("a/b", b"x")
        folder = (data / "files/owner/a").stat()
        assert (folder.st_gid, oct(folder.st_mode)[-4:]) == (group, "2770")
        assert {oct(place.stat().st_mode)[-3:] for place in (data, data / "files")} == {"710"}
        for place in data.iterdir():
            if place.name != "files" and not place.name.startswith("catalogue.sqlite3-"):
                assert place.stat().st_mode & 0o077 == 0, place
    finally:
        receiver.stop()


@pytest.mark.parametrize(
    "settings",
    [{"files_group": "no-such-group-here"}, {"files_mode": "0440"}, {"files_mode": "nonsense"},
     {"files_umask": "0777"}],
)  # fmt: skip
def test_modes_that_cannot_be_are_refused_at_the_start(
    short_path: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(StartRefused):
        Receiver(Settings(data=short_path / "data", **settings)).stop()
