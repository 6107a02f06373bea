"""`make demo` where there is a screen: a receiver, and the window paired with it, a file on its way.

Everything lies in a folder of its own that is gone afterwards; nothing of the user's own is touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from kit.client import PROGRAM, Client
from kit.link import FaultyLink
from kit.random_file import MB, file_sha256, write_random
from kit.receiver import RunningReceiver, running_receiver

LINE_BYTES_PER_SECOND = 40 * MB
"""Slow enough to be watched, paused and gone on with."""
START_SECONDS = 30.0


def run(size: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="howdah-demo-"))
    try:
        os.environ.update(PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
        with running_receiver(folder / "receiver") as receiver:
            print(f"A receiver listens at {receiver.url} and keeps its files in {folder}.")
            return _open(folder, receiver, size)
    finally:
        shutil.rmtree(folder)


def _open(folder: Path, receiver: RunningReceiver, size: int) -> int:
    source = folder / "film.bin"
    print(f"Making a file of {size / MB:.0f} MB of random bytes ...")
    digest = write_random(source, size)
    with FaultyLink(receiver.port, rate_bytes_per_second=LINE_BYTES_PER_SECOND) as link:
        client = Client(folder / "client")
        client.run("pair", receiver.link.replace(f":{receiver.port}/", f":{link.port}/"))
        environment = {**os.environ, "HOWDAH_HOME": str(client.home)}
        window = subprocess.Popen([*PROGRAM], env=environment)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
        try:
            _wait_for_window(client.home, window)
            print(f"$ howdah send --window {source.name} --to videos")
            client.run("send", "--window", source, "--to", "videos")
            print(
                "Drop files and folders of yours on the window; close it when you have seen enough."
            )
            code = window.wait()
        except KeyboardInterrupt:
            window.send_signal(signal.SIGTERM)
            code = window.wait()
    return code or _judge(folder / "receiver" / "files" / "owner" / "videos" / "film.bin", digest)


def _wait_for_window(home: Path, window: subprocess.Popen[bytes]) -> None:
    """Until its engine answers; it may have ended at once, without a library say."""
    deadline = time.monotonic() + START_SECONDS
    while not (home / "control.sock").exists() and not (home / "control.place").exists():
        if window.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the window does not open")
        time.sleep(0.05)


def _judge(stored: Path, digest: str) -> int:
    if not stored.exists():
        print("film.bin was still on its way: it would go on at the next start.")
        return 0
    equal = file_sha256(stored) == digest
    print(f"{'ok ' if equal else 'NO '} the stored file is equal by SHA-256 ({digest[:16]}...)")
    return 0 if equal else 1
