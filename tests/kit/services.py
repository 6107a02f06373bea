"""A receiver's services without a server: called directly, with clocks that a test moves."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from howdah_common.digests import BLAKE3
from howdah_common.messages import Complete, StartUpload
from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings
from kit.native import MODIFIED_NS, SMALL_CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_receiver.accounts.caller import Caller
    from howdah_receiver.catalogue.uploads import UploadRow
    from kit.native import Content
    from kit.receiver import RunningReceiver


class Services:
    """A receiver and a device of its owner. No call is answered over a line."""

    def __init__(self, data: Path, **settings: Any) -> None:
        self.data = data
        self.receiver = Receiver(Settings(data=data, **settings))
        accounts = self.receiver.accounts
        self.caller: Caller = accounts.caller(
            accounts.pairing.pair(accounts.new_code(), "test").token
        )
        self.ahead_seconds = 0.0
        self.later_seconds = 0.0
        self.receiver.expiry._clock = self._wall
        self.receiver.sessions.activity._clock = self._monotonic

    def _wall(self) -> int:
        return time.time_ns() + int((self.later_seconds + self.ahead_seconds) * 1e9)

    def _monotonic(self) -> float:
        return time.monotonic() + self.later_seconds

    def jump(self, seconds: float) -> None:
        """The wall clock is set; no time passes."""
        self.ahead_seconds += seconds

    def sweep(self, later_seconds: float = 0.0) -> None:
        """Look for idle uploads, after that time has passed."""
        self.later_seconds += later_seconds
        self.receiver.expiry.run(threading.Event())

    def start(self, path: str, content: Content | None, **more: Any) -> UploadRow:
        asked = StartUpload(
            client_id=more.pop("client_id", secrets.token_hex(16)),
            path=path,
            size=more.pop("size", content.size if content else None),
            modified_ns=MODIFIED_NS,
            digest_algorithm=content.algorithm if content else BLAKE3,
            chunk_bytes=content.chunk_bytes if content else SMALL_CHUNK,
            **more,
        )
        return self.receiver.uploads.start(self.caller, asked)[0]

    def put(self, upload: str, content: Content, *numbers: int) -> None:
        """Chunks that count on return."""
        with self.receiver.uploads.session(self.caller, upload) as session:
            for number in numbers:
                writer = session.begin(number, len(content.chunk(number)))
                writer.write([content.chunk(number)])
                writer.finish(content.digest(number))
            session.commit(numbers)

    def complete(self, upload: str, content: Content, **more: Any) -> None:
        asked = Complete(size=content.size, manifest_digest=content.manifest_digest, **more)
        self.receiver.endings.complete(self.caller, upload, asked)

    def row(self, upload: str) -> UploadRow:
        return self.receiver.uploads.find(self.caller, upload)

    def state(self, upload: str) -> str:
        return self.row(upload).state.value

    def received(self, upload: str) -> list[tuple[int, int]]:
        return list(self.receiver.uploads.view(self.caller, upload).received)


@contextmanager
def services(data: Path, **settings: Any) -> Iterator[Services]:
    """For as long as the block."""
    found = Services(data, **settings)
    try:
        yield found
    finally:
        found.receiver.stop()


def catalogue(data: Path, statement: str, *values: Any) -> list[Any]:
    """What a statement finds in the catalogue, or does to it, also while the receiver runs."""
    with closing(sqlite3.connect(data / "catalogue.sqlite3", timeout=10)) as connection:
        found = connection.execute(statement, values).fetchall()
        connection.commit()
        return found


def set_quota(
    receiver: RunningReceiver | Services, table: str, *, size: int | None, files: int | None = None
) -> None:
    """Of every account, or of every space."""
    statement = f"UPDATE {table} SET quota_bytes = ?, quota_files = ?"
    catalogue(receiver.data, statement, size, files)


def used(receiver: RunningReceiver | Services) -> tuple[int, int]:
    """Bytes and files that the owner's home space counts."""
    ((size, files),) = catalogue(receiver.data, "SELECT used_bytes, used_files FROM spaces")
    return int(size), int(files)
