"""`make demo`: a real file on its way, and what happens when both ends are killed.

Where there is a screen, the window opens (`demo_window`). Without one, or with `--command`: 512 MB of random
bytes go from the command to a receiver, through a proxy that counts. When a third has been acknowledged
the client is killed with SIGKILL, when two thirds have, the receiver. Both start again and finish. Then the
file is fetched back, and all of it must be equal; nothing may have gone over the wire twice but what was on
its way at the kills.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kit.client import Client
from kit.link import FaultyLink
from kit.native import Native
from kit.random_file import file_sha256, write_random
from kit.receiver import RunningReceiver, running_receiver

MB = 1_000_000
LINE_BYTES_PER_SECOND = 100 * MB
"""Slow enough that there is a third and two thirds to wait for."""
PATIENCE_SECONDS = 300
OVERHEAD = 0.002
"""What requests, headers and frames may add to the bytes of the file."""


@dataclass(frozen=True)
class Kill:
    who: str
    acknowledged_bytes: int
    in_flight_bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--megabytes", type=int, default=512, help="size of the file")
    parser.add_argument("--command", action="store_true", help="without the window")
    given = parser.parse_args()
    size = given.megabytes * MB
    if not given.command and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        from together.demo_window import run

        return run(size)
    folder = Path(tempfile.mkdtemp(prefix="howdah-demo-"))
    try:
        return Demo(folder, size).run()
    finally:
        shutil.rmtree(folder)


class Demo:
    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.size = size
        self.client = Client(folder / "client")
        self.kills: list[Kill] = []

    def run(self) -> int:
        # Nothing of the user's own is touched: a home of its own, no keyring, no proxy.
        os.environ.update(
            HOME=str(self.folder), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring"
        )
        source = self.folder / "film.bin"
        say(f"Making a file of {self.size / MB:.0f} MB of random bytes ...")
        digest = write_random(source, self.size)
        say(f"  SHA-256 {digest}")
        with running_receiver(self.folder / "receiver") as receiver:
            say(f"A receiver listens: {receiver.url}")
            with FaultyLink(receiver.port, rate_bytes_per_second=LINE_BYTES_PER_SECOND) as link:
                self._carry(receiver, link, source)
                return self._judge(link, digest)

    def _carry(self, receiver: RunningReceiver, link: FaultyLink, source: Path) -> None:
        paired = receiver.link.replace(f":{receiver.port}/", f":{link.port}/")
        self.client.run("pair", paired)
        say(f"A client is paired with it, through a proxy that counts: {paired.split('?')[0]}?...")
        # Another device of the same account looks on, past the proxy.
        self.watcher = Native.paired_with(receiver, receiver.new_link())
        before = link.up_bytes
        say(f"$ howdah send {source.name} --to videos")
        sending = self.client.start("send", source, "--to", "videos")
        self._wait_for(self.size // 3)
        sending.kill(signal.SIGKILL)
        self._note_kill("client", link, before)
        say("$ howdah resume")
        sending = self.client.start("resume")
        self._wait_for(self.size * 2 // 3)
        receiver.kill()
        link.wait_for(lambda: not link.open_connections)
        sent = link.up_bytes
        receiver.restart()
        self._note_kill("receiver", link, before, sent)
        code = sending.wait(PATIENCE_SECONDS)
        if code != 0:
            raise SystemExit(f"howdah resume ended with {code}\n{sending.stdout}\n{sending.stderr}")
        self.sent_bytes = link.up_bytes - before
        say("  sent, and published")

    def _wait_for(self, acknowledged: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self._acknowledged() >= acknowledged:
                return
            time.sleep(0.01)  # a look at the receiver, as a person would take one
        raise SystemExit("the upload does not come forward")

    def _acknowledged(self) -> int:
        """Bytes of the upload that count at the receiver."""
        uploads = self.watcher.uploads().json["uploads"]
        return int(uploads[0]["received_bytes"]) if uploads else 0

    def _note_kill(self, who: str, link: FaultyLink, before: int, sent: int | None = None) -> None:
        """What the receiver counts now is all that was not in flight."""
        if sent is None:
            link.wait_for(lambda: not link.open_connections)
            sent = link.up_bytes
        acknowledged = self._acknowledged()
        flown = sent - before - sum(kill.in_flight_bytes for kill in self.kills) - acknowledged
        self.kills.append(Kill(who, acknowledged, flown))
        say(
            f"  SIGKILL to the {who}: {acknowledged / self.size:.0%} is there,"
            f" {flown / MB:.1f} MB were in flight"
        )

    def _judge(self, link: FaultyLink, digest: str) -> int:
        say("$ howdah get videos/film.bin")
        self.client.run("get", "videos/film.bin", "--to", self.folder / "back", timeout=300)
        fetched = file_sha256(self.folder / "back" / "film.bin")
        stored = file_sha256(self.folder / "receiver" / "files" / "owner" / "videos" / "film.bin")
        in_flight = sum(kill.in_flight_bytes for kill in self.kills)
        allowed = self.size + in_flight + int(self.size * OVERHEAD)
        checks = {
            f"the stored file is equal by SHA-256 ({stored[:16]}...)": stored == digest,
            f"the fetched file is equal by SHA-256 ({fetched[:16]}...)": fetched == digest,
            f"{self.sent_bytes:,} bytes went up: the file ({self.size:,}) and no more than what was"
            f" in flight ({in_flight:,})": self.sent_bytes <= allowed,
            "little was in flight: less than a tenth of the file": in_flight < self.size // 10,
        }
        for sentence, good in checks.items():
            say(f"{'ok ' if good else 'NO '} {sentence}")
        return 0 if all(checks.values()) else 1


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
