"""Quotas of accounts and spaces: what counts, what is refused, and that many at once never exceed them."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import spaces
from howdah_receiver.ids import new_id
from kit.native import SMALL_CHUNK, Native, part_file, random_content
from kit.services import Services, catalogue, services, set_quota, used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as paired:
        yield paired


@pytest.fixture
def inside(short_path: Any) -> Iterator[Services]:
    with services(short_path / "data") as found:
        yield found


@pytest.mark.parametrize("table", ["accounts", "spaces"])
def test_of_fifty_starts_at_once_with_room_for_one_exactly_one_gets_in(
    receiver: RunningReceiver, device: Native, table: str
) -> None:
    set_quota(receiver, table, size=3 * MIB)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: device.start(f"f{n}", None, size=2 * MIB), range(50)))
    assert sorted(answer.status for answer in answers) == [201] + [507] * 49
    refused = next(answer for answer in answers if answer.status == 507)
    assert (refused.code, refused.json["what"]) == ("quota_exceeded", "bytes")
    assert refused.json["of"] == table.removesuffix("s")
    assert refused.headers["retry-after"] == "10"
    (started,) = [answer.json["id"] for answer in answers if answer.status == 201]
    assert [path.name for path in (receiver.data / "parts").iterdir()] == [started]
    assert used(receiver) == (2 * MIB, 0)
    # A cancelled one makes room.
    assert device.cancel(started).status == 204
    assert device.start("g", None, size=3 * MIB).status == 201


def test_a_start_that_is_repeated_competes_with_nobody(
    receiver: RunningReceiver, device: Native
) -> None:
    set_quota(receiver, "accounts", size=MIB, files=1)
    client_id = secrets.token_hex(16)

    def start(_: int) -> Any:
        return device.start("a", None, size=MIB, modified_ns=1, client_id=client_id)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(start, range(20)))
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert used(receiver) == (MIB, 0)


def test_versions_and_recovery_count_and_what_is_published_counts_once(inside: Services) -> None:
    set_quota(inside, "accounts", size=4 * SMALL_CHUNK)
    content = random_content(SMALL_CHUNK)
    for _ in range(3):  # a file and two versions
        content = random_content(SMALL_CHUNK)
        upload = inside.start("a", content).id
        inside.put(upload, content, 0)
        inside.complete(upload, content)
    assert used(inside) == (3 * SMALL_CHUNK, 1)
    resting = inside.start("b", random_content(SMALL_CHUNK)).id
    inside.sweep(8 * 24 * 3600)
    assert inside.state(resting) == "expired"
    with pytest.raises(ProblemError, match="quota_exceeded"):
        inside.start("c", random_content(1))
    inside.start("empty", random_content(0))  # takes nothing
    inside.sweep(15 * 24 * 3600)
    assert inside.state(resting) == "gone"
    inside.start("c", random_content(SMALL_CHUNK))


def test_the_quota_of_an_account_is_over_all_of_its_spaces(inside: Services) -> None:
    account = inside.caller.account_id
    with inside.receiver.catalogue.write() as connection:
        other = new_id()
        spaces.insert(
            connection, space_id=other, name="other", kind="shared", account_id=account,
            folder="other", created_ns=1,
        )  # fmt: skip
    set_quota(inside, "accounts", size=MIB, files=2)
    inside.start("a", None, size=MIB // 2)
    inside.start("a", None, size=MIB // 2, space=other)
    with pytest.raises(ProblemError, match="the account's quota of bytes"):
        inside.start("b", None, size=1, space=other)
    with pytest.raises(ProblemError, match="the account's quota of files"):
        inside.start("b", None, size=0, space=other)
    inside.start("a", None, size=0, space=other)  # the same file again


def test_what_grows_is_stopped_at_the_quota_and_goes_on_when_there_is_room(
    receiver: RunningReceiver, device: Native
) -> None:
    set_quota(receiver, "accounts", size=6 * SMALL_CHUNK)
    content = random_content(8 * SMALL_CHUNK)
    in_the_way = device.started("in-the-way", None, size=2 * SMALL_CHUNK)
    upload = device.started("pipe", None)
    for number in range(4):
        assert device.put(upload, number, content.chunk(number)).status == 201
        assert used(receiver) == ((2 + number + 1) * SMALL_CHUNK, 0)
    refused = device.put(upload, 4, content.chunk(4))
    assert (refused.status, refused.code) == (507, "quota_exceeded")
    assert device.stream(upload, content.frame(4)).code == "quota_exceeded"
    assert device.status(upload).json["state"] == "open"
    assert device.received(upload) == set(range(4))
    assert device.put(upload, 3, content.chunk(3)).status == 204  # what is there is there

    device.cancel(in_the_way)
    assert device.stream(upload, content.stream([4, 5])).status == 200
    assert device.stream(upload, content.stream([6, 7])).code == "quota_exceeded"
    set_quota(receiver, "accounts", size=None)
    assert device.stream(upload, content.stream([6, 7])).status == 200
    assert device.complete(upload, content).status == 201
    assert used(receiver) == (8 * SMALL_CHUNK, 1)


def test_many_that_grow_at_once_never_exceed_it(receiver: RunningReceiver, device: Native) -> None:
    set_quota(receiver, "spaces", size=10 * SMALL_CHUNK)
    content = random_content(4 * SMALL_CHUNK)
    uploads = [device.started(f"pipe-{n}", None) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda upload: device.stream(upload, content.stream()), uploads))
    assert {answer.code for answer in answers} <= {None, "quota_exceeded"}
    assert "quota_exceeded" in {answer.code for answer in answers}
    counted = sum(len(device.received(upload)) for upload in uploads)
    assert used(receiver) == (counted * SMALL_CHUNK, 0)
    assert 1 <= counted <= 10
    for upload in uploads:
        assert device.cancel(upload).status == 204
    assert used(receiver) == (0, 0)


def test_a_commit_that_would_exceed_it_counts_nothing_of_it(inside: Services) -> None:
    set_quota(inside, "accounts", size=3 * SMALL_CHUNK)
    content = random_content(4 * SMALL_CHUNK)
    first, second = inside.start("a", None).id, inside.start("b", None).id
    with inside.receiver.uploads.session(inside.caller, first) as session:
        for number in (0, 1):
            writer = session.begin(number, SMALL_CHUNK)
            writer.write([content.chunk(number)])
            writer.finish(content.digest(number))
        inside.put(second, content, 0, 1)
        with pytest.raises(ProblemError, match="quota_exceeded"):
            session.commit([0, 1])
        with pytest.raises(ProblemError, match="quota_exceeded"):
            session.commit([0, 1])  # whoever brought them hears of it, whoever committed
    assert inside.received(first) == []
    assert used(inside) == (2 * SMALL_CHUNK, 0)
    inside.receiver.endings.cancel(inside.caller, second)
    inside.put(first, content, 0, 1)
    assert inside.received(first) == [(0, 1)]


def test_what_grew_counts_what_it_has_after_a_crash_and_after_chunks_were_lost(
    short_path: Any,
) -> None:
    content = random_content(5 * SMALL_CHUNK)
    data = short_path / "data"
    with services(data) as inside:
        lost, torn = inside.start("a", None).id, inside.start("b", None).id
        inside.put(lost, content, 0, 1)
        inside.put(torn, content, 0, 1, 2)
        assert used(inside) == (5 * SMALL_CHUNK, 0)
    (data / "clean").unlink()
    (data / "parts" / lost).unlink()
    catalogue(data, "UPDATE chunks SET durable = 0 WHERE number = 1")
    catalogue(data, "UPDATE uploads SET reserved_bytes = reserved_bytes + 12345 WHERE id = ?", torn)
    with (data / "parts" / torn).open("r+b") as part:
        part.seek(SMALL_CHUNK)
        part.write(b"torn")
    with services(data) as inside:
        assert used(inside) == (3 * SMALL_CHUNK, 0)
        inside.put(torn, content, 3)  # opens it, which reads what is in doubt again
        assert inside.received(torn) == [(0, 0), (2, 3)]
        assert used(inside) == (3 * SMALL_CHUNK, 0)


# -- files


def test_of_fifty_starts_of_new_files_with_a_place_for_one_exactly_one_gets_in(
    receiver: RunningReceiver, device: Native
) -> None:
    device.published("there", b"abc")
    set_quota(receiver, "accounts", size=None, files=2)
    content = random_content(10)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: device.start(f"f{n}", content), range(50)))
    assert sorted(answer.status for answer in answers) == [201] + [507] * 49
    refused = next(answer for answer in answers if answer.status == 507)
    assert (refused.code, refused.json["what"]) == ("quota_exceeded", "files")
    (started,) = [answer.json for answer in answers if answer.status == 201]
    # What is replaced has its place, and so has a second upload to the same path.
    assert device.published("there", b"other")["path"] == "there"
    assert device.start(started["path"], content).status == 201
    device.stream(started["id"], content.stream())
    assert device.complete(started["id"], content).status == 201
    assert used(receiver)[1] == 2
    assert device.start("one-more", content).code == "quota_exceeded"


def test_a_completion_at_another_path_is_counted_as_what_it_becomes(
    receiver: RunningReceiver, device: Native
) -> None:
    device.published("a", b"abc")
    set_quota(receiver, "spaces", size=None, files=1)
    contents = [random_content(10 + n) for n in range(6)]
    uploads = [device.sent("a", content) for content in contents]

    def complete(number: int) -> Any:
        return device.complete(uploads[number], contents[number], path=f"a ({number})")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(complete, range(6)))
    assert {(answer.status, answer.code) for answer in answers} == {(507, "quota_exceeded")}
    assert {device.status(upload).json["state"] for upload in uploads} == {"open"}
    set_quota(receiver, "spaces", size=None, files=2)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(complete, range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [507] * 5
    assert used(receiver)[1] == 2


def test_a_quota_that_was_lowered_keeps_what_is_there(
    receiver: RunningReceiver, device: Native
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    file = device.published("a", content)
    upload = device.sent("b", content)
    set_quota(receiver, "accounts", size=1)
    assert device.content(file["id"]).body == content.data
    assert device.complete(upload, content).status == 201  # it had its room
    assert device.start("c", random_content(1)).code == "quota_exceeded"
    assert not part_file(receiver, upload).exists()
