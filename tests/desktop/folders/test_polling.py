"""Places that do not tell of changes are looked at now and then, and it is said why and what helps."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import inotify_add_watch

from howdah_desktop.folders import inotify, limits, probe
from howdah_desktop.folders.default_rules import PROBE_PREFIX
from howdah_desktop.folders.hints import Closed, Doubtful, Hints, Mode
from howdah_desktop.folders.limits import Limit
from howdah_desktop.folders.probe import is_shared, kind_at, kind_of, probing
from kit.heard import Heard, closed, dirty, until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "a").mkdir(parents=True)
    return tmp_path / "root"


def no_more(number: int, after: int) -> Callable[[int, bytes, int], int]:
    """An inotify_add_watch that fails with `number` from its `after`-th call on."""
    calls: list[bytes] = []

    def add(queue: int, path: bytes, mask: int) -> int:
        calls.append(path)
        if len(calls) > after:
            ctypes.set_errno(number)
            return -1
        return inotify_add_watch(queue, path, mask)

    return add


# ---- the probe


def test_a_place_without_events_is_polled_and_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = inotify.Inotify._read
    monkeypatch.setattr(inotify.Inotify, "_read", lambda self: read(self)[:0])
    with watching(root, probe_seconds=0.1, poll_seconds=0.05) as (hints, heard):
        assert hints.mode is Mode.POLLING
        assert hints.why == (
            "This place reports no changes (a network drive?), so it is looked at every 0 s."
        )
        heard.wait(lambda told: told.count(Doubtful("polling")) >= 3)
        assert os.listdir(root) == ["a"]
        assert hints.watched == 0


def test_the_probe_leaves_nothing_and_is_not_told_of(root: Path) -> None:
    heard = Heard()
    hints = Hints(os.fsencode(root), heard)
    hints.start()
    try:
        heard.wait_for_doubt("from now on")
        (root / "a" / "x").write_text("x")
        heard.wait_for(*closed("a/x"))
        assert set(heard.hints[1:]) == {*dirty("a"), *closed("a/x")}
    finally:
        hints.stop()
    assert os.listdir(root) == ["a"]


def test_what_a_killed_program_left_of_its_probe_goes(root: Path) -> None:
    old, fresh = root / f"{PROBE_PREFIX}0a", root / f"{PROBE_PREFIX}0b"
    for left in (old, fresh):
        left.touch()
    os.utime(old, (1, 1))
    with probing(os.fsencode(root)):
        assert not old.exists()
        assert fresh.exists(), "somebody else may just be probing"


def test_the_probe_is_removed_where_the_disk_is_full(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with probing(os.fsencode(root)) as name:
        monkeypatch.undo()
        assert name is not None
        assert set(os.listdir(os.fsencode(root))) == {b"a", name}
    assert os.listdir(root) == ["a"]


def test_a_place_where_nothing_can_be_written_goes_by_its_file_system(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(os, "open", refuse)
    with probing(os.fsencode(root)) as name:
        assert name is None
    with watching(root) as (hints, _):
        assert hints.mode is Mode.EVENTS


@pytest.mark.parametrize(
    "kind", ["nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.rclone", "fuse"]
)
def test_a_network_drive_is_polled_though_it_tells_what_this_machine_does(
    root: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mounts = root.parent / "mounts"
    mounts.write_text(f"36 35 98:0 / {root} rw,noatime shared:1 - {kind} server:/x rw\n")
    monkeypatch.setattr(probe, "MOUNTS", mounts)
    with watching(root / "a") as (hints, _):
        assert hints.mode is Mode.POLLING
        assert hints.why == (
            f"This place is a network drive ({kind}), which does not tell what others change there,"
            " so it is looked at every 60 s."
        )


MOUNTS = rb"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /mnt/my\040nas\134x rw shared:2 master:3 - cifs //nas/x rw,vers=3.0
31 30 0:27 / /mnt/my\040nas\134x/inner rw - ext4 /dev/sdb rw
32 22 0:28 / /home rw - btrfs /dev/sda rw
33 22 0:29 / /home rw - fuse.gocryptfs /cipher rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (rb"/", "ext4"),
        (rb"/mnt", "ext4"),
        (rb"/mnt/my nas\x", "cifs"),
        (rb"/mnt/my nas\x/a/b", "cifs"),
        (rb"/mnt/my nas\xy", "ext4"),
        (rb"/mnt/my nas\x/inner/a", "ext4"),
        (b"/home/caf\xe9", "fuse.gocryptfs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_last_mount_that_holds_it(
    path: bytes, kind: str
) -> None:
    assert kind_of(path, MOUNTS) == kind


def test_which_file_systems_others_change_too() -> None:
    assert [
        is_shared(kind) for kind in ("ext4", "btrfs", "tmpfs", "fuseblk", "fuse.gocryptfs")
    ] == [False] * 5
    assert [is_shared(kind) for kind in ("nfs", "virtiofs", "fuse.unheard-of", "ceph")] == [
        True
    ] * 4
    assert not is_shared(None)
    assert kind_of(b"/x", b"") is None
    assert kind_at(b"/proc/self") == "proc"


# ---- the limits


def test_too_many_folders_are_polled_with_the_line_that_helps(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "value_of", lambda name: 8192)
    monkeypatch.setattr(limits, "_watches_of_queues", lambda: iter([8000, 192]))
    monkeypatch.setattr(inotify, "inotify_add_watch", no_more(errno.ENOSPC, 1))
    with watching(root) as (hints, _):
        assert hints.mode is Mode.POLLING
        assert hints.why == (
            "The system watches at most 8,192 folders for a user, and 8,192 are watched, so this one is"
            " looked at every 60 s. To watch more: `sudo sysctl fs.inotify.max_user_watches=524288`;"
            " to make that last: `echo fs.inotify.max_user_watches=524288 | sudo tee"
            " /etc/sysctl.d/60-howdah.conf`."
        )


def test_too_many_queues_are_told_likewise(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> int:
        ctypes.set_errno(errno.EMFILE)
        return -1

    monkeypatch.setattr(limits, "value_of", lambda name: 128)
    monkeypatch.setattr(limits, "_watches_of_queues", lambda: iter([1] * 128))
    monkeypatch.setattr(inotify, "inotify_init", none)
    with watching(root) as (hints, _):
        assert hints.mode is Mode.POLLING
        assert "at most 128 programs' lists of folders for a user, and 128" in hints.why
        assert "`sudo sysctl fs.inotify.max_user_instances=1024`" in hints.why


def test_what_was_raised_already_is_doubled() -> None:
    assert Limit("max_user_watches", 1_048_576, 1_048_576).enough == 2_097_152
    assert Limit("max_user_instances", 4096, 4096).enough == 8192


def test_a_tree_that_outgrows_the_limit_while_it_is_watched_is_polled_from_then_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "inotify_add_watch", no_more(errno.ENOSPC, 3))
    with watching(root) as (hints, heard):
        assert hints.mode is Mode.EVENTS
        (root / "b").mkdir()
        (root / "c").mkdir()
        heard.wait_for(Doubtful("polling"))
        until(lambda: hints.mode is Mode.POLLING)
        assert "max_user_watches" in hints.why


def test_watching_begins_by_itself_when_the_limit_is_raised(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = root.parent / "inotify"
    settings.mkdir()
    (settings / "max_user_watches").write_text("8192\n")
    monkeypatch.setattr(limits, "LIMITS", settings)
    monkeypatch.setattr(inotify, "inotify_add_watch", no_more(errno.ENOSPC, 0))
    with watching(root, poll_seconds=0.02) as (hints, heard):
        heard.wait(lambda told: told.count(Doubtful("polling")) >= 3)
        assert hints.mode is Mode.POLLING
        monkeypatch.setattr(inotify, "inotify_add_watch", inotify_add_watch)
        (settings / "max_user_watches").write_text("524288\n")
        heard.wait_for_doubt("the system lets more be watched now")
        until(lambda: hints.mode is Mode.EVENTS)
        assert hints.why == ""


def test_what_is_in_use_is_counted_from_every_queue_of_the_user(root: Path) -> None:
    before = limits.limit_met(OSError(errno.ENOSPC, "x"))
    with watching(root) as (hints, _):
        now = limits.limit_met(OSError(errno.ENOSPC, "x"))
        queues = limits.limit_met(OSError(errno.EMFILE, "x"))
        assert before is not None
        assert now is not None
        assert queues is not None
        assert hints.watched == 2
        assert now.used >= 2
        assert queues.used >= 1
        assert now.value == int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())


def test_a_folder_that_may_not_be_watched_is_tried_again_and_nothing_is_blamed_on_limits(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify, "inotify_add_watch", no_more(errno.EACCES, 0))
    with watching(root) as (hints, heard):
        assert hints.mode is Mode.STARTING
        monkeypatch.setattr(inotify, "inotify_add_watch", inotify_add_watch)
        heard.wait_for_doubt("cannot be watched")
        until(lambda: hints.mode is Mode.EVENTS)


IN_ITS_OWN_NAMESPACE = """
import sys
from pathlib import Path
Path("/proc/sys/user/max_inotify_watches").write_text("3")
from howdah_desktop.folders.hints import Mode
from kit.heard import watching
with watching(Path(sys.argv[1])) as (hints, heard):
    assert hints.mode is Mode.POLLING, hints.mode
    print(hints.why)
"""
WITHOUT_PRIVILEGES = """
import os, sys
from pathlib import Path
from howdah_desktop.folders.hints import Mode
from kit.heard import closed, until, watching
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
root = Path(sys.argv[1])
with watching(root) as (hints, heard):
    assert hints.mode is Mode.EVENTS, (hints.mode, heard.first)
    assert hints.watched == 2, hints.watched
    (root / "open" / "x").write_text("x")
    heard.wait_for(*closed("open/x"))
    (root / "shut").chmod(0o700)
    until(lambda: hints.watched == 3)
    (root / "shut" / "y").write_text("y")
    heard.wait_for(*closed("shut/y"))
"""


def run(script: str, root: Path, *before: str) -> subprocess.CompletedProcess[str]:
    tests = Path(__file__).parents[2]
    return subprocess.run(
        [*before, sys.executable, "-c", script, str(root)],
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_real_limit_of_the_kernel_is_met_and_told(root: Path) -> None:
    for number in range(5):
        (root / f"{number}").mkdir()
    done = run(IN_ITS_OWN_NAMESPACE, root, "unshare", "--user", "--map-root-user")
    if "unshare" in done.stderr or "max_inotify_watches" in done.stderr:
        pytest.skip(f"no namespace of its own here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    assert "sudo sysctl fs.inotify.max_user_watches=" in done.stdout


def test_folders_that_nobody_may_read_are_passed_over_until_they_can_be() -> None:
    # pytest's own folders, and what is made in them, are for their owner alone.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        root = Path(name)
        (root / "open").mkdir()
        (root / "shut").mkdir(mode=0)
        if os.geteuid() == 0:
            for path in (root, root / "open", root / "shut"):
                os.chown(path, 65534, 65534)
        done = run(WITHOUT_PRIVILEGES, root)
    assert done.returncode == 0, done.stderr


# ---- how often


def test_a_comparison_that_takes_long_is_made_less_often(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "kind_at", lambda path: "nfs")
    with watching(root, poll_seconds=60) as (hints, _):
        assert hints.why.endswith("so it is looked at every 60 s.")
        hints.took(2.9)
        assert hints.why.endswith("so it is looked at every 60 s.")
        hints.took(30)
        assert hints.why.endswith("so it is looked at every 10 min.")


def test_looks_are_as_far_apart_as_the_last_comparison_asks_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "kind_at", lambda path: "nfs")
    times: list[float] = []
    heard = Heard()

    def note(hint: object) -> None:
        times.append(time.monotonic())
        hints.took(0.02)
        assert isinstance(hint, Doubtful | Closed)
        heard(hint)

    hints = Hints(os.fsencode(root), note, poll_seconds=0.01)
    hints.start()
    try:
        heard.wait(lambda told: len(told) >= 4)
    finally:
        hints.stop()
    assert all(after - before >= 0.4 for before, after in pairwise(times))


def test_a_place_that_becomes_another_is_tried_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "kind_at", lambda path: "nfs")
    with watching(root, poll_seconds=0.02) as (hints, heard):
        assert hints.mode is Mode.POLLING
        monkeypatch.setattr(probe, "kind_at", lambda path: "ext4")
        root.rename(root.parent / "old")
        (root / "new").mkdir(parents=True)
        heard.wait(lambda told: any(h != Doubtful("polling") for h in told))
        until(lambda: hints.mode is Mode.EVENTS)
        (root / "new" / "x").write_text("x")
        heard.wait_for(*closed("new/x"))
