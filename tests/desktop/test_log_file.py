"""The engine's log: private, bounded, one event a line, without secrets."""

from __future__ import annotations

import logging
import re
import stat
from pathlib import Path

import pytest

from howdah_desktop import log_file
from howdah_desktop.log_file import log_files, logging_to_file
from kit.client import Client
from kit.receiver import RunningReceiver

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARNING|ERROR) howdah_desktop[\w.]*: .+"
)
log = logging.getLogger("howdah_desktop.test")


def lines(home: Path) -> list[str]:
    return [line for path in log_files(home) for line in path.read_text().splitlines()]


def test_it_is_for_its_user_alone(short_path: Path) -> None:
    with logging_to_file(short_path):
        pass
    assert stat.S_IMODE((short_path / "log").stat().st_mode) == 0o700
    assert stat.S_IMODE((short_path / "log/howdah.log").stat().st_mode) == 0o600


def test_an_event_is_a_line_whatever_is_in_it(short_path: Path) -> None:
    with logging_to_file(short_path):
        log.info("path=%s", log_file.quoted('a\nb\x1b[2J\u202egpj \udcff "quoted"'))
        try:
            raise ValueError("in\ntwo lines")
        except ValueError:
            log.exception("went wrong")
    found = lines(short_path)
    assert len(found) == 4
    assert all(LINE.fullmatch(line) for line in found), found
    assert "\\n" in found[1]
    assert "\x1b" not in found[1]
    assert "\u202e" not in found[1]
    assert "Traceback" in found[2]


def test_it_is_bounded(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "FILE_BYTES", 10_000)
    with logging_to_file(short_path):
        for number in range(2_000):
            log.info("number=%d", number)
        log.info("x" * 1_000_000)
    files = log_files(short_path)
    assert [path.name for path in files] == [
        "howdah.log.3", "howdah.log.2", "howdah.log.1", "howdah.log",
    ]  # fmt: skip
    assert sum(path.stat().st_size for path in files) < 5 * 10_000
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_what_looks_like_a_secret_is_not_written(short_path: Path) -> None:
    with logging_to_file(short_path):
        log.warning("Authorization: Bearer abc.def-ghi howdah://h:1/pair?code=AAAA-BBBB-CCCC&tls=0")
    text = "\n".join(lines(short_path))
    assert "abc.def" not in text
    assert "AAAA" not in text


def test_where_there_can_be_none_the_work_goes_on(short_path: Path) -> None:
    (short_path / "log").write_text("a file")
    with logging_to_file(short_path):
        log.info("unheard")
    assert (short_path / "log").read_text() == "a file"


def test_after_it_nothing_is_left_of_it(short_path: Path) -> None:
    ours = logging.getLogger("howdah_desktop")
    before = (ours.level, list(ours.handlers))
    with logging_to_file(short_path):
        assert ours.isEnabledFor(logging.INFO)
    assert (ours.level, list(ours.handlers)) == before


def test_whoever_runs_the_engine_writes_what_went_wrong_and_no_token(
    paired: Client, receiver: RunningReceiver, short_path: Path
) -> None:
    path = short_path / "two\nlines"
    path.write_bytes(b"x")
    done = paired.run("send", path, short_path / "missing", code=1)
    assert done.stderr == ""
    receiver.stop()
    paired.run("send", "--give-up-after", "0", "/etc/hostname", code=4)
    found = lines(paired.home)
    assert all(LINE.fullmatch(line) for line in found), found
    text = "\n".join(found)
    assert "receiver: code=offline" in text
    assert (paired.home / "token").read_text() not in text
    assert text.count("begins: version=") == text.count("ends: pid=") == 2
