"""How long from a save to there: a watched folder in which somebody saves files, at a real receiver.

    python tests/bench/saved.py [--saves 100] [--folder DIR]

The service runs as a process, with its defaults. Saves come at random moments, in three manners: a new file,
one written over, and one that an editor writes beside and renames. A file counts as there when the receiver
has its content under its name. A 95th percentile above 8 s ends with 1.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.client import Client
from kit.native import home
from kit.receiver import running_receiver

TARGET_SECONDS = 8.0
LOOK_SECONDS = 0.01
MOST_SECONDS = 60.0
FILES = 20
SEED = 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--saves", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="howdah-saved-", dir=options.folder))
    # Nothing of the user's own is touched: a home of its own, no keyring.
    os.environ.update(HOME=str(folder), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    try:
        return measure(folder, options.saves)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, saves: int) -> int:
    chance = random.Random(SEED)
    local = folder / "watched"
    local.mkdir()
    seconds: list[float] = []
    with running_receiver(folder / "data") as receiver:
        client = Client(folder / "client")
        try:
            client.run("pair", receiver.link)
            client.run("watch", "add", local, "--to", "copy")
            client.start("run")
            there = home(receiver) / "copy"
            for number in range(saves):
                time.sleep(chance.random() * 2)
                name = f"{chance.randrange(FILES)}.txt"
                content = b"%d " % number + chance.randbytes(chance.randrange(50_000))
                seconds.append(save(local / name, there / name, content, chance))
        finally:
            client.close()
    seconds.sort()
    p95 = seconds[int(len(seconds) * 0.95) - 1]
    print(
        f"{saves} saves: there after {statistics.median(seconds):.2f} s (median), {p95:.2f} s (p95),"
        f" {seconds[-1]:.2f} s (longest); target {TARGET_SECONDS:g} s at p95"
    )
    return int(p95 > TARGET_SECONDS)


def save(path: Path, there: Path, content: bytes, chance: random.Random) -> float:
    """Seconds until it is there."""
    if path.exists() and chance.random() < 0.5:
        beside = path.with_name(f".{path.name}.swp")
        beside.write_bytes(content)
        beside.replace(path)
    else:
        path.write_bytes(content)
    began = time.monotonic()
    while not (there.exists() and there.read_bytes() == content):
        time.sleep(LOOK_SECONDS)
        if time.monotonic() - began > MOST_SECONDS:
            raise SystemExit(f"{path.name} was not there after {MOST_SECONDS:g} s")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
