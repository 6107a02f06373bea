"""How quick the window is with 100,000 transfers in the ledger: start, filter, sort, ticks, memory.

    make bench            or: python tests/bench/window.py --rows 100000 --rounds 5

Start is measured from outside, as a whole process on a screen of Xvfb; the rest inside one process, with
the real engine behind the window. Each figure is the median of the rounds, with the target beside it; of
scrolling it is the 99th percentile of the frames.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

from PySide6.QtWidgets import QApplication

from bench.window_ledger import changed_rows, make_ledger, pair_with_nobody
from howdah_desktop.engine.views import Overview
from howdah_desktop.window.arrangement import Chip, Order
from howdah_desktop.window.theme import install
from kit.window_run import OpenWindow, open_window
from kit.xvfb import screen

CHILD = Path(__file__).with_name("window_start.py")
CHANGED = 500
FRAMES = 600
FEW_ROWS = 20
SCROLL_PIXELS = 97


class Report:
    """Lines with a target each."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, value: float, target: float, unit: str) -> None:
        good = value <= target
        self.missed += not good
        print(f"{'ok ' if good else 'NO '} {what:44} {value:9.2f} {unit:6} (target {target:g})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="howdah-bench-"))
    os.environ["HOWDAH_HOME"] = str(folder)
    report = Report()
    try:
        empty = one_start(folder / "small", FEW_ROWS)
        make_ledger(folder, options.rows)
        pair_with_nobody()
        measure_start(report, options.rounds, options.rows, empty.resident_bytes)
        measure_inside(report, options.rounds, options.rows)
    finally:
        shutil.rmtree(folder)
    return 1 if report.missed else 0


@dataclass(frozen=True, slots=True)
class Start:
    first_paint: float
    all_rows: float
    resident_bytes: int


def measure_start(report: Report, rounds: int, rows: int, empty_bytes: int) -> None:
    with screen() as environment:
        runs = [_start(environment, rows) for _ in range(rounds + 1)][1:]
    first = statistics.median(run.first_paint for run in runs)
    whole = statistics.median(run.all_rows for run in runs)
    resident = statistics.median(run.resident_bytes for run in runs)
    report.line("first paint, from the start of the process", first, 0.3, "s")
    report.line(f"window with its {rows:,} rows painted", whole, 0.7, "s")
    report.line("memory a row", (resident - empty_bytes) / rows, 1000, "B")


def one_start(home: Path, rows: int) -> Start:
    """What a window with hardly any rows takes."""
    home.mkdir()
    os.environ["HOWDAH_HOME"] = str(home)
    make_ledger(home, rows)
    pair_with_nobody()
    with screen() as environment:
        found = _start(environment, rows)
    os.environ["HOWDAH_HOME"] = str(home.parent)
    return found


def _start(environment: dict[str, str], rows: int) -> Start:
    # As it is installed: compiled once, not at every start.
    environ = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(CHILD), str(begun), str(rows)],
        env={**environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    first, whole, resident = done.stdout.split()[-3:]
    return Start(float(first), float(whole), int(resident))


def measure_inside(report: Report, rounds: int, rows: int) -> None:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme = install(app, "light")
    with open_window(theme) as opened:
        opened.window.resize(1120, 812)
        opened.wait(lambda: opened.window.page.model.rowCount() == rows, "all rows")
        _measure_lists(report, opened, rounds)
        _measure_ticks(report, opened, rounds)
        _measure_scrolling(report, opened)


def _measure_lists(report: Report, opened: OpenWindow, rounds: int) -> None:
    model, page = opened.window.page.model, opened.window.page
    for chip in Chip:
        took = [_painted(page.list, lambda: model.choose_chip(chip)) for _ in range(rounds)]  # noqa: B023
        report.line(f"filter: {chip.value}", statistics.median(took) * 1e3, 100, "ms")
    model.choose_chip(Chip.ALL)
    for order in Order:
        took = [_painted(page.list, lambda: model.choose_order(order)) for _ in range(rounds)]  # noqa: B023
        report.line(f"sort: {order.value}", statistics.median(took) * 1e3, 100, "ms")
    model.choose_order(Order.ACTIVITY)
    for text in ("99", ""):
        took = [_painted(page.list, lambda: model.search(text)) for _ in range(rounds)]  # noqa: B023
        report.line(f"search: {text!r}", statistics.median(took) * 1e3, 100, "ms")


def _measure_ticks(report: Report, opened: OpenWindow, rounds: int) -> None:
    page = opened.window.page
    took = []
    for number in range(rounds * 4):
        views = changed_rows(page.model, CHANGED, number)
        overview = Overview(change=number + 10, transfers=views, counts={"queued": 1})
        took.append(_painted(page.list, lambda: opened.window.apply(overview)))  # noqa: B023
    report.line(f"a tick with {CHANGED} changed rows", statistics.median(took) * 1e3, 8, "ms")


def _measure_scrolling(report: Report, opened: OpenWindow) -> None:
    view = opened.window.page.list
    bar = view.verticalScrollBar()
    assert view.isVisible(), "nothing would be painted"
    assert bar.maximum() > FRAMES * SCROLL_PIXELS, (bar.maximum(), view.height())
    frames = []
    for number in range(FRAMES):
        took = _painted(view, lambda: bar.setValue(number * SCROLL_PIXELS))  # noqa: B023
        frames.append(took)
    frames.sort()
    report.line("scrolling, a frame: median", statistics.median(frames) * 1e3, 16, "ms")
    report.line("scrolling, a frame: 99th percentile", frames[int(FRAMES * 0.99)] * 1e3, 16, "ms")


def _painted(view: object, work: Callable[[], object]) -> float:
    """Seconds until `work` is done and what came of it is painted."""
    began = time.perf_counter()
    work()
    view.viewport().repaint()  # type: ignore[attr-defined]
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
