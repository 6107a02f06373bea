"""How quick a receiver is with a million files: lists, searches, sizes of folders, its start, and publishing.

    make bench            or: python tests/bench/catalogue.py --files 1000000 --rounds 15

A real receiver answers over loopback on a catalogue that was made for it (`kit.many_files`). Each figure is
the median of the rounds, with the slowest, the receiver's processor time and the target beside it; a median
above its target ends with 1. Where the processor time is far below the median, others were at work.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from howdah_common.messages import API
from kit.many_files import DEEP, FLAT, RARE, WIDE, make_many
from kit.native import Content, Native
from kit.receiver import RunningReceiver, running_receiver

LIST_SECONDS = 0.05
START_SECONDS = 2.0
SLOWER = 1.5
"""So many times as long as with an empty catalogue may a publication take."""
SORTS = ("name", "size", "changed", "added")
SEARCHES = {
    "rare": RARE,
    "as many as are sorted": "70.",
    "common": "東京タワー",
    "hopeless": "jpg",
    "hopeless, long": "img_2010",
    "three letters": "ort",
    "long": "überweisungsträger übersicht",
    "nothing": "zzzzzz",
    "two letters": "re",
    "one letter": "a",
}


class Report:
    """Lines with a target each."""

    def __init__(self) -> None:
        self.missed = 0

    def line(
        self, what: str, seconds: list[float], target: float | None, cpu: float | None = None
    ) -> None:
        """`target`: None where there is none to reach. `cpu`: seconds of the processor each round took."""
        median = statistics.median(seconds)
        good = target is None or median <= target
        self.missed += not good
        goal = "" if target is None else f"  (target {target * 1e3:g})"
        used = "" if cpu is None else f"  CPU {cpu * 1e3:6.1f}"
        print(
            f"{'ok ' if good else 'NO '} {what:52} {median * 1e3:9.1f} ms"
            f"  slowest {max(seconds) * 1e3:9.1f}{used}{goal}",
            flush=True,
        )


class Lists:
    """Asks for lists over one connection that stays."""

    def __init__(self, receiver: RunningReceiver, token: str) -> None:
        self._process = receiver.process.pid
        parts = urlsplit(receiver.url)
        assert parts.hostname is not None
        self._line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, **query: object) -> Any:
        self._line.request("GET", f"{API}/files?{urlencode(query)}", headers=self._headers)
        answer = self._line.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    def took(self, rounds: int, **query: object) -> tuple[list[float], float, Any]:
        """Seconds of each round, those of the receiver's processor, and the answer."""
        body = self.ask(**query)  # brings it from the disk
        used, seconds = _processor_seconds(self._process), []
        for _ in range(rounds):
            began = time.perf_counter()
            self.ask(**query)
            seconds.append(time.perf_counter() - began)
        used = _processor_seconds(self._process) - used
        return seconds, used / rounds, json.loads(body)

    def close(self) -> None:
        self._line.close()


def _processor_seconds(process: int) -> float:
    """Of all its threads; finer than the ticks of /proc/PID/stat."""
    threads = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="howdah-bench-"))
    report = Report()
    try:
        began = time.monotonic()
        make_many(folder / "data", options.files)
        print(f"{options.files:,} files in a catalogue made in {time.monotonic() - began:.0f} s")
        with running_receiver(folder / "data") as receiver:
            measure(report, receiver, options.files, options.rounds, folder)
    finally:
        shutil.rmtree(folder)
    return 1 if report.missed else 0


def measure(
    report: Report, receiver: RunningReceiver, count: int, rounds: int, folder: Path
) -> None:
    with Native.paired_with(receiver) as device:
        assert device.token is not None
        measure_start(report, receiver, min(rounds, 5))
        lists = Lists(receiver, device.token)
        try:
            measure_lists(report, lists, count, rounds)
            measure_searches(report, lists, rounds)
            measure_sizes(report, lists, count, rounds)
        finally:
            lists.close()
        measure_publishing(report, device, rounds * 5, folder)


def measure_start(report: Report, receiver: RunningReceiver, rounds: int) -> None:
    clean = [_start(receiver, receiver.stop) for _ in range(rounds)]
    report.line("start, after a clean stop", clean, START_SECONDS)
    unclean = [_start(receiver, receiver.kill)]
    report.line("start, after a kill: reads all of the catalogue", unclean, None)
    receiver.stop()
    receiver.process.close()
    receiver.start()


def _start(receiver: RunningReceiver, end: Callable[[], object]) -> float:
    end()
    receiver.process.close()
    began = time.monotonic()
    receiver.start()
    return time.monotonic() - began


def measure_lists(report: Report, lists: Lists, count: int, rounds: int) -> None:
    for per_page in (50, 1_000):
        for sort_by in SORTS:
            for order in ("asc", "desc"):
                for name, page in _pages(count // 5, per_page).items():
                    _list(report, lists, rounds, f"{FLAT}: by {sort_by} {order}, {name} {per_page}",
                          path=FLAT, per_page=per_page, page=page, sort_by=sort_by,
                          sort_order=order)  # fmt: skip
        after = json.loads(lists.ask(path=FLAT, per_page=per_page, page=3, sort_by="size"))["next"]
        _list(report, lists, rounds, f"{FLAT}: by size, goes on {per_page}",
              path=FLAT, per_page=per_page, sort_by="size", after=after)  # fmt: skip


def _pages(count: int, per_page: int) -> dict[str, int]:
    last = -(-count // per_page)
    return {"first": 1, "middle": (last + 1) // 2, "last": last}


def _list(report: Report, lists: Lists, rounds: int, what: str, **query: object) -> None:
    seconds, cpu, answer = lists.took(rounds, **query)
    assert answer["items"], what
    report.line(what, seconds, LIST_SECONDS, cpu)


def measure_searches(report: Report, lists: Lists, rounds: int) -> None:
    for what, text in SEARCHES.items():
        for where in ("", DEEP, f"{DEEP}/001"):
            for sort_by, per_page in (("name", 50), ("size", 1_000)):
                seconds, cpu, answer = lists.took(
                    rounds, path=where, search=text, sort_by=sort_by, per_page=per_page
                )
                found = f"{'over ' if answer.get('total_is_at_least') else ''}{answer['total']:,}"
                line = f"search {what} in {where or 'all'}: {found}, {per_page}"
                report.line(line, seconds, LIST_SECONDS, cpu)


def measure_sizes(report: Report, lists: Lists, count: int, rounds: int) -> None:
    folders = count // 50
    for what, path, page in (
        ("the root's and its five folders'", "", 1),
        ("200 folders' with 400 in each", DEEP, 1),
        ("1,000 of many folders'", WIDE, 1),
        ("1,000 of many folders', middle", WIDE, folders // 2_000 + 1),
    ):
        seconds, cpu, answer = lists.took(rounds, path=path, per_page=1_000, page=page)
        assert all("bytes" in item for item in answer["items"] if item["kind"] == "folder")
        report.line(f"sizes: {what}", seconds, LIST_SECONDS, cpu)


def measure_publishing(report: Report, device: Native, rounds: int, folder: Path) -> None:
    """Beside an empty receiver, in turns: a busy machine is no finding."""
    with running_receiver(folder / "empty") as other, Native.paired_with(other) as beside:
        many, none = [], []
        for number in range(rounds):
            many.append(_publish(device, number))
            none.append(_publish(beside, number))
    report.line("publish a file, beside nothing", none, None)
    report.line("publish a file", many, statistics.median(none) * SLOWER)


def _publish(device: Native, number: int) -> float:
    content = Content(f"content {number}".encode())
    upload = device.sent(f"new/published {number}.txt", content)
    began = time.perf_counter()
    assert device.complete(upload, content).status == 201
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
