"""The face for other Python programs: an upload's way in plain calls."""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

import howdah_receiver
from howdah_common.digests import BLAKE3, digest
from howdah_receiver import control
from howdah_receiver.catalogue.tables import uploads
from howdah_receiver.embedded import EmbeddedReceiver, StartRefused, UploadError
from howdah_receiver.embedded.figures import statistics
from kit.native import rot
from kit.serving import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_receiver.embedded import PublishedFile, StartedUpload

KIB = 1024
CHUNK = 64 * KIB
CLIENT_ID = "0123456789abcdef" * 2


@pytest.fixture
def data(short_path: Path) -> Path:
    return short_path / "data"


@pytest.fixture
def face(data: Path) -> Iterator[EmbeddedReceiver]:
    with EmbeddedReceiver(data) as receiver:
        yield receiver


def started(face: EmbeddedReceiver, content: bytes, name: str = "a.bin") -> StartedUpload:
    return face.start_upload(name, len(content), chunk_size=CHUNK)


def chunk(content: bytes, number: int) -> bytes:
    return content[number * CHUNK : (number + 1) * CHUNK]


def uploaded(face: EmbeddedReceiver, content: bytes, name: str = "a.bin") -> PublishedFile:
    upload = started(face, content, name)
    file = upload.result
    for number in range(upload.total_chunks):
        file = face.upload_chunk(upload.upload_id, number, chunk(content, number)).result
    assert file is not None
    return file


def code_of(error: pytest.ExceptionInfo[UploadError]) -> str:
    return error.value.code


def by_hand(face: EmbeddedReceiver) -> Path:
    """Where the face keeps what is on its way."""
    return face._receiver.folder.path / "parts"


# -- the way of an upload


def test_chunks_in_any_order_make_the_file_and_every_figure_on_the_way_is_right(
    face: EmbeddedReceiver, data: Path
) -> None:
    content = os.urandom(3 * CHUNK + 5)
    upload = face.start_upload("a.bin", len(content), {"from": "here"}, chunk_size=CHUNK)
    assert (upload.chunk_size, upload.total_chunks, upload.complete) == (CHUNK, 4, False)

    last = face.upload_chunk(upload.upload_id, 3, chunk(content, 3))
    assert (last.chunk_number, last.chunks_received, last.chunks_needed) == (3, 1, 3)
    assert last.progress == pytest.approx(5 / len(content))
    assert (last.complete, last.result) == (False, None)

    face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
    status = face.get_status(upload.upload_id)
    assert (status.filename, status.status, status.path) == ("a.bin", "open", None)
    assert (status.total_size, status.size_uploaded) == (len(content), CHUNK + 5)
    assert (status.chunks_received, status.total_chunks) == (2, 4)
    assert status.progress == pytest.approx((CHUNK + 5) / len(content))
    assert status.metadata == {"from": "here"}
    assert abs(datetime.now(UTC) - status.started) < timedelta(minutes=1)
    assert status.speed is not None
    assert status.time_remaining == pytest.approx(2 * CHUNK / status.speed)
    assert face.active_uploads()[0].upload_id == upload.upload_id
    assert face.resume_upload(upload.upload_id).missing == (0, 2)

    face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
    done = face.upload_chunk(upload.upload_id, 2, chunk(content, 2))
    assert (done.chunks_received, done.chunks_needed, done.progress) == (4, 0, 1.0)
    assert done.complete
    file = done.result
    assert file is not None
    assert file.path == data / "files" / "owner" / "a.bin"
    assert (file.remote_path, file.size) == ("a.bin", len(content))
    assert 0 < file.duration < 60
    assert file.path.read_bytes() == content

    status = face.get_status(upload.upload_id)
    assert (status.status, status.path, status.time_remaining) == ("published", file.path, 0.0)
    assert (status.size_uploaded, status.progress, status.speed) == (len(content), 1.0, None)
    assert face.active_uploads() == []


def test_an_empty_file_is_there_at_once(face: EmbeddedReceiver) -> None:
    upload = face.start_upload("nothing", 0)
    assert (upload.total_chunks, upload.complete) == (0, True)
    assert upload.result is not None
    assert upload.result.path.read_bytes() == b""
    status = face.get_status(upload.upload_id)
    assert (status.status, status.progress) == ("published", 1.0)


@pytest.mark.parametrize("kind", ["bytearray", "memoryview", "file", "blocks", "one block again"])
def test_a_chunk_comes_as_bytes_a_file_or_blocks(face: EmbeddedReceiver, kind: str) -> None:
    content = os.urandom(2_500_000)
    upload = face.start_upload("a.bin", len(content), chunk_size=4 * 1024 * KIB)

    def reused() -> Iterator[bytearray]:
        block = bytearray(1000)
        for at in range(0, len(content), len(block)):
            block[:] = content[at : at + len(block)]
            yield block

    ways = {
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "file": io.BytesIO(content),
        "blocks": (content[at : at + 777] for at in range(0, len(content), 777)),
        "one block again": reused(),
    }
    done = face.upload_chunk(upload.upload_id, 0, ways[kind])  # type: ignore[arg-type]
    assert done.result is not None
    assert done.result.path.read_bytes() == content


def test_a_large_chunk_of_many_blocks_takes_little_memory(face: EmbeddedReceiver) -> None:
    size = 32 * 1024 * KIB
    upload = face.start_upload("a.bin", size, chunk_size=size)
    blocks = (bytes(CHUNK) for _ in range(size // CHUNK))
    tracemalloc.start()
    try:
        assert face.upload_chunk(upload.upload_id, 0, blocks).complete
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * KIB


@pytest.mark.parametrize("wrong", ["text", 7, None, ["text"]])
def test_what_is_not_bytes_is_a_type_error_and_nothing_is_kept(
    face: EmbeddedReceiver, wrong: object
) -> None:
    upload = started(face, b"x" * 4)
    with pytest.raises(TypeError):
        face.upload_chunk(upload.upload_id, 0, wrong)  # type: ignore[arg-type]
    assert face.resume_upload(upload.upload_id).missing == (0,)
    assert face.upload_chunk(upload.upload_id, 0, b"xxxx").complete


def test_a_source_that_breaks_leaves_the_chunk_missing_and_says_so_itself(
    face: EmbeddedReceiver,
) -> None:
    content = os.urandom(3_000_000)
    upload = face.start_upload("a.bin", len(content), chunk_size=4 * 1024 * KIB)

    def breaking() -> Iterator[bytes]:
        yield content[:2_000_000]
        raise ConnectionResetError("the line broke")

    with pytest.raises(ConnectionResetError, match="the line broke"):
        face.upload_chunk(upload.upload_id, 0, breaking())
    assert face.resume_upload(upload.upload_id).missing == (0,)
    assert face.upload_chunk(upload.upload_id, 0, content).complete


@pytest.mark.parametrize("as_blocks", [False, True])
@pytest.mark.parametrize("size", [0, 9, 11, CHUNK, 3 * 1024 * KIB])
def test_a_chunk_of_another_length_is_refused(
    face: EmbeddedReceiver, size: int, as_blocks: bool
) -> None:
    upload = started(face, b"x" * 10)
    wrong = b"x" * size
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, iter([wrong]) if as_blocks else wrong)
    assert code_of(error) == "chunk_out_of_range"
    assert face.resume_upload(upload.upload_id).missing == (0,)


@pytest.mark.parametrize("number", [-1, 2, 10**6])
def test_a_number_beyond_the_upload_is_refused(face: EmbeddedReceiver, number: int) -> None:
    upload = started(face, b"x" * (CHUNK + 1))
    for ask in (
        lambda: face.upload_chunk(upload.upload_id, number, b"x"),
        lambda: face.verify_chunk(upload.upload_id, number),
    ):
        with pytest.raises(UploadError) as error:
            ask()
        assert code_of(error) == "chunk_out_of_range"


def test_a_chunk_that_is_not_what_its_hash_says_is_not_kept(face: EmbeddedReceiver) -> None:
    content = os.urandom(CHUNK)
    upload = started(face, content)
    wanted = hashlib.sha256(content).hexdigest()
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, bytes(CHUNK), wanted)
    assert code_of(error) == "chunk_mismatch"
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, content, "no digest")
    assert code_of(error) == "bad_request"
    assert face.resume_upload(upload.upload_id).missing == (0,)
    assert face.upload_chunk(upload.upload_id, 0, content, wanted.upper()).complete


def test_a_chunk_may_come_again_with_the_same_bytes_and_no_others(face: EmbeddedReceiver) -> None:
    content = os.urandom(2 * CHUNK)
    upload = started(face, content)
    face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
    again = face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
    assert (again.chunks_received, again.chunks_needed) == (1, 1)
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, bytes(CHUNK))
    assert code_of(error) == "chunk_conflict"


def test_the_answer_to_the_last_chunk_can_be_asked_for_again(face: EmbeddedReceiver) -> None:
    content = os.urandom(CHUNK + 1)
    upload = started(face, content)
    face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
    first = face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
    again = face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
    assert again.complete
    assert again.result is not None
    assert first.result is not None
    assert again.result.version == first.result.version
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 1, b"?")
    assert code_of(error) == "chunk_conflict"
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 1, b"?", hashlib.sha256(b"!").hexdigest())
    assert code_of(error) == "chunk_mismatch"
    resumed = face.resume_upload(upload.upload_id)
    assert (resumed.missing, resumed.complete, resumed.progress) == ((), True, 1.0)


def test_many_threads_fill_one_upload_and_the_file_is_made_once(face: EmbeddedReceiver) -> None:
    content = os.urandom(40 * CHUNK)
    upload = started(face, content)
    # Each chunk twice, so that newer calls meet older ones, and some come when all is done.
    numbers = [*range(40), *reversed(range(40))]

    def send(number: int) -> PublishedFile | None:
        while True:
            try:
                return face.upload_chunk(upload.upload_id, number, chunk(content, number)).result
            except UploadError as error:
                if error.code != "chunk_superseded":
                    raise

    with ThreadPoolExecutor(16) as pool:
        files = [file for file in pool.map(send, numbers) if file is not None]
    assert {file.version for file in files} == {files[0].version}
    assert files[0].path.read_bytes() == content
    assert face.get_statistics().files_stored == 1


def test_a_newer_call_with_the_same_chunk_stops_the_older_one(face: EmbeddedReceiver) -> None:
    content = os.urandom(3_000_000)
    upload = face.start_upload("a.bin", len(content), chunk_size=4 * 1024 * KIB)
    newer: list[bool] = []

    def slow() -> Iterator[bytes]:
        yield content[:2_000_000]
        newer.append(face.upload_chunk(upload.upload_id, 0, content).complete)
        yield content[2_000_000:]

    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, slow())
    assert code_of(error) == "chunk_superseded"
    assert newer == [True]


def test_blake3_is_there_for_who_asks_for_it(face: EmbeddedReceiver) -> None:
    content = os.urandom(10)
    upload = face.start_upload("a.bin", 10, algorithm=BLAKE3)
    hexed = digest(BLAKE3, content).hex()
    assert face.upload_chunk(upload.upload_id, 0, content, hexed).complete
    assert face.verify_chunk(upload.upload_id, 0).expected == hexed
    with pytest.raises(UploadError) as error:
        face.start_upload("a.bin", 10, algorithm="md5")
    assert code_of(error) == "digest_unsupported"


# -- start


def test_the_same_start_again_is_the_same_upload(face: EmbeddedReceiver) -> None:
    first = face.start_upload("a.bin", 10, client_id=CLIENT_ID)
    again = face.start_upload("a.bin", 10, client_id=CLIENT_ID)
    assert again == first
    with pytest.raises(UploadError) as error:
        face.start_upload("a.bin", 11, client_id=CLIENT_ID)
    assert code_of(error) == "client_id_conflict"
    done = face.upload_chunk(first.upload_id, 0, b"0123456789")
    again = face.start_upload("a.bin", 10, client_id=CLIENT_ID)
    assert again.complete
    assert again.result is not None
    assert done.result is not None
    assert again.result.version == done.result.version


def test_the_same_start_of_a_cancelled_upload_says_that_it_is_over(face: EmbeddedReceiver) -> None:
    upload = face.start_upload("a.bin", 10, client_id=CLIENT_ID)
    assert face.cancel_upload(upload.upload_id).status == "cancelled"
    with pytest.raises(UploadError) as error:
        face.start_upload("a.bin", 10, client_id=CLIENT_ID)
    assert (code_of(error), error.value.extra["state"]) == ("upload_not_open", "cancelled")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "a\0b", "x" * 256])
def test_a_filename_is_a_name_and_no_path(face: EmbeddedReceiver, name: str) -> None:
    with pytest.raises(UploadError) as error:
        face.start_upload(name, 1)
    assert code_of(error) == "bad_path"
    with pytest.raises(UploadError) as error:
        face.start_upload("a", 1, folder=f"{name}/..")
    assert code_of(error) == "bad_path"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"total_size": -1}, "bad_chunk_size"),
        ({"total_size": None}, "bad_request"),
        ({"total_size": "10"}, "bad_request"),
        ({"total_size": True}, "bad_request"),
        ({"metadata": {"a": 1}}, "bad_request"),
        ({"client_id": "short"}, "bad_request"),
        ({"chunk_size": 1000}, "bad_chunk_size"),
        ({"modified_ns": 2**70}, "bad_request"),
    ],
)
def test_a_start_that_makes_no_sense_is_refused_as_on_the_wire(
    face: EmbeddedReceiver, arguments: dict[str, object], code: str
) -> None:
    with pytest.raises(UploadError) as error:
        face.start_upload(**{"filename": "a", "total_size": 10, **arguments})  # type: ignore[arg-type]
    assert code_of(error) == code
    assert face.active_uploads() == []


def test_files_go_below_the_folder_of_the_face_and_that_of_the_start(data: Path) -> None:
    with EmbeddedReceiver(data, folder="from the web") as face:
        upload = face.start_upload("a.bin", 1, folder="x/y", modified_ns=1_600_000_000 * 10**9)
        file = face.upload_chunk(upload.upload_id, 0, b"!").result
        assert file is not None
        assert file.remote_path == "from the web/x/y/a.bin"
        assert file.path == data / "files" / "owner" / file.remote_path
        assert file.path.stat().st_mtime == 1_600_000_000


# -- completion


def test_without_auto_complete_the_file_is_made_when_it_is_asked_for(data: Path) -> None:
    content = os.urandom(CHUNK + 1)
    with EmbeddedReceiver(data, auto_complete=False) as face:
        upload = started(face, content)
        face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
        with pytest.raises(UploadError) as error:
            face.complete_upload(upload.upload_id)
        assert code_of(error) == "upload_incomplete"
        assert error.value.extra["missing"] == [(1, 1)]
        whole = face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
        assert (whole.chunks_needed, whole.progress) == (0, 1.0)
        assert (whole.complete, whole.result) == (False, None)
        sha256 = hashlib.sha256(content).hexdigest()
        file = face.complete_upload(upload.upload_id, sha256)
        assert file.sha256 == sha256
        assert file.path.read_bytes() == content
        assert face.complete_upload(upload.upload_id) == file
        assert face.complete_upload(upload.upload_id, sha256) == file
        with pytest.raises(UploadError) as error:
            face.complete_upload(upload.upload_id, "0" * 64)
        assert code_of(error) == "completion_conflict"


def test_a_whole_file_with_another_sha256_is_rejected(data: Path) -> None:
    with EmbeddedReceiver(data, auto_complete=False) as face:
        upload = started(face, b"abc")
        face.upload_chunk(upload.upload_id, 0, b"abc")
        with pytest.raises(UploadError) as error:
            face.complete_upload(upload.upload_id, hashlib.sha256(b"abd").hexdigest())
        assert code_of(error) == "sha256_mismatch"
        status = face.get_status(upload.upload_id)
        assert (status.status, status.problem) == ("rejected", "sha256_mismatch")
        for ask in (face.resume_upload, face.complete_upload, face.upload_chunk):
            with pytest.raises(UploadError) as error:
                ask(upload.upload_id, *((0, b"abc") if ask == face.upload_chunk else ()))
            assert code_of(error) == "upload_not_open"


def test_a_completion_that_cannot_be_leaves_every_chunk_and_is_tried_again(
    face: EmbeddedReceiver,
) -> None:
    blocking = uploaded(face, b"a file", "name")
    upload = face.start_upload("b.bin", 3, folder="name")
    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, b"abc")
    assert code_of(error) == "path_conflict"
    status = face.get_status(upload.upload_id)
    assert (status.status, status.chunks_received) == ("open", 1)
    with pytest.raises(UploadError) as error:
        face.resume_upload(upload.upload_id)
    assert code_of(error) == "path_conflict"
    assert blocking.path.read_bytes() == b"a file"


def test_what_stood_at_the_path_is_kept_as_a_version(face: EmbeddedReceiver, data: Path) -> None:
    first = uploaded(face, b"one")
    second = uploaded(face, b"two")
    assert first.path == second.path
    assert second.path.read_bytes() == b"two"
    assert first.file_id == second.file_id
    assert (data / "versions" / first.version).read_bytes() == b"one"


def test_the_file_of_an_upload_that_was_replaced_is_where_it_is_kept(
    face: EmbeddedReceiver, data: Path
) -> None:
    upload = started(face, b"one")
    face.upload_chunk(upload.upload_id, 0, b"one")
    uploaded(face, b"two")
    again = face.complete_upload(upload.upload_id)
    assert again.path == data / "versions" / again.version
    assert again.path.read_bytes() == b"one"
    assert face.verify_chunk(upload.upload_id, 0).ok


# -- verify, cancel, statistics


def test_a_chunk_is_read_again_before_and_after_publication(face: EmbeddedReceiver) -> None:
    content = os.urandom(CHUNK + 1)
    upload = started(face, content)
    with pytest.raises(UploadError) as error:
        face.verify_chunk(upload.upload_id, 0)
    assert code_of(error) == "upload_incomplete"
    face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
    right = hashlib.sha256(chunk(content, 0)).hexdigest()
    for _ in ("open", "published"):
        found = face.verify_chunk(upload.upload_id, 0)
        assert (found.ok, found.expected, found.actual) == (True, right, right)
        assert face.verify_chunk(upload.upload_id, 0, right).ok
        other = face.verify_chunk(upload.upload_id, 0, "0" * 64)
        assert (other.ok, other.expected, other.actual) == (False, "0" * 64, right)
        with pytest.raises(UploadError) as error:
            face.verify_chunk(upload.upload_id, 0, "xyz")
        assert code_of(error) == "bad_request"
        face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
    assert face.get_status(upload.upload_id).status == "published"


def test_a_chunk_that_rotted_is_found_and_asked_for_again(face: EmbeddedReceiver) -> None:
    content = os.urandom(2 * CHUNK)
    upload = started(face, content)
    face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
    rot(by_hand(face) / upload.upload_id, CHUNK + 7)
    found = face.verify_chunk(upload.upload_id, 1)
    assert not found.ok
    assert found.actual != found.expected
    assert face.resume_upload(upload.upload_id).missing == (0, 1)
    face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
    file = face.upload_chunk(upload.upload_id, 0, chunk(content, 0)).result
    assert file is not None
    assert file.path.read_bytes() == content


def test_a_published_chunk_that_rotted_is_not_ok(face: EmbeddedReceiver) -> None:
    upload = started(face, b"abc")
    file = face.upload_chunk(upload.upload_id, 0, b"abc").result
    assert file is not None
    rot(file.path)
    for _ in ("found here, or in the background before", "known"):
        found = face.verify_chunk(upload.upload_id, 0)
        assert (found.ok, found.expected) == (False, hashlib.sha256(b"abc").hexdigest())


def test_a_cancelled_upload_frees_its_space_and_cannot_go_on(face: EmbeddedReceiver) -> None:
    upload = started(face, b"x" * (CHUNK + 1))
    face.upload_chunk(upload.upload_id, 0, b"x" * CHUNK)
    part = by_hand(face) / upload.upload_id
    assert part.exists()
    for _ in ("once", "again"):
        assert face.cancel_upload(upload.upload_id).status == "cancelled"
    assert not part.exists()
    for ask in (
        lambda: face.upload_chunk(upload.upload_id, 1, b"x"),
        lambda: face.resume_upload(upload.upload_id),
        lambda: face.complete_upload(upload.upload_id),
        lambda: face.verify_chunk(upload.upload_id, 0),
    ):
        with pytest.raises(UploadError) as error:
            ask()
        assert code_of(error) == "upload_not_open"
    published = started(face, b"abc")
    face.upload_chunk(published.upload_id, 0, b"abc")
    with pytest.raises(UploadError) as error:
        face.cancel_upload(published.upload_id)
    assert code_of(error) == "upload_not_open"


def test_an_upload_that_nobody_began_is_not_found(face: EmbeddedReceiver) -> None:
    for ask in (
        lambda: face.upload_chunk("0" * 32, 0, b""),
        lambda: face.resume_upload("0" * 32),
        lambda: face.complete_upload("0" * 32),
        lambda: face.cancel_upload("0" * 32),
        lambda: face.get_status("0" * 32),
        lambda: face.verify_chunk("0" * 32, 0),
    ):
        with pytest.raises(UploadError) as error:
            ask()
        assert code_of(error) == "upload_not_found"
        assert error.value.status == 404
        assert error.value.sentence == "The receiver does not know this upload."
        assert error.value.remedy.endswith(".")


def test_statistics_count_what_is_there_and_what_came_this_week(face: EmbeddedReceiver) -> None:
    nothing = face.get_statistics()
    assert (nothing.uploads_today, nothing.average_speed, nothing.files_stored) == (0, None, 0)
    uploaded(face, b"one", "a")
    uploaded(face, b"three", "b")
    uploaded(face, b"four", "b")
    half = started(face, b"x" * (CHUNK + 1))
    face.upload_chunk(half.upload_id, 0, b"x" * CHUNK)
    found = face.get_statistics()
    assert (found.active_uploads, found.active_bytes) == (1, CHUNK + 1)
    assert found.active_bytes_received == CHUNK
    assert (found.uploads_today, found.uploads_this_week) == (3, 3)
    assert (found.files_stored, found.bytes_stored) == (2, 7)
    assert found.average_speed is not None
    assert math.isfinite(found.average_speed)


def test_days_begin_at_midnight_and_weeks_on_monday(face: EmbeddedReceiver) -> None:
    wednesday = datetime(2030, 5, 15, 10, tzinfo=UTC)
    ends = {
        "a": wednesday - timedelta(hours=1),
        "b": wednesday - timedelta(hours=11),  # Tuesday, 23:00
        "c": wednesday - timedelta(days=2, hours=10),  # Monday, 0:00
        "d": wednesday - timedelta(days=2, hours=11),  # Sunday, 23:00
    }
    for name, end in ends.items():
        uploaded(face, b"x" * 10, name)
        ended_ns = int(end.timestamp()) * 10**9
        with face._receiver.catalogue.write() as connection:
            connection.execute(
                update(uploads)
                .where(uploads.c.path == name)
                .values(started_ns=ended_ns - 2 * 10**9, ended_ns=ended_ns)
            )
    with face._receiver.catalogue.read() as connection:
        found = statistics(connection, face._caller.account_id, face._space.id, wednesday)
    assert (found.uploads_today, found.uploads_this_week) == (1, 3)
    assert found.average_speed == pytest.approx(5.0)  # 10 bytes in 2 s, three times


# -- its life


def test_an_upload_goes_on_after_the_face_was_closed_and_opened(data: Path) -> None:
    content = os.urandom(2 * CHUNK)
    with EmbeddedReceiver(data) as face:
        upload = started(face, content)
        face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
    assert (data / "clean").exists()
    with EmbeddedReceiver(data) as face:
        assert face.resume_upload(upload.upload_id).missing == (1,)
        file = face.upload_chunk(upload.upload_id, 1, chunk(content, 1)).result
        assert file is not None
        assert file.path.read_bytes() == content
    with EmbeddedReceiver(data) as face:
        assert face.get_status(upload.upload_id).path == file.path


def test_a_whole_upload_that_was_not_published_is_by_resuming_it(data: Path) -> None:
    with EmbeddedReceiver(data, auto_complete=False) as face:
        upload = started(face, b"abc")
        face.upload_chunk(upload.upload_id, 0, b"abc")
    with EmbeddedReceiver(data) as face:
        resumed = face.resume_upload(upload.upload_id)
        assert (resumed.missing, resumed.complete) == ((), True)
        assert resumed.result is not None
        assert resumed.result.path.read_bytes() == b"abc"


@pytest.mark.parametrize("whole", [False, True])
def test_an_upload_in_recovery_is_taken_up_by_going_on_with_it(data: Path, whole: bool) -> None:
    content = os.urandom(CHUNK + 1)
    with EmbeddedReceiver(data, auto_complete=False) as face:
        upload = started(face, content)
        face.upload_chunk(upload.upload_id, 0, chunk(content, 0))
        if whole:
            face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
        with face._receiver.catalogue.write() as connection:
            connection.execute(update(uploads).values(active_ns=0))
    with EmbeddedReceiver(data) as face:
        face._receiver.expiry.run(threading.Event())
        status = face.get_status(upload.upload_id)
        assert (status.status, status.chunks_received) == ("expired", 2 if whole else 1)
        assert status.expires is not None
        assert status.expires > datetime.now(UTC)
        assert face.active_uploads() == []
        resumed = face.resume_upload(upload.upload_id)
        assert (resumed.missing, resumed.complete) == (() if whole else (1,), whole)
        done = face.upload_chunk(upload.upload_id, 1, chunk(content, 1))
        assert done.result is not None
        assert done.result.path.read_bytes() == content


def test_limits_of_the_settings_hold(data: Path) -> None:
    limits: dict[str, Any] = {
        "upload_most_bytes": 10,
        "uploads_most_open": 1,
        "types_denied": "image/png",
    }
    with EmbeddedReceiver(data, **limits) as face:
        with pytest.raises(UploadError) as error:
            face.start_upload("a", 11)
        assert code_of(error) == "upload_too_large"
        upload = face.start_upload("a", 10)
        with pytest.raises(UploadError) as error:
            face.start_upload("b", 10)
        assert code_of(error) == "too_many_uploads"
        with pytest.raises(UploadError) as error:
            face.upload_chunk(upload.upload_id, 0, b"\x89PNG\r\n\x1a\n\0\0")
        assert code_of(error) == "type_refused"
        assert face.resume_upload(upload.upload_id).missing == (0,)
        assert face.upload_chunk(upload.upload_id, 0, b"only words").complete


def test_after_the_end_every_call_says_that_it_is_closed(data: Path) -> None:
    face = EmbeddedReceiver(data)
    upload = started(face, b"abc")
    face.close()
    face.close()
    for ask in (
        lambda: face.start_upload("a", 1),
        lambda: face.upload_chunk(upload.upload_id, 0, b"abc"),
        lambda: face.resume_upload(upload.upload_id),
        lambda: face.complete_upload(upload.upload_id),
        lambda: face.cancel_upload(upload.upload_id),
        lambda: face.get_status(upload.upload_id),
        lambda: face.active_uploads(),
        lambda: face.verify_chunk(upload.upload_id, 0),
        lambda: face.get_statistics(),
        lambda: face.pairing_code(),
    ):
        with pytest.raises(UploadError) as error:
            ask()
        assert (code_of(error), error.value.status) == ("unavailable", 503)


def test_closing_waits_for_no_chunk_whose_bytes_do_not_come(data: Path) -> None:
    face = EmbeddedReceiver(data)
    content = os.urandom(2_000_000)
    upload = face.start_upload("a.bin", len(content), chunk_size=2048 * KIB)
    closed = threading.Event()

    def stalling() -> Iterator[bytes]:
        yield content[:1_500_000]
        face.close()  # would wait for ever, if it waited for us
        closed.set()
        yield content[1_500_000:]

    with pytest.raises(UploadError) as error:
        face.upload_chunk(upload.upload_id, 0, stalling())
    assert code_of(error) == "unavailable"
    assert closed.is_set()
    with EmbeddedReceiver(data) as again:
        assert again.resume_upload(upload.upload_id).missing == (0,)
        assert again.upload_chunk(upload.upload_id, 0, content).complete


def test_one_process_and_one_face_work_on_a_folder(face: EmbeddedReceiver, data: Path) -> None:
    with pytest.raises(StartRefused, match="Another receiver works on"):
        EmbeddedReceiver(data)
    assert uploaded(face, b"abc").path.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"account": "nobody"},
        {"space": "nowhere"},
        {"folder": "a/../b"},
        {"header_seconds": "many"},
        {"no_such_setting": 1},
    ],
)
def test_what_makes_no_sense_is_refused_and_lets_go_of_the_folder(
    data: Path, arguments: dict[str, object]
) -> None:
    with pytest.raises(StartRefused):
        EmbeddedReceiver(data, **arguments)  # type: ignore[arg-type]
    with EmbeddedReceiver(data, space="owner", account="owner"):
        pass


def test_the_face_of_another_account_has_its_own_uploads_and_spaces(data: Path) -> None:
    with EmbeddedReceiver(data) as face:
        (line,) = told(data, "account.add", name="anna")
        spaces = [told(data, "space.add", name="shared", case_fold=False)[0] for _ in range(2)]
        for space in spaces:
            told(data, "space.role", space=space["id"], account="anna", role="sender")
        reading = told(data, "space.add", name="reading", case_fold=False)[0]["id"]
        told(data, "space.role", space=reading, account="anna", role="reader")
        owners = started(face, b"abc")
    for account in ("anna", line["id"]):
        with EmbeddedReceiver(data, account=account) as face:
            with pytest.raises(UploadError) as error:
                face.get_status(owners.upload_id)
            assert code_of(error) == "upload_not_found"
            assert face.active_uploads() == []
            assert uploaded(face, b"abc").path == data / "files" / "anna" / "a.bin"
    with EmbeddedReceiver(data, account="anna", space=spaces[1]["id"]) as face:
        file = uploaded(face, b"abc")
        assert file.path.read_bytes() == b"abc"
        assert "shared" in str(file.path)
    for refused in ("shared", "reading", "owner"):  # two of them; only to be read; not its own
        with pytest.raises(StartRefused):
            EmbeddedReceiver(data, account="anna", space=refused)


def told(data: Path, command: str, **arguments: Any) -> list[dict[str, Any]]:
    """What one of the receiver's own commands tells through the local door."""
    lines = control.ask(data, command, arguments)
    assert lines is not None
    found = list(lines)
    assert not [line for line in found if "error" in line], found
    return found


def test_the_settings_file_of_the_users_own_receiver_is_not_read(
    data: Path, own_machine: Path
) -> None:
    file = own_machine / "home" / ".config" / "howdah-receiver" / "receiver.toml"
    file.parent.mkdir(parents=True)
    file.write_text("keep_alive_seconds = 7\n")
    with EmbeddedReceiver(data) as face:
        assert face._receiver.settings.keep_alive_seconds == 75
    with EmbeddedReceiver(data, config=file) as face:
        assert face._receiver.settings.keep_alive_seconds == 7


def test_the_receivers_own_commands_speak_to_the_embedded_one(
    face: EmbeddedReceiver, data: Path
) -> None:
    done = command("pair", "--data", data)
    assert "Another receiver works on" not in done.stderr
    assert "No receiver is running" in done.stderr  # it has no address of its own to name
    assert uploaded(face, b"abc").path.exists()


def test_with_a_public_url_it_gives_pairing_links(data: Path) -> None:
    with EmbeddedReceiver(data, public_url="https://files.example.org"):
        done = command("pair", "--data", data)
        assert done.returncode == 0, done.stderr
        link = done.stdout.splitlines()[-1]
        assert re.fullmatch(
            r"howdah://files\.example\.org:443/pair\?code=[A-Z0-9-]{14}&tls=1", link
        )


def test_it_is_opened_and_closed_while_an_event_loop_runs(data: Path) -> None:
    import asyncio

    async def life() -> bytes:
        with EmbeddedReceiver(data) as face:
            file = await asyncio.to_thread(uploaded, face, b"abc")
            return file.path.read_bytes()

    assert asyncio.run(life()) == b"abc"


def test_the_face_is_imported_when_it_is_asked_for() -> None:
    assert howdah_receiver.EmbeddedReceiver is EmbeddedReceiver
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = howdah_receiver.Nothing


def test_importing_brings_no_more_than_is_asked_for_and_changes_no_server() -> None:
    program = (
        "import sys, howdah_receiver; print('sqlalchemy' in sys.modules); "
        "howdah_receiver.EmbeddedReceiver; print('howdah_receiver.limits' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == ["False", "False"]
