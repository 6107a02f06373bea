"""What programs and people really do in a watched folder: the right end, and no noise on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.engine.explaining import explain_path
from howdah_desktop.folders.watched import FolderSettings
from kit.watching import make, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.folders.conftest import Life
    from kit.watching import Watching

OLD = b"as it was\n" * 100
NEW = b"as it is now\n" * 100


@pytest.fixture
def local(short_path: Path) -> Path:
    return short_path / "watched"


# ---- editors


def vim_with_backup(path: Path, text: bytes) -> None:
    """With a swap file while it is open; the old file becomes `name~`, a new one takes its name."""
    swap = path.with_name(f".{path.name}.swp")
    swap.write_bytes(b"b0VIM 9.0" + bytes(4096))
    probe = path.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_bytes(text)
    swap.unlink()


def vim_without_backup(path: Path, text: bytes) -> None:
    vim_with_backup(path, text)
    path.with_name(f"{path.name}~").unlink()


def libreoffice(path: Path, text: bytes) -> None:
    """A lock while it is open; written beside it under a name of its own, then renamed over it."""
    lock = path.with_name(f".~lock.{path.name}#")
    lock.write_bytes(b",user,host,29.11.2026 12:00,file:///home/user/.config;")
    beside = path.with_name("lu3841tqx2.tmp")
    with beside.open("wb", buffering=0) as file:
        for at in range(0, len(text), 100):
            file.write(text[at : at + 100])
        os.fsync(file.fileno())
    beside.replace(path)
    lock.unlink()


def atomic(path: Path, text: bytes) -> None:
    """As GNOME's programs, and most that know better."""
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=".goutputstream-", delete=False
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def in_place(path: Path, text: bytes) -> None:
    """Emptied, then written, as nano does."""
    with path.open("wb", buffering=0) as file:
        file.write(text[:10])
        file.write(text[10:])


def emacs(path: Path, text: bytes) -> None:
    """A lock that is a link to nowhere, what it saved by itself, and a copy of what was there."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("user@host.1234:1790000000")
    saved = path.with_name(f"#{path.name}#")
    saved.write_bytes(text)
    shutil.copy2(path, path.with_name(f"{path.name}~"))
    path.write_bytes(text)
    saved.unlink()
    lock.unlink()


def sed(path: Path, text: bytes) -> None:
    subprocess.run(["sed", "-i", "s/as it was/as it is now/", path], check=True)
    assert path.read_bytes() == text


def real_vim(path: Path, text: bytes) -> None:
    vim = shutil.which("vim")
    if vim is None:
        pytest.skip("vim is not installed")
    words = [vim, "-u", "NONE", "-i", "NONE", "-es", "+set backup backupcopy=no"]
    words += ["+%s/as it was/as it is now/", "+wq", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=30)
    assert path.read_bytes() == text


EDITORS = [vim_with_backup, vim_without_backup, libreoffice, atomic, in_place, emacs, sed, real_vim]


@pytest.mark.parametrize("save", EDITORS)
def test_what_an_editor_saves_is_a_new_version_of_the_same_file_and_nothing_else_is_there(
    life: Life, local: Path, save: Callable[[Path, bytes], None]
) -> None:
    make(local, {"notes.txt": OLD, "other.txt": b"other"})
    with life.watching(local) as folder:
        folder.at_rest()
        before, kept = known(folder, "notes.txt"), life.versions()
        save(local / "notes.txt", NEW)
        folder.until(lambda _: same_there(folder, "notes.txt"), "it is there")
        folder.at_rest()
        assert tree(folder.there) == {"notes.txt": NEW, "other.txt": b"other"}
        now = known(folder, "notes.txt")
        assert now[0] == before[0], "the same file"
        assert life.versions() - kept == {before[1]}, (
            "the one before is kept, and no other ever was"
        )
        assert sent(folder) == ["notes.txt", "notes.txt", "other.txt"]


def test_of_saving_again_and_again_the_last_one_counts(life: Life, local: Path) -> None:
    make(local, {"notes.txt": OLD})
    with life.watching(local) as folder:
        folder.at_rest()
        for number in range(40):
            EDITORS[number % 6](local / "notes.txt", b"%d" % number)
        folder.until(lambda _: same_there(folder, "notes.txt"), "it is there")
        folder.at_rest()
        assert tree(folder.there) == {"notes.txt": b"39"}
        assert len(sent(folder)) <= 5


def test_a_backup_under_a_name_that_is_carried_is_carried_as_well(life: Life, local: Path) -> None:
    make(local, {"notes.txt": OLD})
    with life.watching(local, mirror=True) as folder:
        folder.at_rest()
        subprocess.run(["sed", "-i.bak", "s/was/is now/", local / "notes.txt"], check=True)
        folder.until(lambda _: same_there(folder, "notes.txt"), "it is there")
        folder.at_rest()
        assert tree(folder.there) == {"notes.txt": NEW, "notes.txt.bak": OLD}


# ---- what grows


def test_a_growing_log_holds_up_no_neighbour_and_arrives_once_it_rests(
    life: Life, local: Path
) -> None:
    local.mkdir()
    patient = FolderSettings(settle_seconds=1.5)
    with life.watching(local, settings=patient) as folder, ExitStack() as open_files:
        folder.at_rest()
        log = open_files.enter_context((local / "log").open("ab", buffering=0))

        def grows(number: int) -> bool:
            log.write(b"a line\n" * 100)
            return (folder.there / f"{number}").exists()

        for number in range(3):
            make(local, {f"{number}": b"a neighbour"})
            folder.until(lambda _: grows(number), "the neighbour is there")  # noqa: B023  # at once
        assert not (folder.there / "log").exists()
        why = explain_path(folder.engine._ledger, os.fsencode(local / "log"))
        assert not why.is_there
        assert "once it is left alone" in why.sentence
        assert why.next_try is not None
        folder.until(lambda _: sent(folder) == ["0", "1", "2", "log"], "it is there, still open")
        assert same_there(folder, "log")
        # Lines that come later are one more version each time it rests.
        log.write(b"the last line\n")
        folder.until(lambda _: sent(folder)[3:] == ["log", "log"], "with its last line")
        assert same_there(folder, "log")


@pytest.mark.parametrize(
    ("partial", "placeholder"),
    [
        ("film.iso.part", True),
        ("film.iso.crdownload", False),
        ("Unconfirmed 4711.crdownload", False),
        ("film.iso.wget-tmp", False),
    ],
    ids=["firefox", "chromium", "unconfirmed", "no-rule"],
)
def test_of_a_download_only_the_whole_file_arrives(
    life: Life, local: Path, partial: str, placeholder: bool
) -> None:
    local.mkdir()
    with life.watching(local, mirror=True) as folder:
        folder.at_rest()
        if placeholder:
            (local / "film.iso").touch()
        with (local / partial).open("wb", buffering=0) as file:

            def grows() -> bool:
                file.write(os.urandom(50_000))
                return (folder.there / "neighbour").exists()

            make(local, {"neighbour": b"n"})
            folder.until(lambda _: grows(), "the neighbour is there")
            assert not (folder.there / partial).exists()
        (local / partial).rename(local / "film.iso")
        folder.until(lambda _: same_there(folder, "film.iso"), "it is there")
        folder.at_rest()
        assert tree(folder.there) == tree(local)
        assert partial not in sent(folder)
        assert not life.engine._ledger.rows(
            "SELECT 1 FROM acts WHERE folder = ? AND kind = 'trash'", (folder.id,)
        )


# ---- inside


def same_there(folder: Watching, name: str) -> bool:
    try:
        return (folder.local / name).read_bytes() == (folder.there / name).read_bytes()
    except FileNotFoundError:
        return False


def known(folder: Watching, name: str) -> tuple[str | None, str | None]:
    """File and version that both sides agree on."""
    found = folder.engine._ledger.known(folder.id, name.encode())
    assert found is not None
    return found.file_id, found.version


def sent(folder: Watching) -> list[str]:
    """All that ever arrived, by name; twice for two versions."""
    rows = folder.engine._ledger.rows(
        "SELECT relative FROM transfers WHERE watched = ? AND version IS NOT NULL ORDER BY 1",
        (folder.id,),
    )
    return [row[0] for row in rows]
