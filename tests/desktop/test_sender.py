"""One upload against a receiver that fails in every way and at every moment."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import cast

import pytest

from howdah_common.chunks import KIB
from howdah_common.problems import Next, ProblemError
from howdah_desktop.engine.completion import Outcome
from howdah_desktop.engine.ledger import new_client_id
from howdah_desktop.engine.link import Link, LinkMemory
from howdah_desktop.engine.pipe import PipeSender
from howdah_desktop.engine.sender import Sender
from howdah_desktop.engine.transfers import IfExists, Kind, Transfer, TransferState
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.system import SourceIdentity
from kit.scripted_receiver import OFFLINE, ScriptedReceiver

CHUNK = 64 * KIB
CONTENT = os.urandom(10 * CHUNK + 17)


class QuietWatch:
    """Follows an upload without ever waiting."""

    def __init__(self) -> None:
        self.begun: list[tuple[SourceIdentity, int]] = []
        self.acknowledged_bytes: list[int] = []
        self.under_way = 0
        self.pauses: list[float] = []
        self.stopped = False

    def check(self) -> None:
        if self.stopped:
            raise ProblemError("interrupted")

    def may_leave(self, wanted: int) -> int:
        self.check()
        return wanted

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.check()

    def begins(self, identity: SourceIdentity, chunk_bytes: int) -> None:
        self.begun.append((identity, chunk_bytes))

    def began(self, upload_id: str) -> None:
        pass

    def acknowledged(self, done_bytes: int, landed_bytes: int = 0) -> None:
        self.acknowledged_bytes.append(done_bytes)
        self.under_way -= landed_bytes

    def leaves(self, count: int) -> None:
        self.under_way += count

    def lost(self, count: int) -> None:
        self.under_way -= count

    def finishing(self) -> None:
        pass


class Upload:
    """A file, a scripted receiver, and a sender between them."""

    def __init__(self, folder: Path, if_exists: IfExists = IfExists.VERSION) -> None:
        self.path = folder / "source.bin"
        self.path.write_bytes(CONTENT)
        self.receiver = ScriptedReceiver()
        self.watch = QuietWatch()
        self.link = Link(LinkMemory(carried_bytes=1, good=False))
        self.transfer = Transfer(
            id=1,
            group=1,
            kind=Kind.UPLOAD,
            state=TransferState.SENDING,
            local=os.fsencode(self.path),
            remote="there/source.bin",
            if_exists=if_exists,
            client_id=new_client_id(),
            chunk_bytes=CHUNK,
        )
        self.sender = self.another()

    def another(self) -> Sender:
        """As after a restart of the program: nothing is remembered but the row."""
        return Sender(self.transfer, self.link, self.watch, 2)

    def run(self) -> Outcome:
        return self.sender.run(cast("Receiver", self.receiver))

    def problem(self) -> ProblemError:
        with pytest.raises(ProblemError) as caught:
            self.run()
        return caught.value

    def assert_arrived(self, content: bytes = CONTENT) -> None:
        assert self.receiver.contents["there/source.bin"] == content


@pytest.fixture
def upload(short_path: Path) -> Upload:
    return Upload(short_path)


def test_a_file_arrives_and_is_sent_once(upload: Upload) -> None:
    outcome = upload.run()
    assert outcome.state is TransferState.DONE
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == len(CONTENT)
    assert upload.watch.under_way == 0
    assert upload.watch.acknowledged_bytes[-1] == len(CONTENT)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_files_around_the_size_of_a_chunk_arrive(upload: Upload, size: int) -> None:
    upload.path.write_bytes(CONTENT[:size])
    upload.run()
    upload.assert_arrived(CONTENT[:size])


def test_a_lost_answer_to_start_begins_no_second_upload(upload: Upload) -> None:
    upload.receiver.lose_answer("start")
    assert upload.problem().code == "offline"
    upload.run()
    upload.assert_arrived()
    assert len(upload.receiver.uploads_by_id) == 1


def test_a_lost_answer_to_chunks_sends_nothing_twice(upload: Upload) -> None:
    upload.receiver.lose_answer("send_chunks", times=3)
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == len(CONTENT)


def test_a_lost_answer_to_complete_publishes_once(upload: Upload) -> None:
    upload.receiver.lose_answer("complete")
    assert upload.problem().code == "offline"
    assert upload.run().state is TransferState.DONE
    assert upload.receiver.calls.count("complete") == 1
    assert len(upload.receiver.files) == 1


def test_a_lost_answer_to_complete_is_understood_after_a_restart(upload: Upload) -> None:
    upload.receiver.lose_answer("complete")
    upload.problem()
    upload.sender = upload.another()
    assert upload.run().state is TransferState.DONE
    assert len(upload.receiver.files) == 1


def test_after_keep_both_and_a_restart_there_is_no_second_copy(short_path: Path) -> None:
    upload = Upload(short_path, IfExists.KEEP_BOTH)
    upload.run()
    other = Upload(short_path, IfExists.KEEP_BOTH)
    other.receiver = upload.receiver
    other.path.write_bytes(b"other")
    other.sender = other.another()
    upload.receiver.fail("complete", ProblemError("version_conflict"))
    upload.receiver.lose_answer("complete")
    other.problem()
    other.sender = other.another()
    assert other.run().final_path == "there/source (2).bin"
    assert sorted(upload.receiver.files) == ["there/source (2).bin", "there/source.bin"]


def test_a_broken_line_keeps_what_was_whole_and_goes_on(upload: Upload) -> None:
    for _ in range(5):
        upload.receiver.break_after(1)
    upload.link = Link(LinkMemory(good=True))
    upload.sender = upload.another()
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == len(CONTENT)


def test_a_line_on_which_no_chunk_gets_through_asks_for_smaller_ones(short_path: Path) -> None:
    upload = Upload(short_path)
    upload.transfer = Transfer(
        **{
            **{name: getattr(upload.transfer, name) for name in Transfer.__slots__},
            "chunk_bytes": 4 * CHUNK,
        }
    )
    upload.sender = upload.another()
    upload.receiver.break_after(0, times=3)
    problem = upload.problem()
    assert problem.extra["smaller_chunk_bytes"] == CHUNK


def test_a_line_on_which_the_smallest_chunk_does_not_get_through_holds_up_this_file_alone(
    upload: Upload,
) -> None:
    upload.receiver.break_after(0, times=3)
    problem = upload.problem()
    assert problem.extra == {"row": True}
    upload.run()
    upload.assert_arrived()


def test_a_chunk_that_arrives_wrong_is_sent_again(upload: Upload) -> None:
    wrong = ProblemError("chunk_mismatch", "", {"chunks": [(2, 2)]})
    upload.receiver.fail("send_chunks", wrong)
    upload.run()
    upload.assert_arrived()


def test_a_chunk_that_arrives_wrong_five_times_needs_the_user(upload: Upload) -> None:
    wrong = ProblemError("chunk_mismatch", "", {"chunks": [(2, 2)]})
    upload.receiver.fail("send_chunks", wrong, times=5)
    problems = [upload.problem() for _ in range(2)]
    assert problems[-1].code == "chunk_mismatch"
    assert problems[-1].extra == {"gave_up": True}


@pytest.mark.parametrize("code", ["storage_full", "not_signed_in", "storage_failed", "unavailable"])
@pytest.mark.parametrize("call", ["start", "send_chunks", "complete"])
def test_what_the_receiver_refuses_comes_out_and_the_next_run_goes_on(
    upload: Upload, call: str, code: str
) -> None:
    upload.receiver.fail(call, ProblemError(code))
    assert upload.problem().code == code
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == len(CONTENT)


@pytest.mark.parametrize("call", ["send_chunks", "complete"])
def test_an_upload_in_recovery_goes_on_and_nothing_is_sent_twice(upload: Upload, call: str) -> None:
    def rest() -> None:
        upload.receiver.uploads_by_id["u0"].state = "expired"

    upload.receiver.fail(call, ProblemError("upload_not_open"))
    upload.receiver.before["upload"] = rest
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == len(CONTENT)
    assert len(upload.receiver.uploads_by_id) == 1


def test_an_upload_that_is_gone_is_begun_anew(upload: Upload) -> None:
    def let_go() -> None:
        upload.receiver.uploads_by_id["u0"].state = "gone"

    upload.receiver.fail("send_chunks", ProblemError("upload_not_open"))
    upload.receiver.before["upload"] = let_go
    problem = upload.problem()
    assert (problem.code, problem.problem.next) == ("upload_not_found", Next.RESTART)


def test_chunks_that_the_receiver_lost_are_sent_again(upload: Upload) -> None:
    def lose() -> None:
        del upload.receiver.uploads_by_id["u0"].chunks[3]

    upload.receiver.before["complete"] = lose
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == len(CONTENT) + CHUNK


def test_after_a_restart_what_arrived_is_compared_and_not_sent_again(upload: Upload) -> None:
    upload.receiver.fail("complete", OFFLINE)
    upload.problem()
    sent = upload.receiver.chunk_bytes_received
    upload.sender = upload.another()
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == sent
    assert "upload_manifest" in upload.receiver.calls


def test_after_a_restart_a_difference_begins_anew(upload: Upload) -> None:
    upload.receiver.fail("complete", OFFLINE)
    upload.problem()
    upload.receiver.uploads_by_id["u0"].chunks[4] = b"?" * CHUNK
    upload.sender = upload.another()
    assert upload.problem().code == "chunk_conflict"


def test_an_upload_that_the_receiver_forgot_begins_anew(upload: Upload) -> None:
    upload.receiver.before["send_chunks"] = upload.receiver.uploads_by_id.clear
    assert upload.problem().code == "upload_not_found"


def test_what_the_receiver_has_already_is_not_sent(upload: Upload) -> None:
    from howdah_common.digests import BLAKE3, digest

    for at in range(0, len(CONTENT), CHUNK):
        if at != 2 * CHUNK:
            piece = CONTENT[at : at + CHUNK]
            upload.receiver.known[digest(BLAKE3, piece)] = piece
    upload.run()
    upload.assert_arrived()
    assert upload.receiver.chunk_bytes_received == CHUNK


def test_a_file_that_is_there_already_sends_nothing_and_says_so(upload: Upload) -> None:
    from howdah_common.digests import BLAKE3, digest

    for at in range(0, len(CONTENT), CHUNK):
        piece = CONTENT[at : at + CHUNK]
        upload.receiver.known[digest(BLAKE3, piece)] = piece
    assert upload.run().note == "already there"
    assert "send_chunks" not in upload.receiver.calls


# -- a source that does not stay what it was


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, len(CONTENT) // 2)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other bytes, same length")
    os.utime(path, ns=(1, 1))


def replace_by_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(CONTENT)
    other.rename(path)


@pytest.mark.parametrize("change", [grow, shrink, rewrite, replace_by_another])
@pytest.mark.parametrize("moment", ["start", "send_chunks"])
def test_a_file_that_changes_while_it_is_sent_is_never_completed(
    upload: Upload, change: object, moment: str
) -> None:
    upload.receiver.before[moment] = lambda: change(upload.path)  # type: ignore[operator]
    assert upload.problem().code == "source_changed"
    assert "complete" not in upload.receiver.calls


def test_a_file_that_vanishes_while_it_is_sent_is_never_completed(upload: Upload) -> None:
    upload.receiver.before["send_chunks"] = upload.path.unlink
    assert upload.problem().code == "source_missing"
    assert "complete" not in upload.receiver.calls


def test_a_file_that_changed_between_two_runs_begins_anew(upload: Upload) -> None:
    upload.receiver.fail("complete", OFFLINE)
    upload.problem()
    grow(upload.path)
    assert upload.problem().code == "chunk_conflict"


def test_a_source_that_is_gone_or_no_file_says_so(upload: Upload) -> None:
    upload.path.unlink()
    assert upload.problem().code == "source_missing"
    os.mkfifo(upload.path)
    assert upload.problem().code == "source_not_a_file"


def test_the_source_is_left_as_it_was(upload: Upload) -> None:
    before = upload.path.stat()
    upload.run()
    after = upload.path.stat()
    assert (before.st_mtime_ns, before.st_mode, before.st_size) == (
        after.st_mtime_ns,
        after.st_mode,
        after.st_size,
    )
    assert upload.path.read_bytes() == CONTENT


# -- what stands at the target


@pytest.mark.parametrize("early", [True, False])
def test_skip_leaves_what_is_there(short_path: Path, early: bool) -> None:
    upload = Upload(short_path, IfExists.SKIP)
    _something_is_there(upload, early)
    assert upload.run().state is TransferState.SKIPPED
    assert ("send_chunks" in upload.receiver.calls) is not early


@pytest.mark.parametrize("early", [True, False])
def test_fail_leaves_what_is_there_and_needs_the_user(short_path: Path, early: bool) -> None:
    upload = Upload(short_path, IfExists.FAIL)
    _something_is_there(upload, early)
    assert upload.problem().code == "target_exists"


def _something_is_there(upload: Upload, early: bool) -> None:
    other = Upload(upload.path.parent)
    other.receiver = upload.receiver
    if early:
        other.run()
        upload.receiver.calls.clear()
        return

    def meanwhile() -> None:
        other.transfer = Transfer(
            **{
                **{name: getattr(other.transfer, name) for name in Transfer.__slots__},
                "client_id": new_client_id(),
            }
        )
        other.sender = other.another()
        other.run()

    upload.receiver.before["complete"] = meanwhile


def test_stopping_ends_a_request_in_its_middle(upload: Upload) -> None:
    def stop() -> None:
        upload.watch.stopped = True

    upload.receiver.before["send_chunks"] = stop
    assert upload.problem().code == "interrupted"
    assert upload.watch.under_way == 0


# -- standard input


class PatientWatch:
    def __init__(self) -> None:
        self.pauses: list[str] = []
        self.done_bytes = 0

    def pause(self, seconds: float, problem: ProblemError | None) -> None:
        self.pauses.append(problem.code if problem else "")

    def may_leave(self, wanted: int) -> int:
        return min(wanted, 300_000)

    def arrived(self, done_bytes: int) -> None:
        self.done_bytes = done_bytes


@pytest.mark.parametrize("size", [0, 1, 8 * KIB * KIB, 8 * KIB * KIB + 1])
def test_a_pipe_of_unknown_length_arrives(size: int) -> None:
    receiver, watch = ScriptedReceiver(), PatientWatch()
    content = os.urandom(size)
    pipe = PipeSender(
        cast("Receiver", receiver), io.BytesIO(content), "p", IfExists.VERSION, watch, sha256=True
    )
    assert pipe.run().state is TransferState.DONE
    assert receiver.contents["p"] == content


def test_a_pipe_survives_what_passes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, watch = ScriptedReceiver(), PatientWatch()
    receiver.lose_answer("start")
    receiver.fail("send_chunks", ProblemError("storage_full"))
    receiver.fail("send_chunks", OFFLINE)
    receiver.lose_answer("send_chunks")
    receiver.lose_answer("complete")
    pipe = PipeSender(cast("Receiver", receiver), io.BytesIO(CONTENT), "p", IfExists.VERSION, watch)
    pipe.run()
    assert receiver.contents["p"] == CONTENT
    assert len(receiver.uploads_by_id) == 1
    assert receiver.chunk_bytes_received == len(CONTENT)
    assert "storage_full" in watch.pauses


def test_a_pipe_ends_where_only_a_person_can_help() -> None:
    receiver = ScriptedReceiver()
    receiver.fail("send_chunks", ProblemError("not_signed_in"))
    pipe = PipeSender(
        cast("Receiver", receiver), io.BytesIO(CONTENT), "p", IfExists.VERSION, PatientWatch()
    )
    with pytest.raises(ProblemError, match="not_signed_in"):
        pipe.run()
