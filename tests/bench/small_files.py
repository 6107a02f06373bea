"""How fast, 10,000 x 4 KiB up and down, durable: beside an `rsync` daemon and `cp`.

    make bench            or: python tests/bench/small_files.py --rounds 3 [--files 10000] [--folder DIR]

The rounds are interleaved, and the medians taken: go by the ratios. `cp` and `rsync` are followed by a
`sync` of the disk, as what `howdah send` calls done is on stable storage; rsync also without, as it comes.
Trees stay until the end: making files right after deleting as many is slow.
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
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.transfer import Figures, cpu_seconds, warm_memory
from kit.client import Client
from kit.ports import free_port
from kit.processes import Process
from kit.receiver import RunningReceiver, running_receiver

FILE_BYTES = 4096
IN_A_FOLDER = 100
LOOK_SECONDS = 0.005


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="howdah-small-", dir=options.folder))
    try:
        Bench(folder, options.files, options.rounds).run()
    finally:
        shutil.rmtree(folder)
    return 0


class Bench:
    def __init__(self, folder: Path, files: int, rounds: int) -> None:
        self.folder = folder
        self.files = files
        self.rounds = rounds
        self.rsync = shutil.which("rsync")
        self.figures: defaultdict[str, Figures] = defaultdict(Figures)

    def run(self) -> None:
        # Nothing of the user's own is touched: a home of its own, no keyring.
        os.environ.update(
            HOME=str(self.folder), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring"
        )
        if self.rsync is None:
            print("rsync is not installed: it is left out", file=sys.stderr)
        with running_receiver(self.folder / "receiver") as receiver, self._daemon() as port:
            self.client = Client(self.folder / "client")
            self.client.run("pair", receiver.link)
            for number in range(self.rounds):
                self._round(receiver, port, number)
        self._print()

    def _round(self, receiver: RunningReceiver, port: int, number: int) -> None:
        # Another content each time: what the receiver has need not be sent.
        tree = self.folder / f"tree {number}"
        for at in range(self.files):
            path = tree / f"{at // IN_A_FOLDER:04}" / f"{at:06}.bin"
            if at % IN_A_FOLDER == 0:
                path.parent.mkdir(parents=True)
            path.write_bytes(os.urandom(FILE_BYTES))
        os.sync()
        copy = self.folder / f"copy {number}"
        self._time("cp, sync", "sh", "-c", 'cp -r "$0" "$1" && sync -f "$1"', tree, copy)
        if self.rsync is not None:
            to = f"rsync://127.0.0.1:{port}/tree/{number}/"
            self._time("rsync daemon", self.rsync, "-a", f"{tree}/", to)
            os.sync()
            words = 'rsync -a "$0" "$1" && sync -f "$2"'
            to = f"rsync://127.0.0.1:{port}/tree/{number} synced/"
            self._time("rsync daemon, sync", "sh", "-c", words, f"{tree}/", to, self.folder)
        self._time("howdah send", "send", f"{tree}/", "--to", f"{number}", receiver=receiver)
        there = receiver.data / "files" / "owner" / str(number)
        assert sum(len(names) for _, _, names in os.walk(there)) == self.files
        os.sync()
        back = self.folder / f"back {number}"
        self._time("howdah get", "get", str(number), "--to", back, receiver=receiver)
        assert sum(len(names) for _, _, names in os.walk(back)) == self.files
        os.sync()

    @contextmanager
    def _daemon(self) -> Iterator[int]:
        port = free_port()
        if self.rsync is None:
            yield port
            return
        target = self.folder / "rsync"
        target.mkdir()
        config = self.folder / "rsyncd.conf"
        config.write_text(
            f"use chroot = no\n[tree]\n  path = {target}\n  read only = no\n"
            f"  uid = {os.getuid()}\n  gid = {os.getgid()}\n"
        )
        daemon = subprocess.Popen(
            [self.rsync, "--daemon", "--no-detach", f"--config={config}",
             "--address=127.0.0.1", f"--port={port}"]
        )  # fmt: skip
        try:
            probe = [self.rsync, f"rsync://127.0.0.1:{port}/"]
            while subprocess.run(probe, capture_output=True, check=False).returncode != 0:
                if daemon.poll() is not None:
                    raise SystemExit("rsync's daemon does not run")
                time.sleep(0.05)
            yield port
        finally:
            daemon.terminate()
            daemon.wait()

    def _time(
        self,
        name: str,
        *words: str | Path,
        receiver: RunningReceiver | None = None,
    ) -> None:
        """With a receiver, `words` are those of a command of the client."""
        warm_memory(self.files * FILE_BYTES * 4)
        figures = self.figures[name]
        before = cpu_seconds(receiver.process.pid) if receiver else 0.0
        began = time.monotonic()
        if receiver is None:
            process = Process(list(words), folder=self.folder)
        else:
            process = self.client.start(*words)
        cpu = 0.0
        while process.running:
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
            figures.receiver_cpu.append(cpu_seconds(receiver.process.pid) - before)

    def _print(self) -> None:
        print(f"{self.files} x 4 KiB, {self.rounds} rounds, medians; ratio: time beside cp's")
        print(f"{'':24}{'s':>8}{'files/s':>10}{'ratio':>8}{'CPU c':>8}{'CPU r':>8}")
        beside = self.figures["cp, sync"].seconds
        for name, figures in self.figures.items():
            seconds = statistics.median(figures.seconds)
            ratio = statistics.median(
                mine / theirs for mine, theirs in zip(figures.seconds, beside, strict=True)
            )
            cpu = [
                f"{statistics.median(used):.2f}" if used and figures.receiver_cpu else ""
                for used in (figures.client_cpu, figures.receiver_cpu)
            ]
            print(
                f"{name:24}{seconds:8.2f}{self.files / seconds:10.0f}{ratio:8.2f}"
                f"{cpu[0]:>8}{cpu[1]:>8}"
            )


if __name__ == "__main__":
    sys.exit(main())
