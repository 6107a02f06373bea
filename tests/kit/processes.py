"""Child processes that a test can watch, kill and never leave behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from kit.launching import Streams, launch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Stream = Literal["stdout", "stderr"]

# Generous, because the machine may be busy: only a test that fails waits for so long.
PATIENCE_SECONDS = 30.0


class Output:
    """One stream of a child: read at once, so that the child never blocks on a full pipe."""

    def __init__(self, pipe: IO[bytes], path: Path) -> None:
        self.path = path
        self._pipe = pipe
        self._lines: list[str] = []
        self._ended = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"read {path.name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._pipe, self.path.open("wb") as file:
            for line in self._pipe:
                file.write(line)
                file.flush()
                with self._news:
                    self._lines.append(line.decode(errors="replace").rstrip("\r\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def lines(self) -> list[str]:
        """The whole lines so far, without their ends."""
        with self._news:
            return list(self._lines)

    @property
    def text(self) -> str:
        """Everything so far."""
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    @property
    def ended(self) -> bool:
        """Whether every writer has closed the stream."""
        with self._news:
            return self._ended

    def find(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str] | None:
        """The first line that the pattern is found in; None at the deadline or the stream's end."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._news:
            while True:
                for line in self._lines[seen:]:
                    if match := pattern.search(line):
                        return match
                seen = len(self._lines)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._news.wait(left)

    def join(self) -> None:
        """Wait until every writer has closed the stream."""
        self._reader.join(PATIENCE_SECONDS)


def unprivileged(*command: str | Path) -> list[str | Path]:
    """A command for which closed files are closed, also where the tests run as root.

    Not as another user: that one could not read this Python everywhere. What makes root read everything are
    two capabilities.
    """
    without = "-dac_override,-dac_read_search"
    wrapper = ["setpriv", "--bounding-set", without] if os.geteuid() == 0 else []
    return [*wrapper, *command]


class Process:
    """A running child and whatever it started: one session, one process group."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command`; its output goes to `folder`. `env` is added to the test's own."""
        self.command = [os.fspath(word) for word in command]
        pipes = [os.pipe(), os.pipe()]
        with open(os.devnull, "rb") as nothing:
            self._child = launch(
                self.command,
                Streams(nothing.fileno(), *(write for _, write in pipes)),
                # Lines must come when they are printed, not when a buffer is full.
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                cwd=cwd,
            )
        for _, write in pipes:
            os.close(write)
        self.stdout, self.stderr = (
            Output(os.fdopen(read, "rb"), folder / f"{self.pid}.{name}")
            for name, (read, _) in zip(("stdout", "stderr"), pipes, strict=True)
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def wait_for(
        self, pattern: str, *, stream: Stream = "stdout", seconds: float = PATIENCE_SECONDS
    ) -> re.Match[str]:
        """The first line of the stream, old or new, that `pattern` is found in."""
        output = self.stdout if stream == "stdout" else self.stderr
        match = output.find(re.compile(pattern), seconds)
        assert match is not None, self._story(f"printed no line like {pattern!r} on {stream}")
        return match

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """The exit code, or minus the signal that ended it."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._story(f"still ran after {seconds:g} s")) from None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child alone, as a service manager or a terminal would."""
        self._child.send_signal(number)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the child and all it started, and wait for the child's end."""
        self._signal_group(number)
        return self.wait()

    def stop(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Ask it to end in good order, and wait: the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def close(self) -> None:
        """End what is left of it."""
        self._signal_group(signal.SIGKILL)
        self._child.wait()
        self.stdout.join()
        self.stderr.join()

    def _signal_group(self, number: signal.Signals) -> None:
        # The group outlives its leader while a grandchild runs.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _story(self, what: str) -> str:
        state = "running" if self.running else f"ended with {self._child.returncode}"
        return (
            f"{' '.join(self.command)} ({state}) {what}\n"
            f"--- stdout\n{self.stdout.text[-4000:]}\n--- stderr\n{self.stderr.text[-4000:]}"
        )


@contextmanager
def spawn(
    command: Sequence[str | Path],
    *,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Process]:
    """Run `command` for as long as the block; its output goes to `folder` (default: a new one)."""
    folder = folder or Path(tempfile.mkdtemp(prefix="output-"))
    process = Process(command, folder=folder, env=env, cwd=cwd)
    try:
        yield process
    finally:
        process.close()
