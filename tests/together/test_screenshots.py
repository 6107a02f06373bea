"""The pictures of the window: that the script which takes them still reaches its scenes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kit.xvfb import MISSING, has_xvfb

SCRIPT = Path(__file__).with_name("screenshots.py")
SECONDS = 50.0
PNG = b"\x89PNG\r\n\x1a\n"


def run(*words: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=None if path is None else {"PATH": path},
        check=False,
    )


@pytest.mark.skipif(not has_xvfb(), reason=MISSING)
def test_first_run_and_empty_window_are_photographed_light_and_dark(short_path: Path) -> None:
    pictures = short_path / "pictures"
    done = run("first", "empty", "--scale", "1", "--to", pictures)
    assert done.returncode == 0, done.stdout + done.stderr
    names = [
        f"{scene}-{scheme}-1x.png" for scene in ("first", "empty") for scheme in ("light", "dark")
    ]
    assert [line.split()[0] for line in done.stdout.splitlines()] == names
    taken = [(pictures / name).read_bytes() for name in names]
    assert all(picture.startswith(PNG) for picture in taken)
    assert len(set(taken)) == len(names)


@pytest.mark.skipif(not has_xvfb(), reason=MISSING)
def test_a_scene_that_does_not_exist_is_said(short_path: Path) -> None:
    done = run("sunset", "--scale", "1", "--to", short_path)
    assert done.returncode == 1
    assert "there is no scene 'sunset'" in done.stderr


def test_without_xvfb_there_is_one_sentence(short_path: Path) -> None:
    done = run("--to", short_path, path=str(short_path))
    assert done.returncode == 1
    assert done.stderr.startswith("screenshots: the pictures need Xvfb")
    assert len(done.stderr.splitlines()) == 1
