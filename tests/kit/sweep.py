"""What a sweep of kills is made of: lives of receivers that end at a disk call, some at a time."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kit.diskshim import Call, When
from kit.forked import Died, Forked, Forks, forks
from kit.wire import pair

ENOUGH = 10
AT_ONCE = 3
"""Lives at a time: one waits for its disk or its client while others run."""
Kill = tuple[int, When]


@dataclass
class World:
    """Where receivers live, a data folder with a paired device to begin from, and what was counted."""

    forks: Forks
    outside: Path
    template: Path
    token: str
    kills: int = 0
    starts: int = 0
    complaints: list[str] = field(default_factory=list)

    def begin(self) -> Path:
        """A copy of the data folder to begin from."""
        data = self.forks.folder()
        copy(self.template, data)
        return data

    def start(self, data: Path, kill: Kill | None = None, count: Path | None = None) -> Forked:
        """Raises Died."""
        self.starts += 1
        try:
            return self.forks.start(data, kill=kill, count=count)
        except Died:
            self.kills += kill is not None
            raise


@contextmanager
def world_in(outside: Path) -> Iterator[World]:
    outside.mkdir()
    with forks(outside) as there:
        template = there.folder()
        receiver = there.start(template)
        token = pair(receiver.url, receiver.link)
        receiver.stop()
        yield World(there, outside, template, token)


def copy(data: Path, to: Path) -> None:
    """As it is: what was replaced may have two names, which shutil would make two files of."""
    subprocess.run(["cp", "-a", data, to], check=True)


def all_ways(call: Call) -> list[When]:
    """How to die at a call: half-way only where half of it can be done."""
    return ["before", "after", "half"] if call.kind == "write" else ["before", "after"]


def one_way(call: Call) -> list[When]:
    """One of them, by turns."""
    if call.kind == "write" and call.length > 1:
        return ["half"]
    return ["before" if call.index % 2 else "after"]


def sweep(kills: Sequence[Kill], life: Callable[[Kill], list[str]]) -> list[str]:
    """One life for each kill, some at a time; what went wrong, and where (a few are enough)."""
    wrong = 0

    def one(kill: Kill) -> list[str]:
        nonlocal wrong
        sentences = life(kill) if wrong < ENOUGH else []
        wrong += bool(sentences)
        return sentences

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(one, kills))
    return [
        f"killed {when} call {n}: {sentence}"
        for (n, when), sentences in zip(kills, found, strict=True)
        for sentence in sentences
    ]


def gone(data: Path) -> None:
    """A life's folder, which is not needed any more."""
    shutil.rmtree(data.parent)


def wait_until(well: Callable[[], bool], seconds: float = 30) -> None:
    """Look again and again; what it comes to is the caller's to judge."""
    deadline = time.monotonic() + seconds
    while not well() and time.monotonic() < deadline:
        time.sleep(0.02)
