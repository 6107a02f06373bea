"""Tickets for a browser's page, which can set no header when it opens a WebSocket: short-lived, good once."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller

SECONDS = 30
MOST = 1_000
MOST_AN_ACCOUNT = 16


class Tickets:
    """Not thread-safe: belongs to the event loop. In memory: a restart ends the pages' sockets as well."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By hash, with its end; the oldest first.
        self._open: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def issue(self, caller: Caller) -> str:
        """A new ticket. Of too many, the oldest stops being good: the account's own first."""
        self._let_go()
        own = [key for key, (_, other) in self._open.items()
               if other.account_id == caller.account_id]  # fmt: skip
        if len(own) >= MOST_AN_ACCOUNT:
            del self._open[own[0]]
        elif len(self._open) >= MOST:
            self._open.popitem(last=False)
        ticket = secrets.token_urlsafe(32)
        self._open[_hash(ticket)] = (self._clock() + SECONDS, caller)
        return ticket

    def redeem(self, ticket: str) -> Caller:
        """Whom it was issued to. Raises ProblemError (not_signed_in), also the second time."""
        self._let_go()
        found = self._open.pop(_hash(ticket), None)
        if found is None:
            raise ProblemError("not_signed_in")
        return found[1]

    def _let_go(self) -> None:
        now = self._clock()
        while self._open:
            key, (end, _) = next(iter(self._open.items()))
            if end > now:
                return
            del self._open[key]


def _hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode()).digest()
