"""How fast: a large file and many small ones, up and down, beside what the disk alone can do.

    make bench            or: python tests/bench/transfer.py --gib 2 --rounds 3 [--folder DIR]

The rounds are interleaved and the medians taken, so that what else the machine does hits all alike; go
by the ratios. Memory that was given back to the host is slow to get again, so that each timed step comes
after the memory it needs was touched. Trees are moved aside and deleted at the end: making files right
after deleting as many is slow.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.client import Client
from kit.processes import Process
from kit.receiver import RunningReceiver, running_receiver

MIB = 1024 * 1024
GIB = 1024 * MIB
SMALL_FILES = 1_000
SMALL_BYTES = 256 * 1024
LOOK_SECONDS = 0.005
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Figures:
    """What one step took, over the rounds."""

    seconds: list[float] = field(default_factory=list)
    client_cpu: list[float] = field(default_factory=list)
    receiver_cpu: list[float] = field(default_factory=list)
    client_peak: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gib", type=float, default=2.0, help="size of the large file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="howdah-bench-", dir=options.folder))
    try:
        return Bench(folder, int(options.gib * GIB), options.rounds).run()
    finally:
        shutil.rmtree(folder)


class Bench:
    def __init__(self, folder: Path, size: int, rounds: int) -> None:
        self.folder = folder
        self.size = size
        self.rounds = rounds
        self.large = folder / "large.bin"
        self.small = folder / "small"
        self.figures: defaultdict[str, Figures] = defaultdict(Figures)

    def run(self) -> int:
        # Nothing of the user's own is touched: a home of its own, no keyring.
        os.environ.update(
            HOME=str(self.folder), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring"
        )
        needed = 4 * self.size + 4 * GIB
        if shutil.disk_usage(self.folder).free < needed:
            print(f"needs {needed / GIB:.0f} GiB of free disk in {self.folder}", file=sys.stderr)
            return 1
        write_random(self.large, self.size)
        self.small.mkdir()
        for number in range(SMALL_FILES):
            write_random(self.small / f"{number:04}.bin", SMALL_BYTES)
        with running_receiver(self.folder / "receiver") as receiver:
            self.client = Client(self.folder / "client")
            self.client.run("pair", receiver.link)
            for number in range(self.rounds):
                self._round(receiver, number)
            peak = high_water(receiver.process.pid)
        self._print(peak)
        return 0

    def _round(self, receiver: RunningReceiver, number: int) -> None:
        at = self.folder / f"round {number}"
        at.mkdir()
        # Another content each time: what the receiver has need not be sent.
        for path in (self.large, *self.small.iterdir()):
            freshen(path, number)
        copy, tree = at / "copy.bin", at / "copies"
        self._beside("dd", ["dd", f"if={self.large}", f"of={copy}", "bs=1M", "conv=fsync"])
        copy.unlink()
        self._ours("up", receiver, "send", self.large, "--to", f"{number}")
        self._beside("cp", ["sh", "-c", 'cp "$0" "$1" && sync -f "$1"', self.large, copy])
        copy.unlink()
        self._ours("down", receiver, "get", f"{number}/large.bin", "--to", at / "back")
        (at / "back" / "large.bin").unlink()
        self._beside("cp small", ["sh", "-c", 'cp -r "$0" "$1" && sync -f "$1"', self.small, tree])
        self._ours("up small", receiver, "send", self.small, "--to", f"{number}")
        self._ours("down small", receiver, "get", f"{number}/small", "--to", at / "back")
        # Room for the next round; the small trees stay until the end.
        (receiver.data / "files" / "owner" / f"{number}" / "large.bin").unlink()

    def _beside(self, name: str, command: Sequence[str | Path]) -> None:
        self._time(name, lambda: Process(command, folder=self.folder), None)

    def _ours(self, name: str, receiver: RunningReceiver, *words: str | Path) -> None:
        self._time(name, lambda: self.client.start(*words), receiver.process.pid)

    def _time(self, name: str, start: Callable[[], Process], receiver: int | None) -> None:
        warm_memory(self.size if "small" not in name else SMALL_FILES * SMALL_BYTES)
        figures = self.figures[name]
        before = cpu_seconds(receiver) if receiver else 0.0
        began = time.monotonic()
        process = start()
        cpu = 0.0
        while process.running:
            figures.client_peak = max(figures.client_peak, high_water(process.pid))
            cpu = max(cpu, cpu_seconds(process.pid))
            time.sleep(LOOK_SECONDS)  # a look at what it uses
        figures.seconds.append(time.monotonic() - began)
        code = process.wait()
        if code != 0:
            raise SystemExit(
                f"{name} ended with {code}\n{process.stdout.text}{process.stderr.text}"
            )
        process.close()
        print(f"  {name}: {figures.seconds[-1]:.2f} s", file=sys.stderr, flush=True)
        figures.client_cpu.append(cpu)
        if receiver:
            figures.receiver_cpu.append(cpu_seconds(receiver) - before)

    def _print(self, receiver_peak: int) -> None:
        large, small = self.size, SMALL_FILES * SMALL_BYTES
        rows = [
            ("dd", "dd conv=fsync", large, "dd"),
            ("up", "howdah send", large, "dd"),
            ("cp", "cp, sync", large, "cp"),
            ("down", "howdah get", large, "cp"),
            ("cp small", f"cp -r, sync ({SMALL_FILES} x 256 KiB)", small, "cp small"),
            ("up small", "howdah send", small, "cp small"),
            ("down small", "howdah get", small, "cp small"),
        ]
        print(f"{large / GIB:g} GiB, {self.rounds} rounds, medians; ratio: speed beside the copy's")
        print(f"{'':34}{'s':>7}{'MB/s':>7}{'ratio':>7}{'CPU c':>7}{'CPU r':>7}{'peak MB':>9}")
        for key, label, size, limit in rows:
            figures = self.figures[key]
            seconds = statistics.median(figures.seconds)
            ratio = statistics.median(
                mine / theirs
                for mine, theirs in zip(self.figures[limit].seconds, figures.seconds, strict=True)
            )
            ours = bool(figures.receiver_cpu)
            pair = (figures.client_cpu, figures.receiver_cpu)
            cpu = [f"{statistics.median(used):.2f}" if ours else "" for used in pair]
            peak = f"{figures.client_peak / 1e6:.0f}" if ours else ""
            print(
                f"{label:34}{seconds:7.2f}{size / seconds / 1e6:7.0f}{ratio:7.2f}"
                f"{cpu[0]:>7}{cpu[1]:>7}{peak:>9}"
            )
        print(f"the receiver's peak: {receiver_peak / 1e6:.0f} MB")


def write_random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for at in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - at)))


def freshen(path: Path, number: int) -> None:
    """Another content: a few bytes in each 64 KiB, the smallest chunk."""
    with path.open("r+b") as file:
        for at in range(0, path.stat().st_size, 64 * 1024):
            os.pwrite(file.fileno(), number.to_bytes(4) + os.urandom(4), at)
        os.fsync(file.fileno())


def warm_memory(size: int) -> None:
    """Touch as much as the next step needs, and give it back to this system, not to its host."""
    block = bytearray(min(size + size // 4, 8 * GIB))
    for at in range(0, len(block), 4096):
        block[at] = 1


def cpu_seconds(pid: int) -> float:
    """What a process has used so far; 0 once it has ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    fields = told.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def high_water(pid: int) -> int:
    """VmHWM in bytes; 0 once it has ended."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    line = next((line for line in told.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
