"""The way of other systems, by watchdog's observers, tells the same; tried with the one of this system."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from howdah_desktop.folders import hints as hints_module
from howdah_desktop.folders import observer_source, probe, source
from howdah_desktop.folders.hints import Closed, Dirty, Mode
from howdah_desktop.folders.observer_source import ObserverSource
from kit.heard import closed, dirty, until, watching


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(hints_module, "SystemSource", ObserverSource)
    folder = tmp_path / "root"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "home").mkdir()
    return folder


def test_files_and_folders_are_told(root: Path) -> None:
    with watching(root) as (hints, heard):
        assert hints.mode is Mode.EVENTS
        (root / "a" / "b" / "x").write_text("x")
        heard.wait_for(*dirty("a/b"), *closed("a/b/x"))
        (root / "a" / "b" / "x").rename(root / "y")
        heard.wait_for(*dirty("a/b", ""))
        (root / "n" / "o").mkdir(parents=True)
        heard.wait_for(*dirty("", "n", "n/o"))
        shutil.rmtree(root / "a")
        heard.wait_for(*dirty("a", ""))
        assert not any(b"probe" in hint.path for hint in heard.hints if isinstance(hint, Closed))


def test_looking_changes_nothing_and_our_own_folder_is_not_told_of(root: Path) -> None:
    with watching(root, own_folder=os.fsencode(root / "home")) as (_, heard):
        (root / "a" / "old").write_text("x")
        heard.wait_for(*closed("a/old"))
        heard.forget()
        (root / "a" / "old").read_text()
        (root / "home" / "ledger").write_text("x")
        (root / "home, sweet").write_text("x")
        heard.wait_for(*closed("home, sweet"))
        assert Dirty(b"home") not in heard.hints
        assert Dirty(b"a") not in heard.hints


def test_a_root_that_goes_and_comes_back_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.1)
    with watching(root) as (hints, heard):
        root.rename(root.parent / "away")
        heard.wait_for_doubt("not there")
        (root.parent / "away").rename(root)
        until(lambda: hints.mode is Mode.EVENTS)
        (root / "x").write_text("x")
        heard.wait_for(*closed("x"))


def test_a_place_that_tells_nothing_is_polled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ObserverSource, "on_any_event", lambda self, event: None)
    with watching(root, probe_seconds=0.1) as (hints, _):
        assert hints.mode is Mode.POLLING
        assert "reports no changes" in hints.why
    assert not [name for name in os.listdir(root) if "probe" in name]


def test_a_network_drive_is_polled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "kind_at", lambda path: "nfs4")
    with watching(root) as (hints, _):
        assert hints.mode is Mode.POLLING


def test_an_observer_that_cannot_start_polls_with_the_line_that_helps(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def schedule(self, *_: object, **__: object) -> None:
            raise OSError(28, "inotify watch limit reached")

        def is_alive(self) -> bool:
            return False

    monkeypatch.setattr(observer_source, "Observer", Broken)
    with watching(root) as (hints, _):
        assert hints.mode is Mode.POLLING
        assert "sudo sysctl fs.inotify.max_user_watches=" in hints.why
