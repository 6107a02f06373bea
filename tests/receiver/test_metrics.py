"""Metrics and readiness: for programs that watch, and for nobody else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from howdah_common.messages import API
from howdah_receiver.watching.metrics import Exchange, Metrics
from kit.native import SMALL_CHUNK, Native, random_content
from kit.raw_http import Raw
from kit.receiver import running_receiver
from kit.serving import served
from kit.watchers import CATALOGUE, account_of, add_account, add_device, watching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

SCRAPER = "a-token-for-prometheus-alone"
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"HOWDAH_RECEIVER_METRICS_TOKEN": SCRAPER}


def series(device: Native) -> Series:
    """Every sample, by its name and labels."""
    answer = device.ask("GET", "/metrics")
    assert answer.status == 200, answer
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


def requests(found: Series, route: str, method: str, status: str) -> float:
    labels = (("method", method), ("route", route), ("status", status))
    return found.get(("howdah_requests_total", labels), 0)


def test_requests_are_counted_by_template_method_and_status(native: Native, folder: str) -> None:
    before = series(native)
    content = random_content(2 * SMALL_CHUNK)
    file = native.published(f"{folder}/a", content)
    for _ in range(3):
        native.file(file["id"])
    native.file("0" * 32)
    native.content(file["id"])
    after = series(native)

    def more(route: str, method: str, status: str) -> float:
        return requests(after, route, method, status) - requests(before, route, method, status)

    assert more(f"{API}/files/{{file}}", "GET", "2xx") == 3
    assert more(f"{API}/files/{{file}}", "GET", "4xx") == 1
    assert more(f"{API}/uploads/{{upload}}/complete", "POST", "2xx") == 1
    labels = (("method", "GET"), ("route", f"{API}/files/{{file}}"))
    name = ("howdah_request_seconds_count", labels)
    assert after[name] - before.get(name, 0) == 4
    for counter, least in (
        ("howdah_received_bytes_total", content.size),
        ("howdah_sent_bytes_total", content.size),
        ("howdah_chunk_bytes_total", content.size),
        ("howdah_published_files_total", 1),
        ("howdah_published_bytes_total", content.size),
    ):
        assert after[counter, ()] - before[counter, ()] >= least, counter
    not_found = ("howdah_problems_total", (("code", "file_not_found"),))
    assert after[not_found] - before.get(not_found, 0) == 1


def test_what_stands_now_is_told(native: Native, folder: str) -> None:
    content = random_content(3 * SMALL_CHUNK)
    before = series(native)
    upload = native.started(f"{folder}/a", content)
    native.stream(upload, content.stream([0, 2]))
    with watching(native) as events:
        events.next()
        after = series(native)
    assert after["howdah_open_uploads", ()] - before["howdah_open_uploads", ()] == 1
    came = after["howdah_open_upload_bytes", ()] - before["howdah_open_upload_bytes", ()]
    assert came == 2 * SMALL_CHUNK
    assert after["howdah_watchers", ()] == 1
    assert after["howdah_free_bytes", ()] > 0
    assert after["howdah_threads_busy", ()] >= 1  # the one that answers this
    assert after["howdah_threads_waiting", ()] == 0
    assert 0 <= after["howdah_event_loop_lag_seconds", ()] < 10
    assert after["process_open_fds", ()] > 3


def test_what_strangers_ask_makes_no_new_labels(native: Native, shared: RunningReceiver) -> None:
    def ask_around(number: int) -> None:
        with Raw(shared.url) as raw:
            for method, target in (
                ("GET", f"/nowhere/{number}"),
                ("PROPFIND", f"{API}/files/{number}"),
                ("GET", f"{API}/files/{number}"),
                ("POST", f"{API}/uploads/{number}/complete"),
                ("DELETE", f"/healthz?{number}"),
            ):
                raw.head(method, target, Content_Length=0)
                raw.answer(method)

    ask_around(0)
    native.file("0" * 32)
    native.ask("GET", "/nowhere")
    native.ask("GET", "/metrics")
    before = set(series(native))
    for number in range(1, 20):
        ask_around(number)
        native.file(f"{number:032}")
        native.ask("GET", f"/nowhere/{number}")
    assert set(series(native)) == before


def test_metrics_are_for_administrators_and_for_the_scraper_alone(
    native: Native, shared: RunningReceiver
) -> None:
    with Native(shared.url) as stranger, Native(shared.url, "garbage") as garbage:
        assert stranger.ask("GET", "/metrics").status == 401
        assert garbage.ask("GET", "/metrics").status == 401
    with add_device(shared, add_account(shared, "member")) as member:
        assert member.ask("GET", "/metrics").code == "not_found"
    with add_device(shared, account_of(shared, native), send_only=True) as box:
        assert box.ask("GET", "/metrics").code == "not_allowed"
    with httpx.Client(
        base_url=shared.url, trust_env=False, headers={"Authorization": f"Bearer {SCRAPER}"}
    ) as scraper:
        answer = scraper.get("/metrics")
        assert (answer.status_code, "howdah_requests_total" in answer.text) == (200, True)
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert scraper.head("/metrics").status_code == 200
        for path in ("/files", "/statistics", "/audit", "/uploads", "/events"):
            assert scraper.get(f"{API}{path}").status_code == 401
        assert scraper.post("/metrics").status_code == 401


def test_without_the_setting_no_token_is_the_scrapers(receiver: RunningReceiver) -> None:
    for token in ("None", "********", SCRAPER):
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{receiver.url}/metrics", headers=headers).status_code == 401


def test_counting_a_request_costs_less_than_twenty_microseconds() -> None:
    """Of processor time, on any machine that can run this; the best of some, as others work here too."""
    metrics = Metrics()
    seen = Exchange("/api/v1/files/{file}", "GET", 200, 0.003, 10, 1000, None)

    def microseconds() -> float:
        began = time.thread_time()
        for _ in range(2000):
            metrics.note(seen)
        return (time.thread_time() - began) / 2000 * 1e6

    assert min(microseconds() for _ in range(10)) < 20


# -- readiness


@pytest.fixture
def stranger(receiver: RunningReceiver) -> Iterator[Native]:
    with Native(receiver.url) as someone:
        yield someone


def red(stranger: Native) -> None:
    """Wait until it is not ready."""
    while True:  # the time limit of the test ends it
        answer = stranger.ask("GET", "/readyz")
        if answer.status != 200:
            assert (answer.status, answer.code) == (503, "unavailable")
            assert answer.json["detail"] == ""
            assert stranger.ask("GET", "/healthz").status == 200
            return


def test_it_is_ready_and_a_stranger_learns_no_more(stranger: Native) -> None:
    for method in ("GET", "HEAD"):
        assert stranger.ask(method, "/readyz").status == 200
    assert stranger.ask("GET", "/readyz").json == {"status": "ok"}


def test_it_is_not_ready_once_it_was_told_to_stop_and_still_answers(short_path: Path) -> None:
    with served(short_path / "data", "--set", "stop_delay_seconds=20") as receiver:
        with Native(receiver.url) as stranger, Native.paired_with(receiver) as device:
            assert stranger.ask("GET", "/readyz").status == 200
            receiver.process.send(signal.SIGTERM)
            red(stranger)
            assert device.published("a", b"abc")["path"] == "a"
        receiver.process.send(signal.SIGINT)  # who cannot wait
        assert receiver.process.wait() == 0


def test_it_is_not_ready_while_its_catalogue_cannot_be_written(
    receiver: RunningReceiver, stranger: Native
) -> None:
    with (
        closing(sqlite3.connect(receiver.data / CATALOGUE, isolation_level=None)) as other,
        closing(other.cursor()) as cursor,
    ):
        # Somebody else's transaction: whoever wants to write waits, as for a disk that hangs.
        cursor.execute("BEGIN IMMEDIATE")
        red(stranger)
        red(stranger)
        cursor.execute("ROLLBACK")
    while stranger.ask("GET", "/readyz").status != 200:
        pass  # the time limit of the test ends it


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
def test_it_is_not_ready_while_its_disk_has_no_room(short_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not there")
    small = short_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with running_receiver(small / "data") as receiver, Native(receiver.url) as stranger:
            assert stranger.ask("GET", "/readyz").status == 200
            (small / "filler").write_bytes(bytes(18 * 1024 * 1024))
            red(stranger)
            (small / "filler").unlink()
            while stranger.ask("GET", "/readyz").status != 200:
                pass  # the time limit of the test ends it
            receiver.stop()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_lag_of_the_loop_is_the_longest_since_somebody_asked(native: Native) -> None:
    first = series(native)["howdah_event_loop_lag_seconds", ()]
    assert first >= 0
    text = native.ask("GET", "/metrics").body.decode()
    assert re.search(r"^# TYPE howdah_event_loop_lag_seconds gauge$", text, re.MULTILINE)
