"""What `make wheel` makes is what a user gets."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "howdah_common": ROOT / "common" / "howdah_common",
    "howdah_receiver": ROOT / "receiver" / "howdah_receiver",
    "howdah_desktop": ROOT / "desktop" / "howdah_desktop",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel, built with the locked parts from a copy: nothing is fetched, nothing left here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for part in ("common", "receiver", "desktop"):
        shutil.copytree(ROOT / part, source / part)
    for file in ROOT.iterdir():
        if file.suffix in {".toml", ".md"} or file.name in {"LICENSE", ".gitignore"}:
            shutil.copy(file, source)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    (built,) = folder.glob("howdah-*-py3-none-any.whl")
    return zipfile.Path(built)


def test_the_wheel_holds_the_three_packages_and_its_metadata(wheel: zipfile.Path) -> None:
    (information,) = (name.name for name in wheel.iterdir() if name.name.endswith(".dist-info"))
    assert information.startswith("howdah-")
    assert {name.name for name in wheel.iterdir()} == {*PACKAGES, information}


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: zipfile.Path) -> None:
    here = {
        f"{package}/{file.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    # zipfile.Path adds the folders, which the archive itself does not name.
    names = {name for name in wheel.root.namelist() if not name.endswith("/")}
    there = {name for name in names if not name.startswith("howdah-")}
    assert there == here


def test_the_wheel_brings_both_commands_and_the_licence(wheel: zipfile.Path) -> None:
    (information,) = (name for name in wheel.iterdir() if name.name.endswith(".dist-info"))
    commands = ConfigParser()
    commands.read_string((information / "entry_points.txt").read_text())
    assert dict(commands["console_scripts"]) == {
        "howdah": "howdah_desktop.cli:main",
        "howdah-receiver": "howdah_receiver.cli:main",
    }
    assert "The Howdah authors" in (information / "licenses" / "LICENSE").read_text()
