"""Two at once: one final state, equal to some order, and never a mixture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from howdah_common.digests import BLAKE3, to_field
from howdah_common.frames import MEDIA_TYPE, frame_header
from kit.native import SMALL_CHUNK, Answer, Content, Native, part_file, random_content
from kit.raw_http import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kit.receiver import RunningReceiver

MIB = 1024 * 1024
BIG_CHUNK = 4 * MIB


def at_once(calls: Iterable[Callable[[], Answer]]) -> list[Answer]:
    """The answers of calls that run side by side, in order."""
    waiting = list(calls)
    with ThreadPoolExecutor(len(waiting)) as pool:
        return [future.result() for future in [pool.submit(call) for call in waiting]]


def stalled(
    shared: RunningReceiver, native: Native, upload: str, number: int, content: Content, some: int
) -> Raw:
    """A connection that has sent `some` bytes of a chunk and rests; they stand in the part file."""
    raw = Raw(shared.url)
    raw.head(
        "POST",
        f"/api/v1/uploads/{upload}/chunks",
        Authorization=f"Bearer {native.token}",
        Content_Type=MEDIA_TYPE,
        Content_Length=len(content.frame(number)),
    )
    raw.send(frame_header(number, len(content.chunk(number))) + content.chunk(number)[:some])
    # What is written is whole MiB: once the first stands there, the writer is at work.
    begin = number * content.chunk_bytes
    with part_file(shared, upload).open("rb") as part:
        while True:  # the time limit of the test ends it
            part.seek(begin)
            if part.read(MIB) == content.chunk(number)[:MIB]:
                return raw


def test_a_late_writer_is_stopped_by_a_newer_request(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content, stale = random_content(2 * BIG_CHUNK, BIG_CHUNK), random_content(BIG_CHUNK, BIG_CHUNK)
    upload = native.started(f"{folder}/a", content)
    with stalled(shared, native, upload, 0, stale, 2 * MIB) as older:
        assert native.put(upload, 0, content.chunk(0)).status == 201
        older.send(stale.frame(0)[len(frame_header(0, 0)) + 2 * MIB :])
        answer = older.answer()
    assert (answer.status, answer.code) in [(409, "chunk_superseded"), (0, None)]
    native.stream(upload, content.frame(1))
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


def test_the_newer_one_wins_even_where_it_fails(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(BIG_CHUNK, BIG_CHUNK)
    upload = native.started(f"{folder}/a", content)
    with stalled(shared, native, upload, 0, content, 2 * MIB) as older:
        assert native.put(upload, 0, content.data, said=bytes(32)).code == "chunk_mismatch"
        older.send(content.frame(0)[len(frame_header(0, 0)) + 2 * MIB :])
        answer = older.answer()
    assert (answer.status, answer.code) in [(409, "chunk_superseded"), (0, None)]
    assert native.received(upload) == set()
    assert native.put(upload, 0, content.data).status == 201


def test_complete_stops_every_writer_and_goes_on_without_them(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(2 * BIG_CHUNK, BIG_CHUNK)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.frame(1))
    with stalled(shared, native, upload, 0, content, 2 * MIB) as writer:
        incomplete = native.complete(upload, content)
        assert (incomplete.code, incomplete.json["missing"]) == ("upload_incomplete", [[0, 0]])
        writer.send(content.frame(0)[len(frame_header(0, 0)) + 2 * MIB :])
        answer = writer.answer()
    assert (answer.status, answer.code) in [(409, "chunk_superseded"), (0, None)]
    assert native.put(upload, 0, content.chunk(0)).status == 201
    assert native.complete(upload, content).status == 201


def test_cancel_stops_every_writer(native: Native, folder: str, shared: RunningReceiver) -> None:
    content = random_content(BIG_CHUNK, BIG_CHUNK)
    upload = native.started(f"{folder}/a", content)
    with stalled(shared, native, upload, 0, content, 2 * MIB) as writer:
        assert native.cancel(upload).status == 204
        writer.send(content.frame(0)[len(frame_header(0, 0)) + 2 * MIB :])
        answer = writer.answer()
    assert answer.status in (0, 409)
    assert answer.code in (None, "chunk_superseded", "upload_not_open")
    assert not part_file(shared, upload).exists()


def test_fifty_identical_chunks_at_once_are_one(native: Native, folder: str) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    answers = at_once([lambda: native.put(upload, 0, content.chunk(0))] * 50)
    statuses = [answer.status for answer in answers]
    assert statuses.count(201) == 1
    assert {answer.code for answer in answers} <= {None, "chunk_superseded"}
    native.stream(upload, content.frame(1))
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data


def test_different_bytes_for_one_chunk_at_once_are_never_mixed(native: Native, folder: str) -> None:
    contents = [random_content(SMALL_CHUNK) for _ in range(16)]
    upload = native.started(f"{folder}/a", contents[0])
    answers = at_once(
        [lambda data=content.data: native.put(upload, 0, data) for content in contents]  # type: ignore[misc]
    )
    assert {answer.code for answer in answers} <= {None, "chunk_superseded", "chunk_conflict"}
    (winner,) = [c for c, answer in zip(contents, answers, strict=True) if answer.status == 201]
    file = native.complete(upload, winner).json["file"]
    assert native.content(file["id"]).body == winner.data


def test_one_start_twenty_times_at_once_is_one_upload(native: Native, folder: str) -> None:
    content = random_content(10)
    answers = at_once([lambda: native.start(f"{folder}/a", content, client_id="5" * 32)] * 20)
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]


def test_one_completion_twenty_times_at_once_is_one_version(native: Native, folder: str) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    answers = at_once([lambda: native.complete(upload, content)] * 20)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["file"]["version"] for answer in answers}) == 1


def test_two_uploads_to_one_path_at_once_are_two_whole_versions(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    contents = [random_content(2 * SMALL_CHUNK + n) for n in range(8)]
    uploads = [native.sent(f"{folder}/a", content) for content in contents]
    answers = at_once(
        [
            lambda u=upload, c=content: native.complete(u, c)  # type: ignore[misc]
            for upload, content in zip(uploads, contents, strict=True)
        ]
    )
    assert {answer.status for answer in answers} == {201}
    versions = [answer.json["file"]["version"] for answer in answers]
    assert len(set(versions)) == 8
    (item,) = native.items(folder)
    standing = versions.index(item["version"])
    assert native.content(item["id"]).body == contents[standing].data
    for number, version in enumerate(versions):
        if number != standing:
            kept = shared.data / "versions" / version
            assert kept.read_bytes() == contents[number].data


def test_of_many_that_ask_for_an_empty_place_one_gets_it(native: Native, folder: str) -> None:
    contents = [random_content(10 + n) for n in range(8)]
    uploads = [native.sent(f"{folder}/a", content) for content in contents]
    answers = at_once(
        [
            lambda u=upload, c=content: native.complete(u, c, if_version="none")  # type: ignore[misc]
            for upload, content in zip(uploads, contents, strict=True)
        ]
    )
    assert sorted(answer.status for answer in answers) == [201] + [412] * 7


@pytest.mark.parametrize("attempt", range(5))
def test_complete_against_chunks_and_cancel_has_one_outcome(
    native: Native, folder: str, shared: RunningReceiver, attempt: int
) -> None:
    content = random_content(8 * SMALL_CHUNK + attempt)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.stream(range(4)))
    chunks = [lambda n=n: native.put(upload, n, content.chunk(n)) for n in range(content.total)]
    ends = [lambda: native.complete(upload, content)] * 3
    answers = at_once([*chunks, *ends, lambda: native.cancel(upload), *ends])
    assert {answer.code for answer in answers} <= {
        None, "chunk_superseded", "upload_not_open", "upload_incomplete"
    }  # fmt: skip
    state = native.status(upload).json["state"]
    cancelled = answers[len(chunks) + 3]
    if cancelled.status == 204:
        assert state == "cancelled"
        assert not part_file(shared, upload).exists()
        assert native.listing(folder).code == "file_not_found"
    else:
        assert state == "published"
        (item,) = native.items(folder)
        assert native.content(item["id"]).body == content.data


def test_cancel_against_a_first_chunk_leaves_no_part(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    uploads = [native.started(f"{folder}/{number}", content) for number in range(24)]
    calls = [
        call
        for upload in uploads
        for call in (
            lambda u=upload: native.put(u, 0, content.data),
            lambda u=upload: native.cancel(u),
        )
    ]
    answers = at_once(calls)
    assert {answer.status for answer in answers[1::2]} == {204}
    codes = {answer.code for answer in answers[::2]}
    assert codes <= {None, "upload_not_open", "chunk_superseded", "storage_failed"}
    assert [upload for upload in uploads if part_file(shared, upload).exists()] == []


def test_verify_against_complete_harms_nothing(native: Native, folder: str) -> None:
    content = random_content(16 * SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    answers = at_once(
        [
            *[lambda: native.verify_upload(upload)] * 4,
            lambda: native.complete(upload, content),
            *[lambda: native.verify_upload(upload)] * 4,
        ]
    )
    for answer in [*answers[:4], *answers[5:]]:
        assert answer.code == "upload_not_open" or answer.json["ok"] is True
    assert answers[4].status == 201
    file = answers[4].json["file"]
    assert native.content(file["id"]).body == content.data


def test_who_goes_away_during_complete_finds_it_done(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    upload = native.sent(f"{folder}/a", content)
    body = f'{{"size": {content.size}, "manifest_digest": "{content.manifest_digest}"}}'.encode()
    with Raw(shared.url) as raw:
        raw.head(
            "POST",
            f"/api/v1/uploads/{upload}/complete",
            Authorization=f"Bearer {native.token}",
            Content_Type="application/json",
            Content_Length=len(body),
        )
        raw.send(body)
    assert native.complete(upload, content).status == 201


def test_a_chunk_put_by_two_ways_at_once_counts_once(native: Native, folder: str) -> None:
    content = random_content(6 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    field = to_field(BLAKE3, content.digest(3))
    path = f"/api/v1/uploads/{upload}/chunks/3"
    headers = {"Content-Digest": field}
    at_once(
        [
            lambda: native.stream(upload, content.stream()),
            lambda: native.ask("PUT", path, body=content.chunk(3), headers=headers),
            lambda: native.stream(upload, content.stream([5, 4, 3, 2, 1, 0])),
        ]
    )
    missing = sorted(set(range(6)) - native.received(upload))
    assert native.stream(upload, content.stream(missing)).status == 200
    file = native.complete(upload, content).json["file"]
    assert native.content(file["id"]).body == content.data
