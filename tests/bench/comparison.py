"""What a full comparison of a watched folder costs where nothing has changed: beside `find -printf`.

    tests/bench/comparison.py [FOLDERS] [FILES_IN_EACH]

Both read every directory and every inode; ours compares each with what the ledger knows, with ten ignore
rules. Medians of interleaved runs; processor seconds beside the clock, as other work on the machine shows
there least.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_rows import signed
from howdah_desktop.engine.survey_notes import SurveyNotes
from howdah_desktop.engine.survey_report import Order, Report
from howdah_desktop.engine.surveying import Surveying
from howdah_desktop.engine.transfers import IfExists, Kind
from howdah_desktop.engine.treework import TreeWork
from howdah_desktop.folders import standing
from howdah_desktop.folders.directory import Ground, What, joined
from howdah_desktop.folders.found import Task
from howdah_desktop.folders.watched import FolderSettings, Watched
from howdah_desktop.remote.receiver import Receiver

RULES = (
    "*.log", "build/", "/only-here", "**/cache/**", "*.tmp", "node_modules/", "secret*.key",
    "docs/**/*.pdf", "!keep.log", "*.bak",
)  # fmt: skip
ROUNDS = 7


def main() -> None:
    folders = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    each = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory(prefix="howdah-comparison-") as scratch:
        root, home = Path(scratch) / "watched", Path(scratch) / "home"
        home.mkdir()
        print(f"{folders * each:,} files in {folders:,} directories ...", flush=True)
        grow(root, folders, each)
        watched = agreed(home, root)
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            theirs.append(timed(lambda: find(root)))
            ours.append(timed(lambda: compare(watched, home)))
        ratio = statistics.median(o[1] / t[1] for o, t in zip(ours, theirs, strict=True))
        for name, runs in (("find -printf", theirs), ("comparison", ours)):
            clock, processor = (statistics.median(run[n] for run in runs) for n in (0, 1))
            print(f"{name:14} {clock:6.2f} s of clock, {processor:6.2f} s of processor")
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"ratio {ratio:.2f} (processor; target: 3), {mib:.0f} MiB at most in this process")


def grow(root: Path, folders: int, each: int) -> None:
    for number in range(folders):
        folder = root / f"{number // 100:03}" / f"{number % 100:02}"
        folder.mkdir(parents=True)
        for file in range(each):
            (folder / f"file-{file:04}.dat").write_bytes(b"x")


def agreed(home: Path, root: Path) -> Watched:
    """A ledger in which both sides have all of it."""
    ledger = Ledger(home)
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False)
    local = os.fsencode(root)
    marked = standing.mark(local)
    watched = ledger.add_watched(local, "copy", False, FolderSettings(ignore=RULES), group.id)
    ledger.mark_watched(watched.id, marked.marker, None)
    ground = Ground(local)
    stack = [b""]
    with ledger.one_commit():
        while stack:
            path = stack.pop()
            entries = ground.entries(path)
            below = [e for e in entries if e.what is What.FOLDER]
            ledger.know_folders(watched.id, path, [(e, "copy") for e in below])
            stack += [joined(path, e.name) for e in below]
            ledger._db.executemany(
                "INSERT INTO known (folder, dir, name, is_dir, dev, inode, size, mtime_ns, remote, file_id,"
                " version, digest, agreed) VALUES (?, ?, ?, 0, ?, ?, ?, ?, 'copy', 'f', 'v', 'd', 0)",
                [
                    (
                        watched.id,
                        path,
                        e.name,
                        signed(e.device),
                        signed(e.inode),
                        e.size,
                        e.mtime_ns,
                    )
                    for e in entries
                    if e.what is What.FILE and not e.name.startswith(b".")
                ],
            )
    ground.close()
    found = ledger.watched_folder(watched.id)
    assert found is not None
    ledger.close()
    # The rules are those of the last comparison.
    first = compare(found, home)
    ledger = Ledger(home)
    ledger.compared(found.id, time.time(), first.rules, first.device)
    found = ledger.watched_folder(found.id)
    assert found is not None
    ledger.close()
    return found


class NoNotes(SurveyNotes):
    """There is nothing to write down."""

    def __init__(self) -> None:
        pass

    def check(self) -> None:
        pass

    def _write(self, act: object) -> None:
        raise AssertionError("nothing has changed, but something is written down")


def compare(watched: Watched, home: Path) -> Report:
    def wrong() -> Receiver:
        raise AssertionError("nothing has changed, but the receiver is asked")

    work = Surveying(watched, home, TreeWork(wrong), NoNotes(), b"")
    report = work.run(Order([Task(b"", deep=True)]))
    assert not report.unavailable, report.unavailable
    return report


def find(root: Path) -> None:
    subprocess.run(
        ["find", str(root), "-printf", "%p %i %s %T@\\n"], stdout=subprocess.DEVNULL, check=True
    )


def timed(work: object) -> tuple[float, float]:
    """Seconds of clock and of processor, ours and that of what we started."""
    began, before = time.monotonic(), _processor()
    work()  # type: ignore[operator]
    return time.monotonic() - began, _processor() - before


def _processor() -> float:
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


if __name__ == "__main__":
    main()
