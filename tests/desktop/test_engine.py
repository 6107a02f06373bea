"""The engine: works the ledger through everything that happens, one engine for each ledger."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.attach import attach
from howdah_desktop.engine.control import PLACE_NAME, RemoteEngine
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.settings import Settings
from kit.engine_bench import PATIENCE_SECONDS, Bench, ended, quick_waits, row, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_waits(monkeypatch)


@pytest.fixture
def bench(short_path: Path) -> Bench:
    return Bench(short_path)


def test_files_and_folders_go_where_they_belong(bench: Bench) -> None:
    bench.file("one.txt", b"1")
    bench.file("folder/two.txt", b"2")
    bench.file("folder/deep/er/three.txt", b"3")
    (bench.files / "folder/empty").mkdir()
    (bench.files / "folder/link").symlink_to("two.txt")
    os.mkfifo(bench.files / "folder/fifo")
    with bench.engine() as engine:
        paths = [os.fsencode(bench.files / "one.txt"), os.fsencode(bench.files / "folder") + b"/"]
        snapshot = until(engine, engine.add_sends(paths, "X"), ended)
    assert bench.receiver.contents == {
        "X/one.txt": b"1",
        "X/folder/two.txt": b"2",
        "X/folder/deep/er/three.txt": b"3",
    }
    assert bench.receiver.folders == ["X/folder/empty"]
    skipped = {r.name: r.sentence for r in snapshot.transfers if r.state == "skipped"}
    assert set(skipped) == {"link", "fifo"}
    assert all(skipped.values())


def test_a_name_that_is_not_utf_8_needs_the_user_and_gets_a_proposal(bench: Bench) -> None:
    path = os.fsencode(bench.files) + b"/caf\xe9.txt"
    os.close(os.open(path, os.O_CREAT))
    with bench.engine() as engine:
        shown = row(until(engine, engine.add_sends([path]), ended))
    assert (shown.state, shown.code) == ("failed", "name_not_unicode")
    assert "caf_.txt" in shown.sentence
    assert bench.receiver.calls == []


def test_a_path_that_is_not_there_fails_with_a_remedy(bench: Bench) -> None:
    with bench.engine() as engine:
        shown = row(until(engine, engine.add_sends([b"/nowhere/at/all"]), ended))
    assert (shown.state, shown.code) == ("failed", "source_missing")
    assert shown.remedy


def test_a_receiver_that_is_away_is_one_waiting_state_and_all_go_on_by_themselves(
    bench: Bench,
) -> None:
    bench.receiver.away = True
    paths = [bench.file(f"{n}") for n in range(20)]
    with bench.engine() as engine:
        group = engine.add_sends(paths)
        snapshot = until(engine, group, lambda s: s.receiver.code == "offline")
        assert "failed" not in snapshot.counts
        assert "waiting" not in snapshot.counts
        bench.receiver.away = False
        snapshot = until(engine, group, ended)
    assert snapshot.counts == {"done": 20}
    assert snapshot.receiver.code is None


def test_a_full_receiver_holds_a_file_up_until_there_is_room(bench: Bench) -> None:
    bench.receiver.fail("start", ProblemError("storage_full"), times=3)
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        until(engine, group, lambda s: any(r.code == "storage_full" for r in s.transfers))
        assert row(until(engine, group, ended)).state == "done"


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("quota_exceeded", {"of": "account", "what": "bytes"}),
        ("quota_exceeded", {"of": "space", "what": "files"}),
        ("too_many_uploads", {"retry_after_seconds": 0.01}),
    ],
)
def test_a_quota_that_is_used_up_and_too_many_at_once_are_waited_for(
    bench: Bench, code: str, extra: dict[str, object]
) -> None:
    bench.receiver.fail("start", ProblemError(code, "", extra), times=3)
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        until(engine, group, lambda s: any(r.code == code for r in s.transfers))
        assert row(until(engine, group, ended)).state == "done"


def test_a_device_that_is_signed_out_waits_until_it_is_paired_again(bench: Bench) -> None:
    signed_out = ProblemError("not_signed_in")
    bench.receiver.fail("start", signed_out)
    bench.receiver.fail("list", signed_out, times=3)
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        until(engine, group, lambda s: s.receiver.code == "not_signed_in")
        assert row(until(engine, group, ended)).state == "done"


def test_a_file_that_changes_is_sent_again_as_it_is_then(bench: Bench) -> None:
    path = bench.file("a", b"before")
    bench.receiver.before["send_chunks"] = lambda: void(bench.file("a", b"afterwards"))
    with bench.engine() as engine:
        snapshot = until(engine, engine.add_sends([path]), ended)
    assert snapshot.counts == {"done": 1}
    assert bench.receiver.contents == {"a": b"afterwards"}
    first, second = bench.receiver.uploads_by_id.values()
    assert first.words.client_id != second.words.client_id
    assert first.state == "cancelled"


def void(_: object) -> None:
    pass


def test_an_upload_that_the_receiver_lost_begins_anew(bench: Bench) -> None:
    bench.receiver.before["complete"] = bench.receiver.uploads_by_id.clear
    with bench.engine() as engine:
        assert row(until(engine, engine.add_sends([bench.file("a")]), ended)).state == "done"


def test_what_needs_the_user_fails_and_resume_tries_again(bench: Bench) -> None:
    bench.receiver.fail("complete", ProblemError("path_conflict"))
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        assert row(until(engine, group, ended)).code == "path_conflict"
        assert engine.resume() == 1
        assert row(until(engine, group, lambda s: s.counts == {"done": 1})).state == "done"


def test_unfinished_transfers_go_on_in_the_next_engine(bench: Bench) -> None:
    bench.receiver.away = True
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a"), bench.file("b")])
        until(engine, group, lambda s: s.receiver.code == "offline")
    bench.receiver.away = False
    with bench.engine() as engine:
        assert until(engine, group, ended).counts == {"done": 2}


def test_cancel_frees_the_receivers_side(bench: Bench) -> None:
    bench.receiver.fail("complete", ProblemError("path_conflict"))
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        shown = row(until(engine, group, ended))
        assert engine.cancel([shown.id]) == 1
        assert row(until(engine, group, lambda s: "cancelled" in s.counts)).state == "cancelled"
    assert bench.receiver.cancelled == ["u0"]


def test_a_running_transfer_can_be_cancelled(bench: Bench) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)

    bench.receiver.before["send_chunks"] = hold
    with bench.engine() as engine:
        group = engine.add_sends([bench.file("a")])
        assert reached.wait(PATIENCE_SECONDS)
        engine.cancel()
        go_on.set()
        snapshot = until(engine, group, ended)
    assert snapshot.counts == {"cancelled": 1}
    assert bench.receiver.files == {}


def test_stopping_leaves_everything_resumable(bench: Bench) -> None:
    engine = Engine(Ledger(bench.home), bench.connect, bench.settings)
    bench.receiver.before["send_chunks"] = engine._control.stopping.set
    engine.start()
    group = engine.add_sends([bench.file("a")])
    engine.stop()
    with bench.engine() as again:
        assert until(again, group, ended).counts == {"done": 1}


def test_thousands_of_files_come_from_a_folder(bench: Bench) -> None:
    for number in range(1_000):
        bench.file(f"folder/{number % 10}/{number}", b"%d" % number)
    with bench.engine() as engine:
        snapshot = until(engine, engine.add_sends([os.fsencode(bench.files / "folder")]), ended)
    assert snapshot.counts == {"done": 1_000}
    assert len(bench.receiver.contents) == 1_000


def test_a_listener_hears_of_news(bench: Bench) -> None:
    heard = threading.Event()
    with bench.engine() as engine:
        engine.listen(heard.set)
        engine.add_sends([bench.file("a")])
        assert heard.wait(PATIENCE_SECONDS)


# -- one engine for each ledger


def test_a_second_client_hands_its_work_to_the_first(bench: Bench) -> None:
    first = attach(bench.settings, bench.connect)
    second = attach(bench.settings, bench.connect)
    try:
        assert (first.is_ours, second.is_ours) == (True, False)
        path = os.fsencode(bench.files) + b"/\xff"
        group = second.engine.add_sends(
            [bench.file("a"), path], "X", if_exists=IfExists.KEEP_BOTH, sha256=True
        )
        assert isinstance(second.engine, RemoteEngine)
        snapshot = until(second.engine, group, ended)
        assert snapshot.counts == {"done": 1, "failed": 1}
        assert first.watched_elsewhere() == {group}
    finally:
        second.close()
        first.close()


def test_when_the_first_ends_the_second_takes_over(bench: Bench) -> None:
    first = attach(bench.settings, bench.connect)
    second = attach(bench.settings, bench.connect)
    bench.receiver.away = True
    group = second.engine.add_sends([bench.file("a")])
    first.close()
    with pytest.raises(ProblemError) as caught:
        until(second.engine, group, ended)
    assert caught.value.code == "engine_unreachable"
    second.close()
    bench.receiver.away = False
    second = attach(bench.settings, bench.connect)
    try:
        assert second.is_ours
        assert isinstance(second.engine, Engine)
        assert until(second.engine, group, ended).counts == {"done": 1}
    finally:
        second.close()


def test_the_control_socket_is_its_users_alone(bench: Bench) -> None:
    attached = attach(bench.settings, bench.connect)
    try:
        assert (bench.home / "control.sock").stat().st_mode & 0o777 == 0o600
    finally:
        attached.close()
    assert not (bench.home / "control.sock").exists()


def test_a_home_with_a_long_path_has_its_socket_elsewhere(bench: Bench) -> None:
    long = bench.home / ("d" * 100)
    long.mkdir()
    settings = Settings(home=long)
    first = attach(settings, bench.connect)
    second = attach(settings, bench.connect)
    try:
        assert (long / PLACE_NAME).exists()
        assert second.engine.snapshot().counts == {}
    finally:
        second.close()
        first.close()


def test_what_ended_in_earlier_runs_is_history(bench: Bench) -> None:
    with bench.engine() as engine:
        until(engine, engine.add_sends([bench.file("a")]), ended)
    with bench.engine() as engine:
        assert engine.snapshot().counts == {}
        group = engine.add_sends([bench.file("b")])
        until(engine, group, ended)
        assert engine.snapshot().counts == {"done": 1}
