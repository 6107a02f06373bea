"""Local space is freed for what the receiver has, and for nothing else."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest

from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_desktop.cli import free as command
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.views import Freeing as Intent
from howdah_desktop.freeing import aside
from howdah_desktop.freeing.freeing import Freeing, Outcome
from howdah_desktop.freeing.how import How
from howdah_desktop.freeing.sent import SentFiles
from howdah_desktop.remote import secrets
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.system import exclusive_lock
from kit.client import Client
from kit.receiver import RunningReceiver

CONTENT = os.urandom(300_000)


@pytest.fixture
def folder(short_path: Path) -> Path:
    path = short_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def sent(paired: Client, folder: Path) -> Path:
    """A file that the receiver has."""
    path = folder / "film.bin"
    path.write_bytes(CONTENT)
    paired.run("send", path)
    return path


@pytest.fixture
def there(sent: Path) -> Iterator[Receiver]:
    receiver = Receiver(secrets.load())
    yield receiver
    receiver.close()


class Notes:
    """Takes down what the engine would; `at_begin` is what happens at that moment."""

    def __init__(self, at_begin: Callable[[], object] = lambda: None) -> None:
        self.at_begin = at_begin
        self.intents: list[Intent] = []
        self.ends: list[bool] = []

    def begin_freeing(self, intent: Intent) -> int:
        self.intents.append(intent)
        self.at_begin()
        return len(self.intents)

    def end_freeing(self, id_: int, removed: bool) -> int:
        self.ends.append(removed)
        return 1


def freed(client: Client, there: Receiver, path: Path, notes: Notes) -> Outcome:
    wait_for_sha256(there, path.name)
    ledger = SentFiles(client.home)
    try:
        found = ledger.find(os.fsencode(os.path.realpath(path)))
    finally:
        ledger.close()
    assert found is not None
    return Freeing(there, notes, How.DELETE).free(found)


def wait_for_sha256(there: Receiver, path: str) -> FileInfo:
    """The receiver works it out soon after the upload."""
    deadline = time.monotonic() + 30
    while True:
        (item,) = there.list(path).items
        assert isinstance(item, FileInfo)
        if item.sha256:
            return item
        assert time.monotonic() < deadline


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rows(client: Client, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(client.home / FILE_NAME)) as db, db:
        return db.execute(sql).fetchall()


def trash() -> Path:
    return Path(os.environ["XDG_DATA_HOME"]) / "Trash"


# -- what goes


def test_what_was_sent_goes_to_the_trash_and_can_be_restored_from_there(
    paired: Client, sent: Path, folder: Path
) -> None:
    told = paired.run("free", sent).stdout
    assert "1 freed (300.0 kB), 0 stay." in told
    assert "until the trash is emptied" in told
    assert left_in(folder) == []
    assert (trash() / "files/film.bin").read_bytes() == CONTENT
    note = (trash() / "info/film.bin.trashinfo").read_text()
    (line,) = [line for line in note.splitlines() if line.startswith("Path=")]
    assert unquote(line.removeprefix("Path=")) == str(sent)
    paired.run("get", "film.bin", "--to", folder)
    assert sent.read_bytes() == CONTENT


def test_with_delete_it_is_deleted(paired: Client, sent: Path, folder: Path) -> None:
    told = paired.run("free", sent, "--delete").stdout
    assert "trash" not in told
    assert left_in(folder) == []
    assert not trash().exists()


def test_a_dry_run_reads_and_compares_and_leaves_all_as_it_is(
    paired: Client, sent: Path, folder: Path
) -> None:
    before = os.stat(sent)
    assert "1 would be freed" in paired.run("free", sent, "--delete", "--dry-run").stdout
    after = os.stat(sent)
    assert (before.st_ctime_ns, before.st_ino) == (after.st_ctime_ns, after.st_ino)
    assert left_in(folder) == ["film.bin"]
    assert rows(paired, "SELECT * FROM freed") == []


def test_what_was_freed_is_written_down_with_the_copy_that_stands_for_it(
    paired: Client, sent: Path, there: Receiver
) -> None:
    info = wait_for_sha256(there, "film.bin")
    paired.run("free", sent, "--delete")
    found = rows(
        paired, "SELECT local, remote, version, sha256, how, removed > 0, aside FROM freed"
    )
    path = os.fsencode(os.path.realpath(sent))
    assert found == [(path, "film.bin", info.version, info.sha256, "delete", 1, b"")]


def test_of_a_folder_goes_what_qualifies_and_the_folders_stay(paired: Client, folder: Path) -> None:
    for name in ("a/one", "a/two", "b/three"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    paired.run("send", folder)
    (folder / "a/two").write_bytes(b"other")
    (folder / "b/new").write_bytes(b"never sent")
    (folder / "b/link").symlink_to(folder / "a/one")
    done = paired.run("free", folder, "--delete", "--json", code=1)
    found = {
        Path(e["path"]).name: e for e in map(json.loads, done.stdout.splitlines()) if "path" in e
    }
    assert {name: e["event"] for name, e in found.items()} == {
        "one": "freed", "two": "stays", "three": "freed", "new": "stays",
    }  # fmt: skip
    assert found["two"]["code"] == "copy_differs"
    assert found["new"]["code"] == "not_sent"
    assert all(e["remedy"] for e in found.values() if e["event"] == "stays")
    assert left_in(folder / "a") == ["two"]
    assert left_in(folder / "b") == ["link", "new"]


def test_what_was_sent_lately_is_left_out_where_only_older_ones_are_asked_for(
    paired: Client, sent: Path
) -> None:
    assert "0 freed" in paired.run("free", sent, "--delete", "--older-than", "30d").stdout
    assert sent.exists()
    rows(paired, "UPDATE transfers SET finished = finished - 31 * 86400")
    assert "1 freed" in paired.run("free", sent, "--delete", "--older-than", "30d").stdout
    assert not sent.exists()
    paired.run("free", sent, "--older-than", "soon", code=2)


# -- what stays


def stays(client: Client, path: Path, code: str) -> str:
    done = client.run("free", path, "--delete", code=1)
    assert f"({code})" in done.stdout, done.stdout
    assert path.exists()
    assert rows(client, "SELECT * FROM freed") == []
    assert not [name for name in left_in(path.parent) if name.startswith(aside.PREFIX)]
    return done.stdout


def test_another_content_of_the_same_size_and_time_stays(paired: Client, sent: Path) -> None:
    before = os.stat(sent)
    with sent.open("r+b") as file:
        file.write(bytes([CONTENT[0] ^ 1]))
    os.utime(sent, ns=(before.st_atime_ns, before.st_mtime_ns))
    stays(paired, sent, "copy_differs")


def test_a_file_that_was_never_sent_stays(paired: Client, sent: Path, folder: Path) -> None:
    (folder / "new").write_bytes(b"x")
    assert "howdah send" in stays(paired, folder / "new", "not_sent")


def test_a_file_stays_that_is_another_by_now_at_the_receiver(
    paired: Client, sent: Path, folder: Path
) -> None:
    other = folder / "other" / "film.bin"
    other.parent.mkdir()
    other.write_bytes(os.urandom(len(CONTENT)))
    paired.run("send", other)
    stays(paired, sent, "copy_differs")
    paired.run("free", other, "--delete")


def test_a_file_stays_whose_copy_was_removed_at_the_receiver(
    paired: Client, sent: Path, receiver: RunningReceiver
) -> None:
    (copy,) = (receiver.data / "files").glob("*/film.bin")
    copy.unlink()
    stays(paired, sent, "copy_differs")


def test_a_file_stays_whose_copy_the_receivers_disk_has_damaged(
    paired: Client, sent: Path, receiver: RunningReceiver, there: Receiver
) -> None:
    wait_for_sha256(there, "film.bin")
    (copy,) = (receiver.data / "files").glob("*/film.bin")
    before = os.stat(copy)
    with copy.open("r+b") as file:
        file.seek(1000)
        file.write(bytes([CONTENT[1000] ^ 1]))
    os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
    stays(paired, sent, "file_damaged")


def test_a_file_stays_that_another_program_has_open_to_write_to_it(
    paired: Client, sent: Path
) -> None:
    with sent.open("r+b"):
        stays(paired, sent, "freeing_in_use")
    paired.run("free", sent, "--delete")


def test_a_link_is_not_followed(paired: Client, sent: Path, folder: Path) -> None:
    (folder / "link").symlink_to(sent)
    stays(paired, folder / "link", "source_not_a_file")
    assert sent.read_bytes() == CONTENT


def test_a_trash_that_takes_nothing_is_no_reason_to_delete(paired: Client, sent: Path) -> None:
    trash().write_bytes(b"a file stands where the trash should be")
    told = paired.run("free", sent, code=1).stdout
    assert "(trash_unavailable)" in told
    assert "--delete" in told
    assert sent.read_bytes() == CONTENT
    assert left_in(sent.parent) == ["film.bin"]
    assert rows(paired, "SELECT * FROM freed") == []


@pytest.mark.parametrize("size", [0, 300_000, 3_000_000])
def test_the_receivers_own_copy_seen_from_here_stays(
    paired: Client, folder: Path, receiver: RunningReceiver, size: int
) -> None:
    path = folder / "own.bin"
    path.write_bytes(os.urandom(size))
    paired.run("send", path)
    (copy,) = (receiver.data / "files").glob("*/own.bin")
    paired.run("send", copy)  # it is there already: nothing is sent
    stays(paired, copy, "freeing_refused")
    assert "same" in paired.run("verify", path, "own.bin").stdout
    paired.run("free", path, "--delete")
    assert copy.stat().st_size == size


def test_without_the_receiver_nothing_is_freed(
    paired: Client, sent: Path, receiver: RunningReceiver
) -> None:
    receiver.stop()
    assert "(offline)" in paired.run("free", sent, "--delete", code=1).stderr
    assert sent.exists()


def test_one_at_a_time(paired: Client, sent: Path) -> None:
    with exclusive_lock(paired.home / "freeing.lock"):
        assert "(freeing_elsewhere)" in paired.run("free", sent, code=1).stderr
    assert sent.exists()


# -- what happens meanwhile


def test_a_file_that_takes_its_place_after_the_comparison_stays(
    paired: Client, sent: Path, there: Receiver, folder: Path
) -> None:
    def replace() -> None:
        other = folder / "other"
        other.write_bytes(b"the only copy")
        other.replace(sent)

    outcome = freed(paired, there, sent, Notes(replace))
    assert outcome.problem is not None
    assert outcome.problem.code == "freeing_changed"
    assert left_in(folder) == ["film.bin"]
    assert sent.read_bytes() == b"the only copy"


def test_a_file_that_is_written_to_after_the_comparison_stays(
    paired: Client, sent: Path, there: Receiver, folder: Path
) -> None:
    def write() -> None:
        with sent.open("ab") as file:
            file.write(b"more")

    notes = Notes(write)
    outcome = freed(paired, there, sent, notes)
    assert outcome.problem is not None
    assert outcome.problem.code == "freeing_changed"
    assert sent.read_bytes() == CONTENT + b"more"
    assert notes.ends == [False]


def test_where_both_the_file_and_its_name_are_anothers_both_stay(
    paired: Client, sent: Path, there: Receiver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace() -> None:
        sent.unlink()
        sent.write_bytes(b"first")

    move_aside = aside.Place.move_aside

    def and_again(place: aside.Place) -> None:
        move_aside(place)
        sent.write_bytes(b"second")

    monkeypatch.setattr(aside.Place, "move_aside", and_again)
    outcome = freed(paired, there, sent, Notes(replace))
    assert outcome.problem is not None
    assert "film (2).bin" in str(outcome.problem)
    assert sent.read_bytes() == b"second"
    assert (folder / "film (2).bin").read_bytes() == b"first"
    assert left_in(folder) == ["film (2).bin", "film.bin"]


def test_an_interruption_after_the_end_is_no_deletion(
    paired: Client, sent: Path, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = aside.Place.delete

    def and_interrupt(place: aside.Place) -> None:
        delete(place)
        raise KeyboardInterrupt

    monkeypatch.setattr(aside.Place, "delete", and_interrupt)
    notes = Notes()
    with pytest.raises(KeyboardInterrupt):
        freed(paired, there, sent, notes)
    assert notes.ends == [True]


def test_a_version_that_comes_while_the_receiver_reads_was_not_compared(
    paired: Client, sent: Path, there: Receiver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = folder / "other" / "film.bin"
    other.parent.mkdir()
    other.write_bytes(os.urandom(len(CONTENT)))
    verify_file = there.verify_file

    def and_send(file_id: str, size: int = 0) -> object:
        answer = verify_file(file_id, size)
        paired.run("send", other)
        return answer

    monkeypatch.setattr(there, "verify_file", and_send)
    outcome = freed(paired, there, sent, Notes())
    assert outcome.problem is not None
    assert outcome.problem.code == "copy_differs"
    assert sent.read_bytes() == CONTENT


def test_what_the_receiver_has_not_read_to_its_end_is_waited_for(
    paired: Client, sent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    file = Receiver.file

    def at_first_without(self: Receiver, file_id: str) -> FileInfo:
        info = file(self, file_id)
        asked.append(info)
        import msgspec

        return msgspec.structs.replace(info, sha256=None) if len(asked) < 4 else info

    monkeypatch.setattr(Receiver, "file", at_first_without)
    monkeypatch.setattr(command, "POLL_SECONDS", 0.05)
    assert command.free_paths(command.Wish((str(sent),), True, False, ""), False) == 0
    assert "waiting until the receiver has read 1" in capsys.readouterr().err
    assert not sent.exists()


def test_what_the_receiver_never_reads_stays(
    paired: Client, sent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import msgspec

    file = Receiver.file
    monkeypatch.setattr(
        Receiver, "file", lambda self, id_: msgspec.structs.replace(file(self, id_), sha256=None)
    )
    monkeypatch.setattr(command, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(command, "PATIENCE_SECONDS", 0.0)
    assert command.free_paths(command.Wish((str(sent),), True, False, ""), False) == 1
    assert "(copy_unread)" in capsys.readouterr().out
    assert sent.exists()


# -- killed

KILLED = """
import os, signal, sys
from howdah_desktop.freeing import aside
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
where = sys.argv.pop(1)
if where == "before the move": aside.Place.move_aside = die
if where == "after the move": aside.Place.delete = die
if where == "after the end":
    aside.Place.tidy = die
sys.argv[0] = "howdah"
from howdah_desktop.cli import main
main()
"""


@pytest.mark.parametrize(
    ("where", "there_after"),
    [("before the move", True), ("after the move", True), ("after the end", False)],
)
def test_a_kill_loses_nothing_and_the_next_start_puts_the_file_back(
    paired: Client, sent: Path, folder: Path, where: str, there_after: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, where, "free", str(sent), "--delete"],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    if where == "after the move":
        # Whoever looks finds it, under its own name.
        (found,) = folder.glob(f"{aside.PREFIX}*/film.bin")
        assert found.read_bytes() == CONTENT
    paired.run("pause", "--all")  # any command that runs an engine
    deadline = time.monotonic() + 30
    while rows(paired, "SELECT * FROM freed WHERE removed IS NULL"):
        paired.run("resume")
        assert time.monotonic() < deadline
    assert sent.exists() == there_after
    assert left_in(folder) == (["film.bin"] if there_after else [])
    assert len(rows(paired, "SELECT * FROM freed")) == (not there_after)


def test_the_next_free_puts_back_and_frees(paired: Client, sent: Path, folder: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", KILLED, "after the move", "free", str(sent), "--delete"],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert not sent.exists()
    assert "1 freed" in paired.run("free", folder, "--delete").stdout
    assert left_in(folder) == []


# -- watched folders


def test_in_a_watched_folder_it_is_known_as_freed_before_it_goes(
    paired: Client, sent: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.path.realpath(folder).encode()
    with closing(sqlite3.connect(paired.home / FILE_NAME)) as db, db:
        db.execute(
            "INSERT INTO watched (id, local, target, mirror, settings, group_id, root, state, added)"
            " VALUES (7, ?, '', 1, '{}', 1, 1, 'paused', 0)",
            (real,),
        )
        db.execute(
            "INSERT INTO known (folder, dir, name, is_dir, dev, inode, size, mtime_ns, remote, file_id,"
            " version, agreed) SELECT 7, X'', CAST('film.bin' AS BLOB), 0, 0, 0, size, 0, 'film.bin',"
            " NULL, 'v', finished + 1 FROM transfers",
        )
    with sent.open("r+b"):
        stays(paired, sent, "freeing_in_use")
    assert rows(paired, "SELECT gone FROM known") == [(None,)]
    paired.run("free", sent, "--delete")
    ((gone,),) = rows(paired, "SELECT gone FROM known")
    assert isinstance(gone, float)


def test_the_intent_stands_before_the_file_is_touched(
    paired: Client, sent: Path, there: Receiver
) -> None:
    seen = []
    notes = Notes(lambda: seen.append(sent.exists()))
    assert freed(paired, there, sent, notes).freed
    assert seen == [True]
    assert notes.ends == [True]
    assert notes.intents[0].local == os.fsencode(os.path.realpath(sent))


def test_problems_of_the_receiver_end_the_work(
    paired: Client, sent: Path, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file_id: str, size: int = 0) -> None:
        raise ProblemError("not_signed_in")

    monkeypatch.setattr(there, "verify_file", refuse)
    with pytest.raises(ProblemError, match="not_signed_in"):
        freed(paired, there, sent, Notes())
    assert sent.exists()


def test_a_folder_that_may_not_be_changed_is_said(
    paired: Client, sent: Path, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(aside.Place, "move_aside", refuse)
    outcome = freed(paired, there, sent, Notes())
    assert outcome.problem is not None
    assert outcome.problem.code == "freeing_refused"
