"""The shim sees every change of the disk, and breaks exactly the one that it was told to break."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.diskshim import Op, can_build, environment, mark, read_calls, read_record
from kit.power_cut import Disk, Model, states

pytestmark = pytest.mark.skipif(not can_build(), reason="needs Linux and gcc")

# Nearly every way in which CPython and SQLite change a disk; run with the folder as its argument.
EVERYTHING = """
import ctypes, os, shutil, sqlite3, sys, threading
root = sys.argv[1]
os.chdir(root)
def put(name, data):
    with open(name, "wb") as file:
        file.write(data)
put("plain", b"a" * 10_000)
fd = os.open("calls", os.O_RDWR | os.O_CREAT, 0o600)
os.write(fd, b"0123456789"); os.pwrite(fd, b"XY", 4); os.writev(fd, [b"ab", b"cd"])
os.pwritev(fd, [b"ef", b"gh"], 20); os.ftruncate(fd, 22); os.truncate("calls", 21)
os.posix_fallocate(fd, 0, 50_000); os.lseek(fd, 30, 0); os.write(fd, b"here")
os.fsync(fd); os.fdatasync(fd)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.fallocate64(fd, 1, ctypes.c_int64(0), ctypes.c_int64(90_000)) == 0
assert libc.fallocate64(fd, 3, ctypes.c_int64(0), ctypes.c_int64(3)) == 0
os.close(fd)
fd = os.open("appended", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(fd, b"one"); os.write(fd, b"two"); os.pwrite(fd, b"three", 0); os.close(fd)
source = os.open("plain", os.O_RDONLY)
copy = os.open("copied", os.O_WRONLY | os.O_CREAT)
os.copy_file_range(source, copy, 5000, 0, 10); os.sendfile(copy, source, 0, 7000); os.close(copy)
shutil.copyfile("plain", "copied2")
os.mkdir("folder"); os.makedirs("folder/deep/er")
dirfd = os.open("folder", os.O_RDONLY)
os.close(os.open("new", os.O_WRONLY | os.O_CREAT, dir_fd=dirfd)); os.mkdir("sub", dir_fd=dirfd)
os.rename("new", "newer", src_dir_fd=dirfd, dst_dir_fd=dirfd); os.link("plain", "folder/linked")
os.link("copied", "again", dst_dir_fd=dirfd); os.symlink("../plain", "folder/sym"); os.fsync(dirfd)
os.replace("copied2", "folder/deep/er/moved"); os.unlink("again", dir_fd=dirfd)
os.rmdir("folder/sub"); put("gone", b"x"); os.remove("gone"); os.rename("folder/deep", "deeper")
fd = os.open("folder", os.O_TMPFILE | os.O_RDWR); os.write(fd, b"unnamed")
os.link(f"/proc/self/fd/{fd}", "named", src_dir_fd=dirfd, follow_symlinks=True)
assert libc.renameat2(-100, b"plain", -100, b"named", 2) == 0
put(root + "/folder/../folder/sym", b"through the link")
threads = [threading.Thread(target=put, args=(f"t{n}", bytes([n]) * 9000)) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
put(b"na\\xffme with space", b"1")
db = sqlite3.connect("db")
db.execute("pragma journal_mode=wal"); db.execute("pragma synchronous=full")
db.execute("create table t (x)"); db.execute("insert into t values (randomblob(9000))"); db.commit()
old = sqlite3.connect("old"); old.execute("create table t (x)"); old.commit()
old.execute("insert into t values (randomblob(9000))"); old.commit()
with open(os.path.join(os.path.dirname(root), "outside"), "wb") as file:
    file.write(b"not watched")
os._exit(0)
"""


def run(script: str, root: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    root.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", script, str(root)],
        env=os.environ | variables,
        capture_output=True,
        check=False,
        timeout=50,
    )


def shimmed(script: str, root: Path, **modes: object) -> subprocess.CompletedProcess[bytes]:
    root.mkdir(exist_ok=True)
    return run(script, root, environment(root, **modes))  # type: ignore[arg-type]


def on_disk(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and not path.name.endswith("-shm")
    }


def test_the_replayed_record_equals_the_disk(short_path: Path) -> None:
    root, record = short_path / "root", short_path / "record"
    done = shimmed(EVERYTHING, root, record=record)
    assert done.returncode == 0, done.stderr
    log = read_record(record)
    assert {entry.op for entry in log} == set(Op) - {Op.MARK, Op.SYNC, Op.FAILED_SYNC}
    tree = states(log, len(log), Model.ORDERED)
    assert tree.files() == on_disk(root)
    assert not any("outside" in entry.path for entry in log)


def test_a_recording_can_start_from_a_folder_with_content(short_path: Path) -> None:
    root, record = short_path / "root", short_path / "record"
    assert run(EVERYTHING, root, {}).returncode == 0
    start = Disk.of(root)
    assert start.state(Model.STRICT).files() == on_disk(root)
    more = (
        "import os, sys; os.chdir(sys.argv[1]); os.truncate('t1', 5);os.rename('t2', 'folder/t3')"
    )
    assert shimmed(more, root, record=record).returncode == 0
    log = read_record(record)
    assert states(log, len(log), Model.ORDERED, start=start).files() == on_disk(root)


def test_marks_fall_between_the_records(short_path: Path) -> None:
    root, record = short_path / "root", short_path / "record"
    script = "import os, sys; os.chdir(sys.argv[1]); os.mkdir('a'); input(); os.mkdir('b')"
    root.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", script + "; print('done')", str(root)],
        env=os.environ | environment(root, record=record),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    while not (root / "a").exists() or not read_record(record):
        time.sleep(0.01)  # what it waits for has no other sign
    mark(record, b"promise")
    process.communicate(b"\n", timeout=30)
    log = read_record(record)
    assert [(entry.op, entry.path, entry.data) for entry in log] == [
        (Op.MKDIR, "a", b""),
        (Op.MARK, "", b"promise"),
        (Op.MKDIR, "b", b""),
    ]


FOUR_CALLS = """
import os, sys
os.chdir(sys.argv[1])
fd = os.open("f", os.O_WRONLY | os.O_CREAT)
os.write(fd, b"12345678")
os.fsync(fd)
os.rename("f", "g")
"""


@pytest.mark.parametrize(
    ("at", "when", "left"),
    [
        (1, "before", {}),
        (1, "after", {"f": b""}),
        (2, "before", {"f": b""}),
        (2, "half", {"f": b"1234"}),
        (2, "after", {"f": b"12345678"}),
        (3, "after", {"f": b"12345678"}),
        (4, "before", {"f": b"12345678"}),
        (4, "after", {"g": b"12345678"}),
    ],
)
def test_the_process_dies_at_the_call_it_was_told(
    short_path: Path, at: int, when: str, left: dict[str, bytes]
) -> None:
    root = short_path / "root"
    assert shimmed(FOUR_CALLS, root, kill=(at, when)).returncode == -signal.SIGKILL
    assert on_disk(root) == left


def test_the_count_names_every_call(short_path: Path) -> None:
    root, count = short_path / "root", short_path / "count"
    assert shimmed(FOUR_CALLS, root, count=count).returncode == 0
    assert [(c.index, c.name, c.kind, c.path, c.length) for c in read_calls(count)] == [
        (1, "open", "name", "f", 0),
        (2, "write", "write", "f", 8),
        (3, "fsync", "sync", "f", 0),
        (4, "rename", "name", "f", 0),
    ]


@pytest.mark.parametrize(
    ("fault", "error", "left"),
    [
        ("fsync:EIO:1", errno.EIO, {"f": b"12345678"}),
        ("sync:EIO:1+", errno.EIO, {"f": b"12345678"}),
        ("write:ENOSPC:1", errno.ENOSPC, {"f": b""}),
        ("rename:EXDEV:*", errno.EXDEV, {"f": b"12345678"}),
        ("open:EMFILE:1:f", errno.EMFILE, {}),
        ("open:EMFILE:1:other", 0, {"g": b"12345678"}),
        ("fsync:EIO:2", 0, {"g": b"12345678"}),
        ("write:SHORT:1", 0, {"g": b"1234"}),
        ("write:FLIP:1", 0, {"g": b"12344678"}),
        ("write:LIE:~1", 0, {"g": b""}),
        ("write:SHORT:1,rename:LIE:1", 0, {"f": b"1234"}),
    ],
)
def test_a_fault_strikes_where_it_was_told(
    short_path: Path, fault: str, error: int, left: dict[str, bytes]
) -> None:
    root = short_path / "root"
    script = f"try:\n exec({FOUR_CALLS!r})\nexcept OSError as e:\n sys.exit(e.errno)"
    done = shimmed("import sys\n" + script, root, fault=fault)
    assert (done.returncode, on_disk(root)) == (error, left), done.stderr


def test_a_failed_call_leaves_no_record_but_a_failed_sync_does(short_path: Path) -> None:
    root, record = short_path / "root", short_path / "record"
    shimmed(FOUR_CALLS, root, record=record, fault="fsync:EIO:1,write:SHORT:1")
    assert [(r.op, r.data) for r in read_record(record)] == [
        (Op.CREATE, b""),
        (Op.WRITE, b"1234"),
        (Op.FAILED_SYNC, b""),
    ]


def test_faults_rest_while_they_are_not_armed(short_path: Path) -> None:
    root, armed = short_path / "root", short_path / "armed"
    assert shimmed(FOUR_CALLS, root, kill=(1, "before"), armed=armed).returncode == 0
    armed.touch()
    assert shimmed(FOUR_CALLS, root, kill=(1, "before"), armed=armed).returncode != 0


def test_a_slow_sync_holds_up_nobody_else(short_path: Path) -> None:
    root = short_path / "root"
    script = """
import os, sys, threading, time
os.chdir(sys.argv[1])
fd = os.open("f", os.O_WRONLY | os.O_CREAT)
slow = threading.Thread(target=os.fsync, args=(fd,))
begun = time.monotonic()
slow.start()
while time.monotonic() - begun < 0.2:
    os.pwrite(fd, b"x", 0)
between = time.monotonic() - begun
slow.join()
print(between, time.monotonic() - begun)
"""
    done = shimmed(script, root, fault="sync:DELAY600:*")
    between, whole = map(float, done.stdout.split())
    assert between < 0.4
    assert whole >= 0.6


def test_several_processes_write_one_history(short_path: Path) -> None:
    root, record = short_path / "root", short_path / "record"
    script = """
import os, subprocess, sys
os.chdir(sys.argv[1])
def work(name):
    for n in range(50):
        with open(f"{name}{n}", "wb") as file:
            file.write(name.encode() * n)
        os.replace(f"{name}{n}", f"{name}-done{n}")
again = "import os\\nos.mkdir('by another program')\\nos.sync()"
other = subprocess.Popen([sys.executable, "-c", again])
if not (child := os.fork()):
    work("child")
    os._exit(0)
work("parent")
os.waitpid(child, 0)
sys.exit(other.wait())
"""
    done = shimmed(script, root, record=record)
    assert done.returncode == 0, done.stderr
    log = read_record(record)
    assert Op.SYNC in {entry.op for entry in log}
    tree = states(log, len(log), Model.ORDERED)
    assert tree.files() == on_disk(root)
    assert len(tree.entries) == 101


def test_sockets_and_files_elsewhere_pass_untouched(short_path: Path) -> None:
    root = short_path / "root"
    script = """
import os, socket, sys, tempfile
a, b = socket.socketpair()
os.write(a.fileno(), b"1")
with tempfile.TemporaryFile() as file:
    assert os.sendfile(b.fileno(), os.open(sys.executable, os.O_RDONLY), 0, 10) == 10
    assert os.writev(file.fileno(), [b"a", b"b"]) == 2
    os.fsync(file.fileno())
os.mkdir("elsewhere"); os.rename("elsewhere", "there"); os.rmdir("there")
"""
    root.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=short_path,
        env=os.environ | environment(root, fault="*:EIO:*"),
        capture_output=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
