"""Who may begin how many uploads, how large, and of what: asked before a byte comes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import quotas
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.uploads.type_rules import TypeRules

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """0: none."""

    most_bytes: int = 0
    most_open: int = 0
    """Of an account, at once."""
    per_minute: int = 0
    """Begun by an account."""
    types: TypeRules = field(default_factory=TypeRules)

    def check_size(self, size: int) -> None:
        """Raises ProblemError (upload_too_large)."""
        if self.most_bytes and size > self.most_bytes:
            raise ProblemError("upload_too_large", f"{self.most_bytes} bytes are the most.")


class Admission:
    """Thread-safe. `clock` is monotonic, in seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        # When each account began its uploads of the last minute.
        self._begun: dict[str, deque[float]] = {}

    def ask(self, connection: Connection, upload: UploadRow) -> None:
        """What tells without a transaction of its own, so that a refusal costs little.

        Raises ProblemError: upload_too_large, type_refused, too_many_uploads, quota_exceeded.
        """
        self._limits.check_size(upload.size or 0)
        self._limits.types.check_name(upload.path)
        self._check_open(connection, upload, others=0)
        quotas.check_start(connection, upload, upload.reserved_bytes)
        self._take_turn(upload.account_id)

    def ask_small(self, account_id: str, path: str, size: int) -> None:
        """Of a file that came as a whole: it is never open, and its room is asked for with its commit.

        Raises ProblemError: upload_too_large, type_refused, too_many_uploads.
        """
        self._limits.check_size(size)
        self._limits.types.check_name(path)
        self._take_turn(account_id)

    def confirm(self, connection: Connection, upload: UploadRow) -> None:
        """Whether it has its place beside all others; its row is there, and goes if it has not.

        Raises ProblemError: too_many_uploads, quota_exceeded.
        """
        self._check_open(connection, upload, others=1)
        quotas.check_start(connection, upload)

    def _check_open(self, connection: Connection, upload: UploadRow, *, others: int) -> None:
        most = self._limits.most_open
        if most and quotas.open_uploads(connection, upload.account_id) - others >= most:
            raise ProblemError(
                "too_many_uploads", f"{most} may be open.", {"retry_after_seconds": 10}
            )

    def _take_turn(self, account_id: str) -> None:
        most, now = self._limits.per_minute, self._clock()
        if not most:
            return
        with self._lock:
            self._forget(now)
            begun = self._begun.setdefault(account_id, deque())
            if len(begun) >= most:
                wait = int(begun[0] + _MINUTE - now) + 1
                raise ProblemError(
                    "too_many_uploads", f"{most} may be begun in a minute.",
                    {"retry_after_seconds": wait},
                )  # fmt: skip
            begun.append(now)

    def _forget(self, now: float) -> None:
        """What is older than a minute."""
        for account_id in list(self._begun):
            begun = self._begun[account_id]
            while begun and begun[0] <= now - _MINUTE:
                begun.popleft()
            if not begun:
                del self._begun[account_id]
