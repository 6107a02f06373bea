"""The doctor says what is wrong in the data folder and on the machine, and changes nothing."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from howdah_receiver.care import machine
from kit import proxy
from kit.native import Native, random_content
from kit.receiver import running_receiver
from kit.serving import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def data(short_path: Path) -> Iterator[Path]:
    """What a receiver left that has stopped: a file, and a version of it."""
    with running_receiver(short_path / "data") as receiver:
        with Native.paired_with(receiver) as device:
            device.published("a", random_content(10))
            device.published("a", random_content(20))
        receiver.stop()
        yield receiver.data


def said(data: Path, code: int = 1) -> str:
    done = command("doctor", "--data", data)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def change(data: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.execute(statement, values)


def the_version(data: Path) -> Path:
    (version,) = (data / "versions").iterdir()
    return version


def test_a_version_that_is_gone_is_missed(data: Path) -> None:
    the_version(data).unlink()
    assert "1 versions are gone from versions/." in said(data)


def test_what_belongs_to_no_version_is_named(data: Path) -> None:
    version = the_version(data)
    version.rename(version.with_name("0" * 32))
    told = said(data)
    assert "1 files in versions/ belong to no version." in told
    assert "look before you remove them" in told


def test_the_trash_is_looked_at(data: Path) -> None:
    (data / "trash" / "0123").write_bytes(b"x")
    assert "1 things in trash/ belong to no entry." in said(data)
    (data / "trash" / "0123").unlink()
    space = "(SELECT id FROM spaces LIMIT 1)"
    change(data, f"INSERT INTO trash VALUES ('4567', {space}, 'a', 'file', 1, NULL, NULL, 0, 0)")
    assert "1 entries of the trash are gone from trash/." in said(data)


def test_a_clock_that_was_set_back_shows(data: Path) -> None:
    change(data, "UPDATE changes SET time_ns = ?", time.time_ns() + 3600 * 10**9)
    assert "the clock was set back" in said(data)


def test_a_folder_of_the_receiver_that_is_a_link_is_wrong(data: Path) -> None:
    (data / "versions").rename(data / "elsewhere")
    (data / "versions").symlink_to("elsewhere")
    assert "versions is no folder." in said(data)


def test_an_older_catalogue_is_no_damage(data: Path) -> None:
    change(data, "UPDATE alembic_version SET version_num = '0001'")
    assert "The next start brings an older one up to date." in said(data, code=0)


def test_the_clock_of_a_machine_without_a_battery_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    found = machine.clock()
    assert not found.good
    assert "1970-01-01" in found.sentence


def test_a_disk_with_few_inodes_is_nearly_full(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOW_INODES", 2**63)
    assert any("more files fit" in found.sentence for found in machine.space(data))


# -- TLS


def certificate(folder: Path, days: int) -> tuple[str, ...]:
    """Settings that name a certificate that is good for so long."""
    files = proxy.certificate(folder, days=days)
    files.key.chmod(0o600)
    return (f"certificate_file={files.certificate}", f"key_file={files.key}")


def said_of_tls(data: Path, code: int, *settings: str) -> str:
    flags = [word for setting in settings for word in ("--set", setting)]
    done = command("doctor", "--data", data, *flags)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_owners_certificate_is_looked_at(data: Path, short_path: Path) -> None:
    assert "is good until" in said_of_tls(data, 0, *certificate(short_path, 90))
    assert "That is in 4 days." in said_of_tls(data, 1, *certificate(short_path, 5))
    assert "has expired" in said_of_tls(data, 1, *certificate(short_path, -1))


def test_a_key_that_everybody_may_read_is_found(data: Path, short_path: Path) -> None:
    settings = certificate(short_path, 90)
    next(short_path.glob("*key*")).chmod(0o644)
    assert "Every user may read the key" in said_of_tls(data, 1, *settings)


def test_how_it_is_reached_is_said(data: Path) -> None:
    assert "listens to this machine alone" in said_of_tls(data, 0)
    assert "a proxy stands before it" in said_of_tls(
        data, 0, "tls=off", "host=0.0.0.0", "trusted_proxies=10.0.0.1"
    )
    assert "which clients pin" in said_of_tls(data, 0, "host=0.0.0.0")
