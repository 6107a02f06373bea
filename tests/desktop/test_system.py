"""The client at its file system: locks, sources that are no files, folders that become links."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop import part_file, system
from howdah_desktop.beneath import BeneathRoot
from howdah_desktop.local_names import check_local_name, part_name
from howdah_desktop.system import Locked, SourceIdentity, exclusive_lock, home, open_source


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ProblemError) as caught:
        call()
    return caught.value.code


@pytest.fixture
def place(own_machine: Path) -> Path:
    place = own_machine / "place"
    place.mkdir()
    return place


@pytest.fixture
def root(place: Path) -> Iterator[BeneathRoot]:
    with BeneathRoot(place / "target") as root:
        yield root


def put(root: BeneathRoot, path: str, data: bytes = b"new", *, replace: bool = False) -> None:
    with root.part(path) as part:
        part.resize(len(data))
        part.write_at(data, 0)
        part.publish(path.rpartition("/")[2], modified_ns=10**18, replace=replace)


# -- the client's own folder


def test_the_clients_folder_is_for_its_user_alone(own_machine: Path) -> None:
    (own_machine / "howdah").chmod(0o777)
    assert home() == own_machine / "howdah"
    assert stat.S_IMODE(home().stat().st_mode) == 0o700


def test_without_a_name_the_folder_is_where_the_platform_has_it(
    own_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOWDAH_HOME")
    assert home() == own_machine / "home/.local/share/howdah"
    assert stat.S_IMODE(home().stat().st_mode) == 0o700


def test_one_lock_has_one_holder_and_ends_with_its_process(place: Path) -> None:
    path = place / "lock"
    program = "import sys; from pathlib import Path; from howdah_desktop.system import *\n"
    program += "with exclusive_lock(Path(sys.argv[1])): print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked), exclusive_lock(path):
            pass
        holder.kill()
    with exclusive_lock(path), pytest.raises(Locked), exclusive_lock(path):
        pass


def test_a_private_file_is_replaced_in_one_step_or_not_at_all(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place / "a"
    system.write_private(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(system, "sync_file", fail)
    with pytest.raises(OSError, match="no"):
        system.write_private(path, b"two")
    assert [file.name for file in place.iterdir()] == ["a"]
    assert path.read_bytes() == b"one"


# -- sources


def test_a_source_is_opened_with_its_identity(place: Path) -> None:
    path = place / "a"
    path.write_bytes(b"abc")
    descriptor, identity = open_source(path, follow=False)
    try:
        assert os.read(descriptor, 9) == b"abc"
        assert os.get_blocking(descriptor)
        assert not os.get_inheritable(descriptor)
        found = path.stat()
        assert identity == SourceIdentity(found.st_dev, found.st_ino, 3, found.st_mtime_ns)
        path.write_bytes(b"abcd")
        assert SourceIdentity.of_descriptor(descriptor) != identity
    finally:
        os.close(descriptor)


def test_links_are_followed_only_where_the_user_named_them(place: Path) -> None:
    (place / "a").write_bytes(b"abc")
    (place / "link").symlink_to("a")
    descriptor, identity = open_source(place / "link", follow=True)
    os.close(descriptor)
    assert identity.size == 3
    assert code_of(lambda: open_source(place / "link", follow=False)) == "source_not_a_file"


@pytest.mark.timeout(10)
def test_what_is_no_file_is_named_and_blocks_nothing(place: Path) -> None:
    os.mkfifo(place / "fifo")
    (place / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "socket"))
        for name in ("fifo", "folder", "socket", "/dev/null", "/dev/tty"):
            code = code_of(partial(open_source, place / name, follow=True))
            assert code == "source_not_a_file"
    (place / "loop").symlink_to("loop")
    assert code_of(lambda: open_source(place / "loop", follow=True)) == "source_not_a_file"
    assert code_of(lambda: open_source(place / "none", follow=True)) == "source_missing"
    assert code_of(lambda: open_source(f"{place}/a\0b", follow=True)) == "source_missing"


def test_errors_of_sources_and_targets_have_their_problem() -> None:
    def coded(number: int) -> OSError:
        return OSError(number, os.strerror(number))

    assert system.source_problem(coded(errno.EACCES)).code == "source_unreadable"
    assert system.source_problem(coded(errno.EIO)).code == "source_failed"
    assert system.target_problem(coded(errno.ENOSPC)).code == "local_full"
    assert system.target_problem(coded(errno.EDQUOT)).code == "local_full"
    assert system.target_problem(coded(errno.EROFS)).code == "target_unwritable"


# -- names


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/etc/passwd", "a\0b", "a\\b", "x" * 256, ".a.howdah-part", "\ud800"],
)
def test_unsafe_names_are_unsafe_everywhere(name: str) -> None:
    for platform in ("linux", "darwin", "win32"):
        assert code_of(partial(check_local_name, name, platform)) == "name_unsafe"


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "nul",
        "Aux.txt",
        "COM1",
        "lpt9.tar.gz",
        "COM¹",
        "CONIN$",
        "NUL .txt",
        "a:b",
        "a.",
        "a ",
        "a?",
        "a*b",
        'a"b',
        "a<b",
        "a\tb",
    ],
)
def test_windows_meanings_are_unsafe_on_windows_alone(name: str) -> None:
    assert code_of(lambda: check_local_name(name, "win32")) == "name_unsafe"
    assert check_local_name(name, "linux") == name


@pytest.mark.parametrize("name", ["a", "CONSOLE", "COM10", "con-a", "ü", " a", "a.b.c", "..a"])
def test_ordinary_names_are_fine_everywhere(name: str) -> None:
    for platform in ("linux", "darwin", "win32"):
        assert check_local_name(name, platform) == name


def test_parts_of_long_names_fit_and_stay_apart() -> None:
    first, second = "ü" * 127 + "1", "ü" * 127 + "2"
    assert part_name("a") == ".a.howdah-part"
    assert len(part_name(first).encode()) <= 255
    assert part_name(first) != part_name(second)


# -- beneath


def test_a_file_gets_its_name_whole_with_its_times_and_the_usual_rights(
    root: BeneathRoot, place: Path
) -> None:
    with root.part("a/b/c.txt") as part:
        part.resize(6)
        part.write_at(b"def", 3)
        part.write_at(memoryview(b"abc"), 0)
        assert part.read_at(9, 0) == b"abcdef"
        assert not (place / "target/a/b/c.txt").exists()
        left = place / "target/a/b/.c.txt.howdah-part"
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
        part.publish("c.txt", modified_ns=1_600_000_000_123_456_789, replace=False)
    found = (place / "target/a/b/c.txt").stat()
    assert found.st_mtime_ns == 1_600_000_000_123_456_789
    assert stat.S_IMODE(found.st_mode) == 0o666 & ~part_file._UMASK
    assert found.st_nlink == 1
    assert not left.exists()


@pytest.mark.parametrize("modified_ns", [-1, 2**62, 2**80, -(2**80)])
def test_a_time_that_cannot_be_keeps_no_file_back(
    root: BeneathRoot, place: Path, modified_ns: int
) -> None:
    with root.part("a") as part:
        part.publish("a", modified_ns=modified_ns, replace=False)
    assert (place / "target/a").read_bytes() == b""


def test_nothing_is_replaced_unless_asked_for(root: BeneathRoot, place: Path) -> None:
    (place / "target/a").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        put(root, "a")
    assert (place / "target/a").read_bytes() == b"theirs"
    put(root, "a", replace=True)
    assert (place / "target/a").read_bytes() == b"new"


def test_disks_without_second_names_are_written_too(
    root: BeneathRoot, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    put(root, "a")
    assert (place / "target/a").read_bytes() == b"new"
    with pytest.raises(FileExistsError):
        put(root, "a", b"newer")


def test_a_part_that_was_left_is_taken_up(root: BeneathRoot) -> None:
    with root.part("a") as part:
        part.resize(100)
        part.write_at(b"abc", 50)
    with root.part("a") as part:
        assert part.read_at(3, 50) == b"abc"
        part.resize(51)
        assert part.read_at(100, 50) == b"a"
    root.discard_part("a")
    with root.part("a") as part:
        assert part.read_at(100, 0) == b""


def test_two_downloads_never_write_one_part(root: BeneathRoot) -> None:
    with root.part("a"):
        assert code_of(lambda: root.part("a")) == "target_unwritable"


def test_a_part_that_is_not_ours_is_replaced_not_written_into(
    root: BeneathRoot, place: Path
) -> None:
    outside = place / "outside"
    outside.write_bytes(b"theirs")
    part = place / "target/.a.howdah-part"
    for plant in (
        partial(part.symlink_to, outside),
        partial(part.hardlink_to, outside),
        partial(os.mkfifo, part),
    ):
        plant()
        put(root, "a", replace=True)
        assert (place / "target/a").read_bytes() == b"new"
        assert outside.read_bytes() == b"theirs"


def test_a_part_that_was_swapped_is_not_published(root: BeneathRoot, place: Path) -> None:
    with root.part("a") as part:
        (place / "target/.a.howdah-part").unlink()
        (place / "target/.a.howdah-part").write_bytes(b"theirs")
        code = code_of(lambda: part.publish("a", modified_ns=0, replace=False))
    assert code == "target_unwritable"
    assert not (place / "target/a").exists()


@pytest.mark.parametrize("link_to", ["outside", "../outside", "."])
def test_a_link_in_the_way_is_never_followed(root: BeneathRoot, place: Path, link_to: str) -> None:
    outside = place / "outside"
    outside.mkdir()
    (place / "target/a").symlink_to(outside if link_to == "outside" else link_to)
    assert code_of(lambda: put(root, "a/b")) == "target_unwritable"
    assert code_of(lambda: root.make_folder("a/c")) == "target_unwritable"
    assert code_of(lambda: root.stat("a/b")) == "target_unwritable"
    assert code_of(lambda: root.open_source("a/b")) == "source_missing"
    root.discard_part("a/b")
    assert list(outside.iterdir()) == []


def test_a_link_at_the_name_itself_is_replaced_or_stays(root: BeneathRoot, place: Path) -> None:
    outside = place / "outside"
    outside.write_bytes(b"theirs")
    (place / "target/a").symlink_to(outside)
    with pytest.raises(FileExistsError):
        put(root, "a")
    put(root, "a", replace=True)
    assert outside.read_bytes() == b"theirs"
    assert (place / "target/a").read_bytes() == b"new"


def test_the_root_stays_the_folder_that_was_opened(root: BeneathRoot, place: Path) -> None:
    (place / "target").rename(place / "moved")
    (place / "outside").mkdir()
    (place / "target").symlink_to("outside")
    put(root, "a/b")
    assert (place / "moved/a/b").read_bytes() == b"new"
    assert list((place / "outside").iterdir()) == []


def test_unsafe_paths_are_refused_whoever_asks(root: BeneathRoot, place: Path) -> None:
    for path in ("../a", "/a", "a//b", "a/../../b", "", ".", "a\0b", "a/" + "x" * 300):
        assert code_of(partial(put, root, path)) == "name_unsafe"
        assert code_of(partial(root.make_folder, path)) == "name_unsafe"
        assert code_of(partial(root.stat, path)) == "name_unsafe"
    assert [file.name for file in place.iterdir()] == ["target"]


def test_a_full_disk_is_said_before_the_bytes_come(
    root: BeneathRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with root.part("a") as part:
        part.resize(10)
        assert code_of(lambda: part.resize(2**50)) == "local_full"
        assert os.fstat(part.descriptor).st_size == 10

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(part_file, "write_at", full)
        assert code_of(lambda: part.write_at(b"a", 0)) == "local_full"


def test_short_writes_are_carried_on(
    root: BeneathRoot, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = system.write_at
    monkeypatch.setattr(part_file, "write_at", lambda fd, data, offset: whole(fd, data[:2], offset))
    put(root, "a", b"abcdefg")
    assert (place / "target/a").read_bytes() == b"abcdefg"


def test_after_a_failed_sync_the_part_is_not_trusted_again(
    root: BeneathRoot, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(part_file, "sync_file", fail)
    assert code_of(lambda: put(root, "a")) == "target_unwritable"
    assert list((place / "target").iterdir()) == []


def test_a_hole_was_never_written(root: BeneathRoot) -> None:
    with root.part("a") as part:
        part.resize(4 * 2**20)
        part.write_at(b"\0" * 4096, 2**20)
        assert part.maybe_written(2**20)
        assert not part.maybe_written(3 * 2**20)


def test_folders_swapped_for_links_lead_nothing_outside(root: BeneathRoot, place: Path) -> None:
    """The race of E8: a folder and a link change places while files are written and read."""
    outside, target = place / "outside", place / "target"
    outside.mkdir()
    (outside / "f").write_bytes(b"secret")
    over = threading.Event()

    def swap() -> None:
        folder, link, spare = target / "a", target / "l", target / "s"
        folder.mkdir(exist_ok=True)
        link.symlink_to(outside)
        while not over.is_set():
            try:
                folder.rename(spare)
                link.rename(folder)
                folder.rename(link)
                spare.rename(folder)
            except OSError:
                folder.mkdir(exist_ok=True)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for number in range(300):
            with suppress(ProblemError):  # the link was there, or nothing
                put(root, f"a/{number}")
            with pytest.raises(ProblemError):  # "f" stands in the other folder alone
                root.open_source("a/f")
    finally:
        over.set()
        swapper.join()
    assert [file.name for file in outside.iterdir()] == ["f"]
