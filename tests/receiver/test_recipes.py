"""Chunks made of what is there: of versions that the account may read as they are now, or not at all."""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

import pytest

from howdah_common.digests import BLAKE3, digest
from howdah_common.frames import RECIPE, frame_header
from howdah_common.recipes import literal_step, range_step, recipe_head
from kit.members import device_of, new_account, set_role
from kit.native import (
    SMALL_CHUNK,
    Answer,
    Content,
    Native,
    frame,
    home,
    random_content,
    rot,
    version_file,
)
from kit.people import home_of, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver

Step = bytes | tuple[str, int, int]
"""Bytes as they are, or version, offset and length."""


def recipe(number: int, steps: list[Step], plain: bytes) -> bytes:
    """A frame that makes `plain` of `steps`."""
    versions = sorted({step[0] for step in steps if isinstance(step, tuple)})
    made = recipe_head(len(plain), versions)
    for step in steps:
        if isinstance(step, bytes):
            made += literal_step(len(step)) + step
        else:
            made += range_step(versions.index(step[0]), step[1], step[2])
    return frame_header(number, len(made), RECIPE) + made + digest(BLAKE3, plain)


def assert_missing(answer: Answer, chunks: list[int]) -> None:
    assert (answer.status, answer.code) == (409, "recipe_source_missing")
    assert answer.json["chunks"] == chunks


def whole(native: Native, upload: str, content: Content) -> bool:
    """Whether the upload comes to be that content."""
    answer = native.complete(upload, content)
    return answer.status == 201 and native.content(answer.json["file"]["id"]).body == content.data


def test_an_insertion_at_the_front_costs_what_was_inserted(native: Native, folder: str) -> None:
    before = random_content(8 * SMALL_CHUNK)
    version = native.published(f"{folder}/a", before)["version"]
    after = Content(secrets.token_bytes(1000) + before.data)
    upload = native.started(f"{folder}/a", after)
    steps: list[Step] = [after.data[:1000], (version, 0, SMALL_CHUNK - 1000)]
    frames = [recipe(0, steps, after.chunk(0))]
    for number in range(1, 8):
        steps = [(version, number * SMALL_CHUNK - 1000, SMALL_CHUNK)]
        frames.append(recipe(number, steps, after.chunk(number)))
    frames.append(recipe(8, [(version, 8 * SMALL_CHUNK - 1000, 1000)], after.chunk(8)))
    body = b"".join(frames)
    assert len(body) < 3_000
    answer = native.stream(upload, body)
    assert (answer.status, answer.json) == (200, {"stored": [[0, 8]]})
    assert whole(native, upload, after)


def test_recipes_and_plain_chunks_go_together_in_any_order(native: Native, folder: str) -> None:
    first, second = random_content(2 * SMALL_CHUNK), random_content(100_000)
    versions = [
        native.published(f"{folder}/{n}", c)["version"] for n, c in enumerate((first, second))
    ]
    plain = b"new" + first.data[5:70] + second.data[60_000:60_001]
    plain += secrets.token_bytes(SMALL_CHUNK - len(plain))
    after = Content(secrets.token_bytes(SMALL_CHUNK) + plain + first.chunk(1))
    upload = native.started(f"{folder}/c", after)
    steps: list[Step] = [b"new", (versions[0], 5, 65), (versions[1], 60_000, 1), plain[69:]]
    body = recipe(1, steps, plain) + after.frame(2) + recipe(0, [after.chunk(0)], after.chunk(0))
    assert native.stream(upload, body).json == {"stored": [[0, 2]]}
    assert whole(native, upload, after)


def test_a_version_that_was_replaced_is_as_good_as_the_one_that_stands_there(
    native: Native, folder: str
) -> None:
    before = random_content(SMALL_CHUNK)
    version = native.published(f"{folder}/a", before)["version"]
    native.published(f"{folder}/a", random_content(SMALL_CHUNK))
    upload = native.started(f"{folder}/b", before)
    body = recipe(0, [(version, 0, SMALL_CHUNK)], before.data)
    assert native.stream(upload, body).status == 200
    assert whole(native, upload, before)


def test_an_upload_of_unknown_size_takes_recipes_too(native: Native, folder: str) -> None:
    before = random_content(SMALL_CHUNK + 10)
    version = native.published(f"{folder}/a", before)["version"]
    upload = native.started(f"{folder}/b", None)
    body = recipe(0, [(version, 0, SMALL_CHUNK)], before.chunk(0))
    body += recipe(1, [(version, SMALL_CHUNK, 10)], before.chunk(1))
    assert native.stream(upload, body).status == 200
    assert whole(native, upload, before)


def test_a_recipe_for_a_received_chunk_is_compared_and_not_written(
    native: Native, folder: str
) -> None:
    before, other = random_content(SMALL_CHUNK), random_content(SMALL_CHUNK)
    version = native.published(f"{folder}/a", before)["version"]
    upload = native.sent(f"{folder}/b", before)
    body = recipe(0, [(version, 0, SMALL_CHUNK)], before.data)
    assert native.stream(upload, body).json == {"stored": [[0, 0]]}
    upload = native.sent(f"{folder}/c", other)
    answer = native.stream(upload, body)
    assert (answer.status, answer.code) == (409, "chunk_conflict")
    assert whole(native, upload, other)


def test_what_a_recipe_makes_counts_by_its_digest_alone(native: Native, folder: str) -> None:
    before, after = random_content(2 * SMALL_CHUNK), random_content(2 * SMALL_CHUNK)
    version = native.published(f"{folder}/a", before)["version"]
    upload = native.started(f"{folder}/a", after)
    body = recipe(0, [(version, 0, SMALL_CHUNK)], after.chunk(0)) + after.frame(1)
    answer = native.stream(upload, body)
    assert (answer.status, answer.code) == (422, "chunk_mismatch")
    assert (answer.json["chunks"], answer.json["stored"]) == ([0], [[1, 1]])
    assert native.received(upload) == {1}
    assert native.stream(upload, after.frame(0)).status == 200
    assert whole(native, upload, after)


# -- what is no source


def refused(native: Native, path: str, version: str, before: Content) -> Answer:
    """What comes of a recipe that takes from a version which is no source; its neighbours count."""
    after = Content(before.data[:SMALL_CHUNK] + secrets.token_bytes(2 * SMALL_CHUNK))
    upload = native.started(path, after)
    # Bytes on both sides of the range: they do not make up for it.
    steps: list[Step] = [after.data[:9], (version, 9, SMALL_CHUNK - 18), after.chunk(0)[-9:]]
    answer = native.stream(
        upload, after.frame(1) + recipe(0, steps, after.chunk(0)) + after.frame(2)
    )
    assert native.received(upload) == {1, 2}
    assert native.stream(upload, after.frame(0)).status == 200
    assert whole(native, upload, after)
    return answer


def test_a_version_of_another_account_and_one_that_never_was_are_the_same_to_ask_for(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    with device_of(shared, new_account(shared)) as stranger:
        theirs = stranger.published("a", content)["version"]
    answers = [
        refused(native, f"{folder}/{version}", version, content)
        for version in (theirs, secrets.token_hex(16), "x", "z" * 128)
    ]
    for answer in answers:
        assert_missing(answer, [0])
    assert len({answer.body for answer in answers}) == 1


def test_a_member_takes_from_a_space_as_long_as_they_may_read_it(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    account = new_account(shared)
    version = native.published(f"{folder}/a", content)["version"]
    space = home_of(native)
    with device_of(shared, account) as member:
        for role, may in (("reader", True), ("sender", False), ("writer", True), (None, False)):
            set_role(shared, space, account, role)
            if may:
                upload = member.started(f"{role}", content)
                body = recipe(0, [(version, 0, SMALL_CHUNK)], content.data)
                assert member.stream(upload, body).status == 200
                assert whole(member, upload, content)
            else:
                assert_missing(refused(member, f"{role}", version, content), [0])


def test_a_device_that_may_only_send_learns_nothing_of_what_is_there(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    account = new_account(shared)
    with device_of(shared, account) as theirs, device_of(shared, account, send_only=True) as sender:
        version = theirs.published("a", content)["version"]
        upload = sender.started("b", content)
        answer = sender.stream(upload, recipe(0, [(version, 0, SMALL_CHUNK)], content.data))
    assert_missing(answer, [0])


def test_what_lies_in_the_trash_or_is_gone_is_no_source(native: Native, folder: str) -> None:
    content = random_content(SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    kept = file["version"]
    now = native.published(f"{folder}/a", random_content(SMALL_CHUNK))
    assert native.remove_version(file["id"], kept).status == 204
    assert_missing(refused(native, f"{folder}/b", kept, content), [0])
    assert native.delete(file["id"]).status in (200, 204)
    assert_missing(refused(native, f"{folder}/c", now["version"], content), [0])


def test_what_other_hands_changed_is_no_source(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    path = home(shared) / folder / "a"
    edited = native.published(f"{folder}/a", content)["version"]
    path.write_bytes(content.data[:-1] + b"!")
    assert_missing(refused(native, f"{folder}/edited", edited, content), [0])
    replaced = native.published(f"{folder}/a", content)["version"]
    (path.parent / "new").write_bytes(b"!" + content.data[1:])
    (path.parent / "new").rename(path)
    assert_missing(refused(native, f"{folder}/replaced", replaced, content), [0])
    removed = native.published(f"{folder}/a", content)["version"]
    path.unlink()
    assert_missing(refused(native, f"{folder}/removed", removed, content), [0])


def test_what_rotted_is_never_mixed_in(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    native.digested(file["id"])  # or that would find it first
    rot(home(shared) / folder / "a", 77)
    answer = refused(native, f"{folder}/b", file["version"], content)
    assert (answer.status, answer.code, answer.json["chunks"]) == (422, "chunk_mismatch", [0])
    assert native.verify_file(file["id"]).json["ok"] is False
    assert_missing(refused(native, f"{folder}/c", file["version"], content), [0])


def test_a_kept_version_that_is_cut_short_on_the_disk_is_no_source(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    version = native.published(f"{folder}/a", content)["version"]
    native.published(f"{folder}/a", random_content(SMALL_CHUNK))
    os.truncate(version_file(shared, version), SMALL_CHUNK - 1)
    assert_missing(refused(native, f"{folder}/b", version, content), [0])


@pytest.mark.parametrize("offset", [SMALL_CHUNK - 1, SMALL_CHUNK, 2**62])
def test_a_range_beyond_the_end_of_a_version_is_not_there(
    native: Native, folder: str, offset: int
) -> None:
    content = random_content(SMALL_CHUNK)
    version = native.published(f"{folder}/a", content)["version"]
    upload = native.started(f"{folder}/b", content)
    steps: list[Step] = [(version, offset, 100), content.data[100:]]
    assert_missing(native.stream(upload, recipe(0, steps, content.data)), [0])
    assert native.received(upload) == set()


def begun_with(native: Native, upload: str, first: bytes, content: Content) -> Iterator[bytes]:
    """A body that goes on once its first frame counts; so much comes after it that it is looked at."""
    yield first + content.stream(range(1, 40))
    deadline = time.monotonic() + 30
    while 0 not in native.received(upload):
        assert time.monotonic() < deadline, "its first chunk does not count"


def test_a_version_that_is_swept_while_it_is_read_counts_whole_or_not_at_all(
    native: Native, folder: str
) -> None:
    before = random_content(41 * SMALL_CHUNK)
    file = native.published(f"{folder}/a", before)
    version = file["version"]
    native.published(f"{folder}/a", random_content(SMALL_CHUNK))
    upload = native.started(f"{folder}/b", before)

    def body() -> Iterator[bytes]:
        first = recipe(0, [(version, 0, SMALL_CHUNK)], before.chunk(0))
        yield from begun_with(native, upload, first, before)
        assert native.remove_version(file["id"], version).status == 204
        yield recipe(40, [(version, 40 * SMALL_CHUNK, SMALL_CHUNK)], before.chunk(40))

    # It was opened by then, and what is opened stays readable.
    assert native.stream(upload, body()).json == {"stored": [[0, 40]]}
    assert whole(native, upload, before)
    again = native.started(f"{folder}/c", before)
    answer = native.stream(again, recipe(0, [(version, 0, SMALL_CHUNK)], before.chunk(0)))
    assert_missing(answer, [0])


def test_a_file_that_is_written_to_while_it_is_read_is_not_mixed_in(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    before = random_content(41 * SMALL_CHUNK)
    version = native.published(f"{folder}/a", before)["version"]
    upload = native.started(f"{folder}/b", before)

    def body() -> Iterator[bytes]:
        first = recipe(0, [(version, 0, SMALL_CHUNK)], before.chunk(0))
        yield from begun_with(native, upload, first, before)
        rot(home(shared) / folder / "a", 40 * SMALL_CHUNK + 3)
        yield recipe(40, [(version, 40 * SMALL_CHUNK, SMALL_CHUNK)], before.chunk(40))

    answer = native.stream(upload, body())
    assert (answer.status, answer.code, answer.json["chunks"]) == (422, "chunk_mismatch", [40])
    assert native.received(upload) == set(range(40))
    assert native.stream(upload, before.frame(40)).status == 200
    assert whole(native, upload, before)


# -- what is too much


def test_a_recipe_that_is_none_ends_the_stream_and_keeps_what_was_whole(
    native: Native, folder: str
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    made = recipe_head(SMALL_CHUNK, []) + literal_step(1) + b"x"
    wrong = frame_header(1, len(made), RECIPE) + made + bytes(32)
    answer = native.stream(upload, content.frame(0) + wrong)
    assert (answer.status, answer.code) == (400, "bad_frame")
    assert native.received(upload) == {0}


def test_a_recipe_for_another_length_than_the_chunks_is_refused(
    native: Native, folder: str
) -> None:
    content = random_content(SMALL_CHUNK)
    version = native.published(f"{folder}/a", content)["version"]
    upload = native.started(f"{folder}/b", content)
    body = recipe(0, [(version, 0, SMALL_CHUNK - 1)], content.data[:-1])
    answer = native.stream(upload, body)
    assert (answer.status, answer.code) == (400, "chunk_out_of_range")


@pytest.mark.parametrize(
    ("each", "frames"),
    [(SMALL_CHUNK, 4_100), (1, 5)],
    ids=["much-is-made", "many-ranges"],
)
def test_a_short_request_makes_no_long_work(
    native: Native, folder: str, each: int, frames: int
) -> None:
    before = random_content(SMALL_CHUNK)
    version = native.published(f"{folder}/a", before)["version"]
    content = random_content(2 * SMALL_CHUNK)
    upload = native.started(f"{folder}/b", content)
    count = min(4_095, SMALL_CHUNK // each)
    steps: list[Step] = [(version, 0, each)] * count
    if each * count < SMALL_CHUNK:
        steps.append(before.data[each * count :])
    # Its digest never holds, so that it is made again and again.
    answer = native.stream(upload, content.frame(1) + recipe(0, steps, b"x" * SMALL_CHUNK) * frames)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert native.received(upload) == {1}


def test_many_versions_in_one_request_are_opened_one_after_the_other(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    contents = [random_content(SMALL_CHUNK // 4) for _ in range(40)]
    versions = [
        native.published(f"{folder}/{n}", content)["version"] for n, content in enumerate(contents)
    ]
    after = Content(b"".join(content.data for content in contents))
    upload = native.started(f"{folder}/all", after)
    before = len(os.listdir(f"/proc/{shared.process.pid}/fd"))
    body = b"".join(
        recipe(
            number,
            [(version, 0, SMALL_CHUNK // 4) for version in versions[4 * number : 4 * number + 4]],
            after.chunk(number),
        )
        for number in range(10)
    )
    assert native.stream(upload, body).json == {"stored": [[0, 9]]}
    assert len(os.listdir(f"/proc/{shared.process.pid}/fd")) <= before + 2
    assert whole(native, upload, after)


def test_a_quota_holds_for_what_recipes_make(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(SMALL_CHUNK)
    account = new_account(shared)
    with device_of(shared, account) as theirs:
        version = theirs.published("a", content)["version"]
        told(shared, "account.change", account=account, quota_bytes=2 * SMALL_CHUNK)
        upload = theirs.started("b", None)
        made = recipe(0, [(version, 0, SMALL_CHUNK)], content.data)
        assert theirs.stream(upload, made).status == 200
        more = recipe(1, [(version, 0, SMALL_CHUNK)], content.data)
        answer = theirs.stream(upload, more)
    assert (answer.status, answer.code) == (507, "quota_exceeded")


def test_the_example_of_the_documentation_is_understood(native: Native, folder: str) -> None:
    """The frame of the test vectors, taken from a version of ours in place of `v1`."""
    before = bytes(258) + b"wxyz"
    version = native.published(f"{folder}/a", before)["version"]
    after = Content(b"wxyzabc")
    upload = native.started(f"{folder}/b", after)
    answer = native.stream(upload, recipe(0, [(version, 258, 4), b"abc"], after.data))
    assert answer.json == {"stored": [[0, 0]]}
    assert frame(0, after.data)[-32:] == recipe(0, [after.data], after.data)[-32:]
    assert whole(native, upload, after)
