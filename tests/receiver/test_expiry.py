"""Uploads of which nothing comes: in recovery for a while, taken up again by whoever goes on, then gone."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from howdah_common.messages import Complete
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import resting
from howdah_receiver.uploads.states import UploadState
from kit.native import SMALL_CHUNK, Content, Native, part_file, random_content
from kit.receiver import running_receiver
from kit.services import Services, catalogue, services, used

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kit.receiver import RunningReceiver

DAY = 24 * 3600.0
YEAR = 365 * DAY
WEEK = 7 * DAY


@pytest.fixture
def inside(short_path: Any) -> Iterator[Services]:
    with services(short_path / "data") as found:
        yield found


def begun(inside: Services, content: Content, *numbers: int, path: str = "a") -> str:
    upload = inside.start(path, content)
    if numbers:
        inside.put(upload.id, content, *numbers)
    return upload.id


# -- into recovery, and out of it


def test_what_is_idle_for_a_week_rests_with_all_it_has(inside: Services) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = begun(inside, content, 0, 2)
    inside.sweep(WEEK - 60)
    assert inside.state(upload) == "open"
    inside.sweep(120)
    row = inside.row(upload)
    assert (row.state, row.reserved_bytes) == (UploadState.EXPIRED, content.size)
    assert (inside.data / "parts" / upload).exists()
    assert inside.received(upload) == [(0, 0), (2, 2)]
    durable = catalogue(inside.data, "SELECT durable FROM chunks WHERE upload_id = ?", upload)
    assert durable == [(1,), (1,)]


def test_what_has_rested_for_its_time_is_gone_with_its_part(inside: Services) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = begun(inside, content, 0)
    inside.sweep(8 * DAY)
    inside.sweep(13 * DAY)
    assert inside.state(upload) == "expired"
    inside.sweep(2 * DAY)
    row = inside.row(upload)
    assert (row.state, row.reserved_bytes) == (UploadState.GONE, 0)
    assert row.ended_ns is not None
    assert not (inside.data / "parts" / upload).exists()
    assert inside.received(upload) == []
    assert used(inside) == (0, 0)
    with pytest.raises(ProblemError, match="upload_not_open"):
        inside.put(upload, content, 1)
    inside.receiver.endings.cancel(inside.caller, upload)  # nothing is left to do
    assert inside.state(upload) == "gone"
    assert inside.start("a", content, client_id=row.client_id).state is UploadState.GONE


def _put(inside: Services, upload: str, content: Content) -> None:
    inside.put(upload, content, 2)


def _have(inside: Services, upload: str, content: Content) -> None:
    inside.receiver.uploads.have(inside.caller, upload, 0, content.digests())


def _start(inside: Services, upload: str, content: Content) -> None:
    again = inside.start("a", content, client_id=inside.row(upload).client_id)
    assert (again.id, again.state) == (upload, UploadState.OPEN)


def _verify(inside: Services, upload: str, content: Content) -> None:
    assert not inside.receiver.endings.verify(inside.caller, upload).damaged


def _complete_too_early(inside: Services, upload: str, content: Content) -> None:
    with pytest.raises(ProblemError, match="upload_incomplete"):
        inside.complete(upload, content)


@pytest.mark.parametrize("go_on", [_put, _have, _start, _verify, _complete_too_early])
def test_whoever_goes_on_takes_it_up_again(
    inside: Services, go_on: Callable[[Services, str, Content], None]
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = begun(inside, content, 0, 1)
    inside.sweep(8 * DAY)
    assert inside.state(upload) == "expired"
    go_on(inside, upload, content)
    assert inside.state(upload) == "open"
    inside.put(upload, content, 2)
    inside.sweep(60)
    assert inside.state(upload) == "open"
    inside.complete(upload, content)
    path = inside.data / "files" / "owner" / "a"
    assert path.read_bytes() == content.data


def test_a_completion_and_a_cancel_take_it_up_and_end_it(inside: Services) -> None:
    content = random_content(2 * SMALL_CHUNK)
    whole, unwanted = begun(inside, content, 0, 1), begun(inside, content, 0, path="b")
    inside.sweep(8 * DAY)
    assert {inside.state(whole), inside.state(unwanted)} == {"expired"}
    inside.complete(whole, content)
    inside.receiver.endings.cancel(inside.caller, unwanted)
    assert (inside.state(whole), inside.state(unwanted)) == ("published", "cancelled")
    assert not (inside.data / "parts" / unwanted).exists()


def test_looking_takes_nothing_up(inside: Services) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = begun(inside, content, 0)
    inside.sweep(8 * DAY)
    assert inside.received(upload) == [(0, 0)]
    assert len(inside.receiver.uploads.chunks(inside.caller, upload)[1]) == 1
    live = inside.receiver.uploads.live
    assert live(inside.caller) == []
    assert [row.id for row in live(inside.caller, resting=True)] == [upload]
    assert inside.state(upload) == "expired"


def test_each_chunk_puts_it_off(inside: Services) -> None:
    content = random_content(4 * SMALL_CHUNK)
    upload = begun(inside, content)
    for number in range(3):
        inside.sweep(5 * DAY)
        before = inside.row(upload).active_ns
        inside.put(upload, content, number)
        assert inside.row(upload).active_ns > before
    assert inside.state(upload) == "open"


def test_never_is_a_setting(short_path: Any) -> None:
    with services(short_path / "data", upload_idle_seconds=0) as inside:
        upload = begun(inside, random_content(10))
        inside.sweep(10 * YEAR)
        assert inside.state(upload) == "open"
        assert inside.receiver.expiry.ends_ns(inside.row(upload)) is None


# -- clocks, restarts, races


def test_a_clock_that_jumps_a_year_drops_nothing_that_is_at_work(short_path: Any) -> None:
    content = random_content(2 * SMALL_CHUNK)
    with services(short_path / "data") as inside:
        resting = begun(inside, content, 0)
    with services(short_path / "data") as inside:
        active = begun(inside, content, 0, path="b")
        inside.jump(YEAR)
        inside.sweep()
        assert (inside.state(resting), inside.state(active)) == ("expired", "open")
        # What was taken for idle by mistake has its whole time in recovery.
        inside.sweep(WEEK - 60)
        assert (inside.state(resting), inside.state(active)) == ("expired", "open")
        inside.put(resting, content, 1)
        inside.complete(resting, content)


def test_a_receiver_that_was_off_for_a_year_gives_everyone_the_time_to_go_on(
    short_path: Any,
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    with services(short_path / "data") as inside:
        upload = begun(inside, content, 0)
    with services(short_path / "data") as inside:
        inside.jump(YEAR)
        inside.sweep()
        inside.sweep()
        assert inside.state(upload) == "expired"
    with services(short_path / "data") as inside:  # what rests has its part, after a start too
        assert inside.received(upload) == [(0, 0)]
        assert (inside.data / "parts" / upload).stat().st_size == content.size
        inside.put(upload, content, 1)
        inside.complete(upload, content)


def test_after_an_unclean_stop_it_is_read_again_before_it_goes_on(short_path: Any) -> None:
    content = random_content(3 * SMALL_CHUNK)
    with services(short_path / "data") as inside:
        upload = begun(inside, content, 0, 1)
        inside.sweep(8 * DAY)
    (short_path / "data" / "clean").unlink()
    catalogue(short_path / "data", "UPDATE chunks SET durable = 0 WHERE number = 1")
    with (short_path / "data" / "parts" / upload).open("r+b") as part:
        part.seek(SMALL_CHUNK)
        part.write(b"torn")
    with services(short_path / "data") as inside:
        assert inside.received(upload) == [(0, 0)]  # of the other nobody can say
        inside.start("a", content, client_id=inside.row(upload).client_id)
        assert inside.received(upload) == [(0, 0)]
        inside.put(upload, content, 1, 2)
        inside.complete(upload, content)


def test_a_part_that_a_crash_left_behind_goes_at_the_next_start(short_path: Any) -> None:
    with services(short_path / "data") as inside:
        upload = begun(inside, random_content(10), 0)
        inside.sweep(8 * DAY)
        inside.sweep(15 * DAY)
        assert inside.state(upload) == "gone"
    left = short_path / "data" / "parts" / upload
    left.write_bytes(b"0123456789")
    with services(short_path / "data"):
        assert not left.exists()


def test_an_upload_whose_part_was_lost_in_recovery_has_received_nothing(short_path: Any) -> None:
    with services(short_path / "data") as inside:
        upload = begun(inside, random_content(10), 0)
        inside.sweep(8 * DAY)
    (short_path / "data" / "parts" / upload).unlink()
    with services(short_path / "data") as inside:
        assert inside.received(upload) == []


def test_a_chunk_that_comes_while_it_is_looked_at_expires_it_no_more(inside: Services) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = begun(inside, content)
    old_ns = inside.row(upload).active_ns + 1
    inside.put(upload, content, 0)
    with inside.receiver.catalogue.write() as connection:
        assert not resting.expire(connection, upload, old_ns, time.time_ns())
    assert inside.state(upload) == "open"


def test_a_chunk_on_its_way_is_stopped_or_counts(inside: Services) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = begun(inside, content)
    with inside.receiver.uploads.session(inside.caller, upload) as session:
        writer = session.begin(0, SMALL_CHUNK)
        writer.write([content.chunk(0)])
        inside.sweep(8 * DAY)  # a chunk that takes a week
        assert inside.state(upload) == "expired"
        with pytest.raises(ProblemError, match="chunk_superseded"):
            writer.finish(content.digest(0))
        with pytest.raises(ProblemError, match="upload_not_open"):
            session.begin(1, SMALL_CHUNK)
    inside.put(upload, content, 0, 1)
    inside.complete(upload, content)


def test_a_chunk_that_was_checked_but_not_written_down_is_not_called_stored(
    inside: Services,
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = begun(inside, content)
    with inside.receiver.uploads.session(inside.caller, upload) as session:
        writer = session.begin(0, SMALL_CHUNK)
        writer.write([content.chunk(0)])
        writer.finish(content.digest(0))
        inside.sweep(8 * DAY)
        with pytest.raises(ProblemError, match="upload_not_open"):
            session.commit([0])
    assert inside.received(upload) == []


@pytest.mark.parametrize("attempt", range(8))
def test_expiry_against_chunks_completion_and_cancel_has_one_outcome(
    inside: Services, attempt: int
) -> None:
    content = random_content(4 * SMALL_CHUNK)
    upload = begun(inside, content, 0, 1, 2)
    inside.sweep(WEEK - 3600)
    barrier = threading.Barrier(5)

    def sweep() -> None:
        inside.sweep(7200)

    def tried(work: Callable[[], None]) -> str:
        barrier.wait()
        try:
            work()
        except ProblemError as problem:
            return problem.code
        return "done"

    works: list[Callable[[], None]] = [
        sweep,
        lambda: inside.put(upload, content, 3),
        lambda: inside.complete(upload, content),
        lambda: inside.receiver.endings.cancel(inside.caller, upload),
        sweep,
    ]
    with ThreadPoolExecutor(5) as pool:
        codes = list(pool.map(tried, works))
    assert (codes[0], codes[4]) == ("done", "done")
    assert codes[1] in ("done", "upload_not_open", "chunk_superseded")
    assert codes[2] in ("done", "upload_incomplete", "upload_not_open")
    state = inside.state(upload)
    part = inside.data / "parts" / upload
    if state in ("open", "expired"):
        pytest.fail(f"a cancel ends it, one way or the other: {codes}")
    assert state == ("published" if codes[2] == "done" else "cancelled"), codes
    assert not part.exists()
    (reserved,) = catalogue(inside.data, "SELECT reserved_bytes FROM uploads")
    assert reserved == (0,)


def test_twenty_who_take_it_up_at_once_find_one_upload(inside: Services) -> None:
    content = random_content(20 * SMALL_CHUNK)
    upload = begun(inside, content, 0)
    inside.sweep(8 * DAY)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda number: inside.put(upload, content, number), range(20)))
    asked = Complete(size=content.size, manifest_digest=content.manifest_digest)
    inside.receiver.endings.complete(inside.caller, upload, asked)
    assert (inside.data / "files" / "owner" / "a").read_bytes() == content.data


# -- over the line, in seconds


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {
        "HOWDAH_RECEIVER_UPLOAD_IDLE_SECONDS": "0.5",
        "HOWDAH_RECEIVER_UPLOAD_RECOVERY_SECONDS": "1 h",
    }


def until(native: Native, upload: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    found: dict[str, Any] = {"state": "not asked for"}
    while time.monotonic() < deadline:
        found = native.status(upload).json
        if found["state"] == state:
            return found
    raise AssertionError(f"it is {found['state']}, and not {state}")


def test_a_receiver_lets_an_upload_rest_and_go_on_by_itself(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.frame(0))
    now = native.status(upload).json
    assert now["state"] == "open"
    assert 0 < now["expires_ns"] - now["started_ns"] < 5e9
    resting = until(native, upload, "expired")
    assert resting["received"] == [[0, 0]]
    assert resting["expires_ns"] > time.time_ns() + 3000e9
    assert part_file(shared, upload).exists()
    assert upload not in [row["id"] for row in native.uploads().json["uploads"]]
    also = native.get("/uploads", {"expired": "true"}).json["uploads"]
    assert {"id": upload, "state": "expired"}.items() <= next(
        row for row in also if row["id"] == upload
    ).items()
    assert native.stream(upload, content.stream([1, 2])).status == 200
    assert native.complete(upload, content).status == 201


def test_a_receiver_lets_go_of_what_has_rested(short_path: Any) -> None:
    env = {
        "HOWDAH_RECEIVER_UPLOAD_IDLE_SECONDS": "0.2",
        "HOWDAH_RECEIVER_UPLOAD_RECOVERY_SECONDS": "0.2",
    }
    with (
        running_receiver(short_path / "data", env=env) as receiver,
        Native.paired_with(receiver) as native,
    ):
        content = random_content(10)
        upload = native.started("a", content)
        until(native, upload, "gone")
        assert not part_file(receiver, upload).exists()
        assert native.put(upload, 0, content.data).code == "upload_not_open"
        assert native.complete(upload, content).code == "upload_not_open"
        assert native.cancel(upload).status == 204
        examined = receiver.run("doctor", "--data", str(receiver.data))
        assert "0 uploads are on their way" in examined.stdout
