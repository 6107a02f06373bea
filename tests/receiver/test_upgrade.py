"""Before an upgrade the catalogue is copied; whatever happens in between, a start finds the old shape or the
new one, and the copy is whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from howdah_receiver.catalogue import copies, migrate
from howdah_receiver.catalogue.copies import copy, kept
from howdah_receiver.errors import StartRefused
from kit import diskshim
from kit.processes import PATIENCE_SECONDS
from kit.receiver import running_receiver
from kit.serving import command, refusal

if TYPE_CHECKING:
    from pathlib import Path

NAME = "catalogue.sqlite3"
NEXT = "9001"
AFTER = "9002"
REVISION = """
from alembic import op
revision, down_revision = {revision!r}, {before!r}
def upgrade() -> None:
    op.execute("CREATE TABLE added_{revision} AS SELECT * FROM meta")
    op.execute("UPDATE accounts SET name = name || ' {revision}'")
"""
MIGRATE = """
import sys
from pathlib import Path
from howdah_receiver.catalogue import migrate
migrate.MIGRATIONS, migrate.HEAD = Path(sys.argv[1]), sys.argv[2]
migrate.migrate(Path(sys.argv[3]))
"""

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def today(short_root: Path) -> Path:
    """A data folder as this version leaves it."""
    data = short_root / "today"
    with running_receiver(data) as receiver:
        assert receiver.stop() == 0
    return data


@pytest.fixture
def data(today: Path, short_path: Path) -> Path:
    return shutil.copytree(today, short_path / "data")


@pytest.fixture
def newer(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version that has two revisions more; the first is its newest."""
    folder = shutil.copytree(migrate.MIGRATIONS, short_path / "migrations")
    for revision, before in ((NEXT, migrate.HEAD), (AFTER, NEXT)):
        text = REVISION.format(revision=revision, before=before)
        (folder / "versions" / f"{revision}_more.py").write_text(text)
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "HEAD", AFTER)
    return folder


def revision_of(catalogue: Path) -> str:
    """Its revision; it must be whole."""
    with closing(sqlite3.connect(catalogue)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def names(data: Path) -> set[str]:
    return {path.name for path in data.glob(f"{NAME}*")}


@pytest.mark.usefixtures("newer")
def test_a_copy_is_kept_before_an_upgrade(data: Path) -> None:
    before = revision_of(data / NAME)
    migrate.migrate(data)
    assert revision_of(data / NAME) == AFTER
    copied = data / f"{NAME}.before-{AFTER}"
    assert kept(data / NAME) == [copied]
    assert revision_of(copied) == before
    assert copied.stat().st_mode & 0o777 == 0o600
    assert names(data) == {NAME, copied.name}


@pytest.mark.usefixtures("newer")
def test_a_copy_can_be_put_back_as_it_is(data: Path) -> None:
    migrate.migrate(data)
    (data / f"{NAME}.before-{AFTER}").replace(data / NAME)
    with running_receiver(data) as receiver:  # this version, without the revisions
        assert receiver.link


def test_a_new_catalogue_is_no_upgrade(short_path: Path) -> None:
    with running_receiver(short_path / "data") as receiver:
        assert receiver.stop() == 0
    assert names(short_path / "data") == {NAME}


@pytest.mark.usefixtures("newer")
def test_nothing_is_copied_where_nothing_is_upgraded(data: Path) -> None:
    migrate.migrate(data)
    copied = (data / f"{NAME}.before-{AFTER}").stat()
    migrate.migrate(data)
    assert (data / f"{NAME}.before-{AFTER}").stat() == copied


def test_the_two_newest_copies_are_kept(data: Path, newer: Path) -> None:
    for number, name in enumerate(("0002", "0003", "0004")):
        old = data / f"{NAME}.before-{name}"
        old.write_bytes(b"old")
        os.utime(old, (number, number))
    half = data / f"{NAME}.before-0004.new"
    half.write_bytes(b"half")
    migrate.migrate(data)
    assert names(data) == {NAME, f"{NAME}.before-0004", f"{NAME}.before-{AFTER}"}


@pytest.mark.usefixtures("newer")
def test_without_room_nothing_is_changed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (data / NAME).read_bytes()
    usage = Usage(10**9, 10**9, 1000)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(StartRefused, match=r"0 MB free of the .* MB"):
            migrate.migrate(data)
    assert (data / NAME).read_bytes() == before
    assert names(data) == {NAME}


@pytest.mark.usefixtures("newer")
def test_a_copy_that_fails_is_a_sentence_and_nothing_is_changed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(copies, "_fsync", broken)
        with pytest.raises(StartRefused, match=r"cannot be copied .* Input/output error"):
            migrate.migrate(data)
    assert revision_of(data / NAME) == migrate_head()
    assert names(data) == {NAME}


def migrate_head() -> str:
    """The newest revision of this version."""
    return max(path.name[:4] for path in migrate.MIGRATIONS.glob("versions/0*.py"))


@pytest.mark.usefixtures("newer")
def test_a_newer_catalogue_is_refused_with_the_way_back(data: Path) -> None:
    migrate.migrate(data)
    done = command("serve", "--data", data, "--port", "0")
    assert f"newer version (revision {AFTER})" in refusal(done)
    assert f"{NAME}.before-{AFTER}: docs/install.md says how to go back" in done.stderr


def test_a_copy_is_of_one_moment_while_others_write(data: Path, short_path: Path) -> None:
    catalogue = data / NAME
    with closing(sqlite3.connect(catalogue)) as writer:
        writer.execute("CREATE TABLE two (a INTEGER, b INTEGER)")
        writer.execute("INSERT INTO two VALUES (1, 1)")
        writer.commit()
        writer.execute("UPDATE two SET a = 2, b = 2")  # not committed
        copy(catalogue, short_path / "copy")
        writer.commit()
    with closing(sqlite3.connect(short_path / "copy")) as made:
        assert made.execute("SELECT * FROM two").fetchall() == [(1, 1)]
        assert made.execute("PRAGMA journal_mode").fetchone() == ("delete",)


# -- kills


@pytest.mark.skipif(not diskshim.can_build(), reason="needs Linux and gcc for the disk shim")
def test_a_kill_at_any_point_finds_the_old_shape_or_the_new(
    data: Path, newer: Path, short_path: Path
) -> None:
    before = migrate_head()

    def upgrade(folder: Path, **orders: object) -> int:
        environment = diskshim.environment(folder, **orders)  # type: ignore[arg-type]
        return subprocess.run(
            [sys.executable, "-c", MIGRATE, newer, AFTER, folder],
            env=os.environ | environment,
            timeout=PATIENCE_SECONDS,
            capture_output=True,
            check=False,
        ).returncode

    count = short_path / "count"
    assert upgrade(shutil.copytree(data, short_path / "counted"), count=count) == 0
    calls = diskshim.read_calls(count)
    found = []
    # Every change of a name, and some of the others.
    for call in calls:
        if call.kind != "name" and call.index % (len(calls) // 8) != 1:
            continue
        folder = shutil.copytree(data, short_path / f"killed {call.index}")
        assert upgrade(folder, kill=(call.index, "before")) != 0
        found.append(revision_of(folder / NAME))
        copied = folder / f"{NAME}.before-{AFTER}"
        if copied.exists():
            assert revision_of(copied) == before
        else:
            assert found[-1] == before
        migrate.migrate(folder)  # the next start
        assert revision_of(folder / NAME) == AFTER
        assert revision_of(copied) == before
        assert not list(folder.glob("*.new*"))
    assert found == sorted(found)
    assert set(found) == {before, AFTER}
