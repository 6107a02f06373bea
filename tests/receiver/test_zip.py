"""A folder as a zip: whole, or visibly broken off; and never in memory."""

from __future__ import annotations

import http.client
import io
import os
import random
import shutil
import stat
import subprocess
import threading
import time
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from howdah_receiver.api.zip import MOST_AT_ONCE
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.files import archive as archive_module
from howdah_receiver.files.archive import Archive, Torn, safe_top
from howdah_receiver.files.zipstream import MOST_ENTRIES, ZipStream
from kit.inside import receiver_on
from kit.native import MODIFIED_NS, Native, home
from kit.raw_http import Raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_receiver.app import Receiver
    from howdah_receiver.catalogue.spaces import Space
    from kit.native import Answer
    from kit.receiver import RunningReceiver

GIB = 2**30


def fetched(device: Native, path: str) -> Answer:
    return device.get("/folders/zip", {"path": path})


def opened(answer: Answer) -> zipfile.ZipFile:
    assert answer.status == 200, answer
    return zipfile.ZipFile(io.BytesIO(answer.body))


# -- the format


def stream_of(files: dict[str, bytes], stream: ZipStream | None = None) -> bytes:
    """A zip of these files; a name that ends in a slash is a folder."""
    stream = stream or ZipStream()
    found = bytearray()
    for name, data in files.items():
        if name.endswith("/"):
            found += stream.folder(name[:-1], MODIFIED_NS)
            continue
        found += stream.begin(name, len(data), MODIFIED_NS)
        for at in range(0, len(data), 1000):
            found += stream.content(data[at : at + 1000])
        found += stream.end()
    for block in stream.finish():
        found += block
    return bytes(found)


FILES = {
    "a": b"",
    "in/b": os.urandom(5000),
    "\u00e4 \u6587 \U0001f418": b"names",
    "empty/": b"",
    "-rf": b"x" * 100,
}


def check(path: Path, files: dict[str, bytes]) -> None:
    """Two programs of other people read it as it was meant."""
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == list(files)
        assert archive.testzip() is None
        for name, data in files.items():
            assert archive.read(name) == data
            assert archive.getinfo(name).is_dir() is name.endswith("/")
            assert archive.getinfo(name).date_time == (2023, 11, 14, 22, 13, 20)
    unzip = shutil.which("unzip")
    if unzip:
        done = subprocess.run([unzip, "-t", path], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert b"No errors detected" in done.stdout


def test_others_read_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(stream_of(FILES))
    check(path, FILES)


@pytest.mark.parametrize(("limit", "most"), [(4000, 0xFFFF), (0, 0), (0xFFFFFFFF, 3), (200, 2)])
def test_what_does_not_fit_the_old_fields_is_read_too(
    tmp_path: Path, limit: int, most: int
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(stream_of(FILES, ZipStream(limit=limit, most_entries=most)))
    check(path, FILES)


def test_nothing_is_no_bad_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(stream_of({}))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == []


def test_seventy_thousand_entries_are_read_and_take_little_memory(tmp_path: Path) -> None:
    stream, count = ZipStream(), MOST_ENTRIES + 5000
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        for number in range(count):
            file.write(stream.begin(f"folder/{number:06}", 1, MODIFIED_NS))
            file.write(stream.content(b"x"))
            file.write(stream.end())
        kept = sum(map(len, stream._directory._pressed))
        file.writelines(stream.finish())
    assert kept < 45 * count
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == count
        assert archive.read(f"folder/{count - 1:06}") == b"x"


def test_a_content_of_another_size_than_was_said_is_a_mistake() -> None:
    stream = ZipStream()
    stream.begin("a", 3, MODIFIED_NS)
    stream.content(b"ab")
    with pytest.raises(ValueError, match="2 bytes, not 3"):
        stream.end()


@pytest.mark.parametrize(
    ("modified_ns", "shown"),
    [
        (-(2**63), (1980, 1, 1, 0, 0, 0)),
        (0, (1980, 1, 1, 0, 0, 0)),
        (2**63 - 1, (2107, 12, 31, 23, 59, 58)),
        (1_000_000_001_999_999_999, (2001, 9, 9, 1, 46, 40)),
    ],
)
def test_a_time_that_a_zip_cannot_hold_is_the_nearest(
    modified_ns: int, shown: tuple[int, ...]
) -> None:
    stream = ZipStream()
    body = stream.begin("a", 0, modified_ns) + stream.end() + b"".join(stream.finish())
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.infolist()[0].date_time == shown


def test_random_folders_come_out_as_they_went_in(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(20):
        files = {
            f"{'d/' * chance.randrange(4)}{chance.randrange(10**9)}": chance.randbytes(
                chance.choice([0, 1, 999, 1000, 1001, 4096])
            )
            for _ in range(chance.randrange(30))
        }
        limit = chance.choice([0, 500, 5000, 0xFFFFFFFF])
        path = tmp_path / "a.zip"
        path.write_bytes(
            stream_of(files, ZipStream(limit=limit, most_entries=chance.randrange(40)))
        )
        with zipfile.ZipFile(path) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == files


# -- a folder


def test_a_folder_comes_with_all_that_is_in_it(native: Native, folder: str, tmp_path: Path) -> None:
    files = {
        "a.txt": b"abc",
        "in/b.bin": os.urandom(2_500_000),
        "in/deeper/c": b"",
        "\u00e4 \u6587/\U0001f418": b"name",
        "in-between": b"sorts between in/ and in0",
    }
    for name, data in files.items():
        native.published(f"{folder}/top/{name}", data)
    native.published(f"{folder}/beside", b"not this")
    native.published(f"{folder}/top-too/a", b"nor this")
    native.make_folder(f"{folder}/top/empty/one")
    answer = fetched(native, f"{folder}/top")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''top.zip"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-length" not in answer.headers
    with opened(answer) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
        assert archive.getinfo("top/a.txt").date_time == (2023, 11, 14, 22, 13, 20)
        assert stat.S_IMODE(archive.getinfo("top/a.txt").external_attr >> 16) == 0o644
    wanted = {f"top/{name}": data for name, data in files.items()}
    assert found == wanted | {"top/empty/one/": b""}
    (tmp_path / "top.zip").write_bytes(answer.body)
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-q", "top.zip"], cwd=tmp_path, check=True)
        assert (tmp_path / "top" / "in" / "b.bin").read_bytes() == files["in/b.bin"]
        assert int((tmp_path / "top" / "a.txt").stat().st_mtime) == MODIFIED_NS // 10**9


def test_a_whole_space_comes_under_its_name(native: Native, folder: str) -> None:
    native.published(f"{folder}/a", b"abc")
    answer = fetched(native, "")
    assert answer.headers["content-disposition"].endswith("owner.zip")
    with opened(answer) as archive:
        assert archive.read(f"owner/{folder}/a") == b"abc"


@pytest.mark.parametrize("rows", [1, 7, 60, 61])
def test_more_than_a_page_of_the_list_comes_whole(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(archive_module, "_ROWS", rows)
    data = short_path / "data"
    files = {f"top/{n % 8}/{n}{'x' * (n % 3)}": str(n).encode() for n in range(60)}
    with receiver_on(data) as receiver:
        space = space_of(receiver)
        on_its_way(data, files)
        for name in files:
            receiver.files._outside.take_in(space, name)
        with receiver.catalogue.change() as connection:
            folder_rows.add(connection, space.id, [f"top/empty {n}" for n in range(60)])
        body = b"".join(blocks_of(receiver.archives.of(space, "top")))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
        assert len(found) == len(archive.namelist())
    assert found == files | {f"top/empty {n}/": b"" for n in range(60)}


def test_what_is_no_folder_of_ours_is_refused(native: Native, folder: str) -> None:
    native.published(f"{folder}/a", b"abc")
    assert fetched(native, f"{folder}/a").code == "file_not_found"
    assert fetched(native, f"{folder}/nothing").code == "file_not_found"
    assert fetched(native, "..").code == "bad_path"
    assert native.get("/folders/zip", {"space": "0" * 32}).code == "not_found"


@pytest.mark.parametrize(
    ("name", "made_of_it"),
    [("a/b", "a_b"), ("..", "files"), ("", "files"), ("a\\b\0\n", "a_b__"), ("\u00fc" * 300, "\u00fc" * 100)],
)  # fmt: skip
def test_a_space_of_any_name_has_a_folder_in_the_zip(name: str, made_of_it: str) -> None:
    assert safe_top(name) == made_of_it


# -- whole, or broken off


def broken_off(receiver: RunningReceiver, device: Native, path: str) -> bytes:
    """What comes of a zip whose connection must end before the body does."""
    with Raw(receiver.url) as raw:
        target = f"/api/v1/folders/zip?path={quote(path)}"
        raw.head("GET", target, Authorization=f"Bearer {device.token}")
        came = raw.until(b"no such end")
    assert came.startswith(b"HTTP/1.1 200")
    assert not came.endswith(b"0\r\n\r\n")
    return came


def test_a_file_that_is_gone_ends_the_zip_in_the_middle(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a", b"abc")
    native.published(f"{folder}/b", b"bcd")
    (home(shared) / folder / "b").unlink()
    broken_off(shared, native, folder)
    told = shared.process.wait_for("breaks off", stream="stderr").string
    assert f"'{folder}' breaks off: 'b' cannot be read" in told
    # And nothing is left taken.
    for _ in range(2 * MOST_AT_ONCE):
        broken_off(shared, native, folder)


def test_a_file_that_is_replaced_meanwhile_comes_as_it_was_listed(
    native: Native, folder: str
) -> None:
    large = os.urandom(30_000_000)
    native.published(f"{folder}/a", large)
    native.published(f"{folder}/b", b"first")
    began, answer = slowly(native, f"/api/v1/folders/zip?path={folder}")
    native.published(f"{folder}/b", b"second")
    with began, zipfile.ZipFile(io.BytesIO(answer.read())) as archive:
        assert archive.read(f"{folder}/a") == large
        assert archive.read(f"{folder}/b") == b"first"


def blocks_of(archive: Archive) -> Iterator[bytes]:
    while block := archive.next_block():
        yield block


def on_its_way(data: Path, files: dict[str, bytes]) -> None:
    """Files of a space, as if other hands had put them there."""
    for name, content in files.items():
        path = data / "files" / "owner" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize(
    "what", ["taken away", "cut short", "changed", "trashed", "moved", "folder trashed", "nothing"]
)
def test_what_happens_on_the_way_breaks_it_off(short_path: Path, what: str) -> None:
    data = short_path / "data"
    files = {"top/a": os.urandom(3_000_000), "top/b": os.urandom(3_000_000)}
    with receiver_on(data) as receiver:
        space = space_of(receiver)
        on_its_way(data, files)
        for name in files:
            receiver.files._outside.take_in(space, name)
        archive = receiver.archives.of(space, "top")
        blocks = blocks_of(archive)
        next(blocks)
        where = data / "files" / "owner" / "top"
        with receiver.catalogue.write() as connection:
            run = connection.exec_driver_sql
            if what == "taken away":
                (where / "b").unlink()
            elif what == "cut short":
                os.truncate(where / "a", 2_000_000)
            elif what == "changed":
                (where / "a").write_bytes(os.urandom(3_000_000))
            elif what == "trashed":
                run("UPDATE files SET trash_id = 'x' WHERE path = 'top/b'")
            elif what == "folder trashed":
                run("UPDATE folders SET trash_id = 'x' WHERE path = 'top'")
            elif what == "moved":
                run(
                    "INSERT INTO changes (space_id, time_ns, kind, path, from_path)"
                    f" VALUES ('{space.id}', 0, 'moved', 'elsewhere', 'top/c')"
                )
        if what == "nothing":
            assert sum(map(len, blocks)) > 4_000_000
        else:
            with pytest.raises(Torn):
                list(blocks)
        archive.close()
    assert open_files_below(data) == []


def space_of(receiver: Receiver) -> Space:
    with receiver.catalogue.read() as connection:
        return spaces.all_of_them(connection)[0]


def open_files_below(folder: Path) -> list[str]:
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found


def test_who_goes_away_leaves_nothing_open(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a", os.urandom(30_000_000))
    for _ in range(2 * MOST_AT_ONCE):
        with Raw(shared.url) as raw:
            target = f"/api/v1/folders/zip?path={folder}"
            raw.head("GET", target, Authorization=f"Bearer {native.token}")
            assert raw.take(1000)
    deadline = time.monotonic() + 20
    while True:  # until those that went away were noticed
        answer = fetched(native, folder)
        if answer.status == 200 or time.monotonic() > deadline:
            break
    assert answer.status == 200
    where = f"{home(shared) / folder}/a"
    while where in descriptors(shared.process.pid):
        assert time.monotonic() < deadline


def descriptors(pid: int) -> list[str]:
    found = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(entry.path))
        except OSError:
            continue
    return found


def test_so_many_at_a_time_and_no_more(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a", os.urandom(40_000_000))
    link = native.post("/links", {"kind": "folder", "path": folder}).json["url"]
    slow = [slowly(native, f"/api/v1/folders/zip?path={folder}")[0] for _ in range(MOST_AT_ONCE)]
    try:
        refused = fetched(native, folder)
        assert (refused.status, refused.code) == (429, "too_many_downloads")
        assert refused.headers["retry-after"] == "10"
        # Somebody else's share is their own.
        with Native(shared.url) as stranger:
            path = link.removeprefix(shared.url)
            assert stranger.ask("GET", f"{path}/zip").status == 200
    finally:
        for connection in slow:
            with connection:
                pass


def slowly(
    device: Native, path: str
) -> tuple[closing[http.client.HTTPConnection], http.client.HTTPResponse]:
    """A download that has begun and rests."""
    connection = http.client.HTTPConnection(device.url.removeprefix("http://"), timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {device.token}"})
    answer = connection.getresponse()
    assert answer.status == 200
    return closing(connection), answer


def test_a_large_folder_takes_no_memory_and_holds_up_nobody(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    for number in range(4):
        native.published(f"{folder}/{number}", bytes(50_000_000))
    before = memory(shared.process.pid)
    worst, most, stop = 0.0, 0, threading.Event()

    def look() -> None:
        nonlocal worst, most
        with Native(shared.url) as stranger:
            while not stop.is_set():
                began = time.monotonic()
                assert stranger.ask("GET", "/healthz").status == 200
                worst = max(worst, time.monotonic() - began)
                most = max(most, memory(shared.process.pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        size = len(fetched(native, folder).body)
    finally:
        stop.set()
        looking.join()
    assert size > 200_000_000
    assert most - before < 64 * 2**20
    assert worst < 1.0


def memory(pid: int) -> int:
    """Bytes that the process has in memory for itself alone."""
    with open(f"/proc/{pid}/status") as status:
        (line,) = [line for line in status if line.startswith("RssAnon")]
    return int(line.split()[1]) * 1024


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_more_than_four_gib_come_whole(short_path: Path) -> None:
    data, path = short_path / "data", short_path / "a.zip"
    with receiver_on(data) as receiver:
        space = space_of(receiver)
        on_its_way(data, {"top/a": b"before", "top/large": b"", "top/z": b"after"})
        with (data / "files" / "owner" / "top" / "large").open("wb") as file:
            file.seek(5 * GIB - 3)
            file.write(b"end")
        for name in ("top/a", "top/large", "top/z"):
            receiver.files._outside.take_in(space, name)
        with path.open("wb") as file:
            for block in blocks_of(receiver.archives.of(space, "top")):
                if block.count(0) == len(block):
                    file.seek(len(block), os.SEEK_CUR)  # a hole: nobody has to keep 5 GiB
                else:
                    file.write(block)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("top/large").file_size == 5 * GIB
        assert archive.getinfo("top/z").header_offset > 5 * GIB
        assert archive.testzip() is None
        assert archive.read("top/z") == b"after"
    subprocess.run(["unzip", "-tq", path], check=True)
