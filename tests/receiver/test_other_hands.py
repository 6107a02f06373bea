"""What people do in the receiver's folder with other programs: seen, kept, and never served as another's."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kit.native import SMALL_CHUNK, Native, home, random_content, version_file

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def kept_contents(shared: RunningReceiver, file: str) -> dict[str, bytes]:
    """By version: what of the file is kept in versions/."""
    with closing(sqlite3.connect(shared.data / "catalogue.sqlite3")) as catalogue:
        rows = catalogue.execute(
            "SELECT id FROM versions WHERE file_id = ? AND place = 'kept'", [file]
        ).fetchall()
    return {row[0]: version_file(shared, row[0]).read_bytes() for row in rows}


def test_a_file_edited_in_place_is_a_new_version(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"as it was sent")
    (home(shared) / folder / "a").write_bytes(b"as somebody wrote it")
    answer = native.content(file["id"])
    assert answer.body == b"as somebody wrote it"
    assert answer.headers["etag"] != f'"{file["version"]}"'
    assert native.file(file["id"]).json["size"] == len(answer.body)
    assert native.verify_file(file["id"]).json["ok"] is True


def test_a_file_that_was_replaced_is_a_new_version(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", random_content(SMALL_CHUNK))
    new = home(shared) / folder / "new"
    new.write_bytes(b"another inode")
    new.rename(home(shared) / folder / "a")
    assert native.content(file["id"]).body == b"another inode"


def test_a_file_that_was_only_touched_stays_the_same_version(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    os.utime(home(shared) / folder / "a")
    answer = native.content(file["id"])
    assert (answer.body, answer.headers["etag"]) == (content.data, f'"{file["version"]}"')


def test_a_file_that_was_deleted_is_not_found(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"abc")
    (home(shared) / folder / "a").unlink()
    for answer in (native.content(file["id"]), native.verify_file(file["id"])):
        assert (answer.status, answer.code) == (404, "file_not_found")
    (home(shared) / folder).rmdir()
    assert native.content(file["id"]).code == "file_not_found"
    again = native.published(f"{folder}/a", b"abcd")
    assert native.content(again["id"]).body == b"abcd"


def test_an_edit_is_kept_when_an_upload_replaces_it(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a", b"first")
    (home(shared) / folder / "a").write_bytes(b"edited by hand")
    file = native.published(f"{folder}/a", b"third")
    assert b"edited by hand" in kept_contents(shared, file["id"]).values()
    assert native.content(file["id"]).body == b"third"


def test_a_file_that_was_put_there_by_hand_is_kept_when_an_upload_comes(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    place = home(shared) / folder
    place.mkdir(parents=True)
    (place / "a").write_bytes(b"put here by hand")
    file = native.published(f"{folder}/a", b"uploaded")
    assert list(kept_contents(shared, file["id"]).values()) == [b"put here by hand"]
    assert native.content(file["id"]).body == b"uploaded"


def test_what_was_put_there_by_hand_is_not_overwritten_where_nothing_may_stand(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    place = home(shared) / folder
    place.mkdir(parents=True)
    (place / "a").write_bytes(b"put here by hand")
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content, if_version="none")
    assert (answer.status, answer.code) == (412, "version_conflict")
    assert (place / "a").read_bytes() == b"put here by hand"


def test_a_file_that_is_being_written_is_served_later(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(16 * 1024 * 1024, 1024 * 1024)
    file = native.published(f"{folder}/a", content)
    native.digested(file["id"])
    end = threading.Event()

    def write() -> None:
        with (home(shared) / folder / "a").open("ab", buffering=0) as place:
            while not end.is_set():
                place.write(b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        answer = native.content(file["id"])
        for _ in range(20):  # a busy machine may let nobody write while it is read
            if answer.status != 200:
                break
            answer = native.content(file["id"])
    finally:
        end.set()
        writer.join()
    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.headers["retry-after"]
    later = native.content(file["id"])
    assert later.status == 200
    assert later.body.startswith(content.data)


# -- traps


@pytest.fixture
def secret(shared: RunningReceiver, folder: str) -> str:
    """A file outside of what the receiver keeps."""
    path = shared.data.parent / f"secret-{folder}"
    path.write_text("a secret of this machine")
    return str(path)


def test_a_link_in_the_place_of_a_file_is_not_followed(
    native: Native, folder: str, shared: RunningReceiver, secret: str
) -> None:
    file = native.published(f"{folder}/a", b"abc")
    place = home(shared) / folder / "a"
    place.unlink()
    place.symlink_to(secret)
    assert native.content(file["id"]).code == "file_not_found"
    assert native.verify_file(file["id"]).code == "file_not_found"
    content = random_content(10)
    upload = native.sent(f"{folder}/a", content)
    answer = native.complete(upload, content)
    assert (answer.status, answer.code) == (409, "path_conflict")
    with open(secret) as file_outside:
        assert file_outside.read() == "a secret of this machine"


def test_the_same_content_is_no_reason_to_trust_a_link(
    native: Native, folder: str, shared: RunningReceiver, secret: str
) -> None:
    content = random_content(10)
    native.published(f"{folder}/a", content)
    place = home(shared) / folder / "a"
    place.unlink()
    place.symlink_to(secret)
    upload = native.sent(f"{folder}/a", content)
    assert native.complete(upload, content).code == "path_conflict"


def test_a_link_in_the_place_of_a_folder_is_not_followed(
    native: Native, folder: str, shared: RunningReceiver, own_machine: os.PathLike[str]
) -> None:
    outside = shared.data.parent / f"outside-{folder}"
    outside.mkdir()
    (outside / "there").write_text("a secret of this machine")
    file = native.published(f"{folder}/d/there", b"abc")
    place = home(shared) / folder / "d"
    (place / "there").unlink()
    place.rmdir()
    place.symlink_to(outside)
    assert native.content(file["id"]).code == "file_not_found"
    content = random_content(10)
    upload = native.sent(f"{folder}/d/new", content)
    assert native.complete(upload, content).code == "path_conflict"
    assert native.make_folder(f"{folder}/d/sub").code == "path_conflict"
    assert os.listdir(outside) == ["there"]


@pytest.mark.parametrize("trap", ["fifo", "folder", "socket"])
def test_what_is_no_file_is_neither_opened_nor_overwritten(
    native: Native, folder: str, shared: RunningReceiver, trap: str
) -> None:
    file = native.published(f"{folder}/a", b"abc")
    place = home(shared) / folder / "a"
    place.unlink()
    if trap == "fifo":
        os.mkfifo(place)
    elif trap == "folder":
        place.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(place))
    assert native.content(file["id"]).code == "file_not_found"
    assert native.verify_file(file["id"]).code == "file_not_found"
    for data in (b"abc", b"other"):
        content = random_content(10) if data == b"other" else None
        upload = native.sent(f"{folder}/a", content or random_content(3))
        answer = native.complete(upload, content) if content else native.cancel(upload)
        assert answer.code in ("path_conflict", None)
    assert not place.is_file()


def test_a_trap_in_the_place_of_a_part_is_an_error_of_the_disk(
    native: Native, folder: str, shared: RunningReceiver, secret: str
) -> None:
    content = random_content(10)
    upload = native.started(f"{folder}/a", content)
    part = shared.data / "parts" / upload
    part.unlink()
    part.symlink_to(secret)
    answer = native.put(upload, 0, content.data)
    assert (answer.status, answer.code) == (503, "storage_failed")
    assert answer.headers["retry-after"]
    part.unlink()
    assert native.put(upload, 0, content.data).status == 201
    assert native.complete(upload, content).status == 201


def test_a_mistake_of_ours_tells_a_stranger_nothing(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"abc")
    native.digested(file["id"])
    with closing(sqlite3.connect(shared.data / "catalogue.sqlite3")) as catalogue, catalogue:
        catalogue.execute("DELETE FROM manifests WHERE version_id = ?", [file["version"]])
    answer = native.file_manifest(file["id"])
    assert (answer.status, answer.code) == (500, "internal")
    number = answer.json["detail"].removeprefix("Its id is ").removesuffix(".")
    shared.process.wait_for(f"mistake {number}", stream="stderr")
    for word in (b"Traceback", b"sqlite", b"SELECT", str(shared.data).encode(), b".py"):
        assert word not in answer.body
