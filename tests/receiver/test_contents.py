"""Many small files in one answer: what is given of each, to whom, and what comes in place of wrong bytes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from howdah_common.chunks import KIB, MIB
from howdah_common.content_frames import (
    MEDIA_TYPE,
    MOST_BYTES,
    MOST_FILE_BYTES,
    ContentFrame,
    ContentFrameParser,
    is_whole,
)
from howdah_common.messages import API, FileInfo
from howdah_common.messages_batch import MOST_WANTED_FILES, WantedFile, outcome_of
from howdah_common.problems import PROBLEMS, ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api.contents import LOOK_AHEAD, _in_blocks
from howdah_receiver.files.together import Together
from kit.inside import receiver_on
from kit.native import MODIFIED_NS, Answer, Native, home, random_content, rot
from kit.people import add_account, add_space, device_of, home_of
from kit.small_files import Small, send_batch, taken

if TYPE_CHECKING:
    from pathlib import Path

    from kit.receiver import RunningReceiver


def ask(device: Native, paths: list[str], **more: Any) -> Answer:
    return device.post("/files/contents", {"files": [{"path": path} for path in paths], **more})


def frames(answer: Answer) -> list[ContentFrame]:
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["cache-control"] == "private, no-store"
    parser = ContentFrameParser(MOST_WANTED_FILES)
    found = list(parser.feed(answer.body))
    parser.finish()
    return found


def said(frame: ContentFrame) -> FileInfo | str:
    """The file, whose bytes are right, or the code of the problem."""
    found = outcome_of(frame.item)
    if isinstance(found, FileInfo):
        assert frame.item.status == 200
        assert is_whole(found, frame.data)
        return found
    assert frame.item.status == PROBLEMS[found.code].status
    return found.code


def codes(answer: Answer) -> list[str]:
    """Of each file, `given` or the code of its problem."""
    found = [said(frame) for frame in frames(answer)]
    return [one if isinstance(one, str) else "given" for one in found]


def test_all_come_in_order_as_each_comes_by_itself(native: Native, folder: str) -> None:
    sizes = [5_000, 0, MOST_FILE_BYTES, 1, 4096]
    files = [Small(f"{folder}/{number}", os.urandom(size)) for number, size in enumerate(sizes)]
    taken(send_batch(native, files))
    cut = random_content(3 * 65536 + 7)  # four chunks
    native.published(f"{folder}/cut", cut)
    wanted = [*(file.path for file in reversed(files)), f"{folder}/cut", files[0].path]
    found = frames(ask(native, wanted))
    data = {file.path: file.data for file in files} | {f"{folder}/cut": cut.data}
    assert [frame.data for frame in found] == [data[path] for path in wanted]
    for frame, path in zip(found, wanted, strict=True):
        file = said(frame)
        assert isinstance(file, FileInfo)
        assert (file.path, file.modified_ns) == (path, MODIFIED_NS)
        alone = native.file(file.id).json
        assert (file.version, file.manifest_digest) == (alone["version"], alone["manifest_digest"])
        assert native.content(file.id).body == frame.data


def test_what_is_not_there_has_its_problem_in_its_place(native: Native, folder: str) -> None:
    there = native.published(f"{folder}/a", b"abc")
    native.make_folder(f"{folder}/below")
    gone = native.published(f"{folder}/gone", b"abc")
    native.delete(gone["id"])
    paths = [
        f"{folder}/nothing",
        f"{folder}/a",
        f"{folder}/below",
        f"{folder}/gone",
        "../a",
        "",
        "a\0",
    ]
    assert codes(ask(native, paths)) == [
        "file_not_found", "given", "file_not_found", "file_not_found",
        "bad_path", "bad_path", "bad_path",
    ]  # fmt: skip
    assert codes(ask(native, [f"{folder}/a"])) == ["given"]
    assert native.file(there["id"]).json["version"] == there["version"]


def test_the_version_that_was_asked_for_comes_or_none(native: Native, folder: str) -> None:
    first = native.published(f"{folder}/a", b"first")
    wanted = {"files": [{"path": f"{folder}/a", "if_version": first["version"]}]}
    assert codes(native.post("/files/contents", wanted)) == ["given"]
    second = native.published(f"{folder}/a", b"second")
    (frame,) = frames(native.post("/files/contents", wanted))
    assert said(frame) == "version_conflict"
    assert frame.item.problem is not None
    assert frame.item.problem.extra == {"version": second["version"]}


def test_what_is_too_large_comes_by_itself(native: Native, folder: str) -> None:
    native.published(f"{folder}/large", random_content(MOST_FILE_BYTES + 1, MIB))
    native.published(f"{folder}/small", b"abc")
    paths = [f"{folder}/large", f"{folder}/small"]
    assert codes(ask(native, paths)) == ["fetch_alone", "given"]


def test_what_would_make_the_answer_too_large_comes_by_itself(native: Native, folder: str) -> None:
    whole = MOST_BYTES // MOST_FILE_BYTES
    large = Small(f"{folder}/large", os.urandom(MOST_FILE_BYTES))
    last = Small(f"{folder}/last", os.urandom(1))
    empty = Small(f"{folder}/empty", b"")
    taken(send_batch(native, [large, last, empty]))
    answer = ask(
        native, [large.path] * (whole - 1) + [last.path, large.path, last.path, empty.path]
    )
    assert codes(answer) == ["given"] * whole + ["fetch_alone", "given", "given"]
    assert len(answer.body) < MOST_BYTES + 500 * KIB


def test_what_the_disk_has_not_kept_is_no_bytes_and_is_marked(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    files = taken(send_batch(native, [Small(f"{folder}/{n}", os.urandom(9_000)) for n in range(3)]))
    rot(home(shared) / files[1]["path"], 8_999)
    found = frames(ask(native, [file["path"] for file in files]))
    assert [said(frame) == "file_damaged" for frame in found] == [False, True, False]
    assert found[1].data == b""
    # It is known from now on, also to who fetches it by itself.
    assert native.content(files[1]["id"]).code == "file_damaged"
    assert native.content(files[0]["id"]).status == 200


def test_what_other_hands_changed_comes_as_it_is_now(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"before")
    (home(shared) / folder / "a").write_bytes(b"by other hands")
    (frame,) = frames(ask(native, [f"{folder}/a"]))
    found = said(frame)
    assert isinstance(found, FileInfo)
    assert (found.id, frame.data) == (file["id"], b"by other hands")
    assert found.version != file["version"]
    (home(shared) / folder / "a").unlink()
    assert codes(ask(native, [f"{folder}/a"])) == ["file_not_found"]


def test_whoever_may_not_read_a_file_is_told_that_it_is_not_there(shared: RunningReceiver) -> None:
    for name in ("reads", "sends", "nobody"):
        add_account(shared, name)
    space = add_space(shared, "together", reads="reader", sends="sender")
    with device_of(shared) as owner, device_of(shared, "nobody") as nobody:
        owner.published("a", b"abc", space=space)
        owner.published("mine", b"abc")
        assert codes(ask(owner, ["a", "mine"], space=space)) == ["given", "file_not_found"]
        for wanted in (space, home_of(owner), "0" * 32):
            answer = ask(nobody, ["a", "mine"], space=wanted)
            assert (answer.status, answer.code) == (404, "not_found")
        assert codes(ask(nobody, ["a", "mine"])) == ["file_not_found", "file_not_found"]
    with device_of(shared, "reads") as reader, device_of(shared, "sends") as sender:
        assert codes(ask(reader, ["a"], space=space)) == ["given"]
        answer = ask(sender, ["a"], space=space)
        assert (answer.status, answer.code) == (404, "not_allowed")
    with Native(shared.url) as stranger:
        assert ask(stranger, ["a"]).code == "not_signed_in"


def test_whoever_loses_the_space_meanwhile_gets_what_was_looked_at_and_no_more(
    module_path: Path,
) -> None:
    with receiver_on(module_path / "of its own") as receiver:
        with receiver.catalogue.read() as connection:
            account, home_space = connection.execute(
                text("SELECT account_id, id FROM spaces WHERE kind = 'home'")
            ).one()
        caller = Caller(account, "owner", False, "d", "device")
        space = receiver.files.space(caller, home_space)
        together = Together(receiver.catalogue, receiver.files, caller, space)
        wanted = [WantedFile(path=str(n)) for n in range(LOOK_AHEAD + 50)]
        blocks = _in_blocks(together, wanted)
        assert b"".join(blocks).count(b"HFC1") == LOOK_AHEAD + 50
        stranger = Caller("nobody", "nobody", False, "d", "device")
        late = Together(receiver.catalogue, receiver.files, stranger, space)
        assert list(_in_blocks(late, wanted)) == []
        with pytest.raises(ProblemError, match="not_found"):
            late.look(wanted[:1])


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b'{"files":{}}', b'{"files":[{}]}', b'{"files":[{"path":1}]}', b"{", b"\xff",
        b'{"files":[' + b",".join([b'{"path":"a"}'] * (MOST_WANTED_FILES + 1)) + b"]}",
    ],
    ids=lambda body: body[:20],
)  # fmt: skip
def test_what_is_no_list_of_files_is_refused(native: Native, body: bytes) -> None:
    json = {"Content-Type": "application/json"}
    answer = native.ask("POST", f"{API}/files/contents", body=body, headers=json)
    assert (answer.status, answer.code) == (400, "bad_request")


def test_nothing_asked_for_is_nothing_answered(native: Native) -> None:
    answer = ask(native, [])
    assert (answer.status, answer.body) == (200, b"")


def test_as_many_as_may_be_asked_for_come_to_several_at_once(native: Native, folder: str) -> None:
    files = [Small(f"{folder}/{n}", os.urandom(64)) for n in range(MOST_WANTED_FILES)]
    taken(send_batch(native, files))
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(lambda _: ask(native, [file.path for file in files]), range(4)):
            assert [frame.data for frame in frames(answer)] == [file.data for file in files]
