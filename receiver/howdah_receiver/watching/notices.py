"""What somebody is to be told, and the webhook that is told: `{"text": ...}`, which Slack, Mattermost and
their like show as it is, with more members for programs.

A notice is a row until the webhook has answered 2xx, so that neither a restart nor a network that is down
loses one. They go out in their order: "is back" never comes before "is silent".
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, select

from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import notices

if TYPE_CHECKING:
    import httpx

SECOND_NS = 10**9
PAUSES_SECONDS = (10, 30, 60, 300, 900, 3600)
"""After each try that failed; the last one again and again."""
KEPT_SECONDS = 7 * 24 * 3600
"""What could not be told for so long is let go, with a line in the log."""
TIMEOUT_SECONDS = 10
MOST_WAITING = 200
_log = logging.getLogger(__name__)


def put(connection: Connection, kind: str, text: str, **more: Any) -> None:
    """Have this told, once the transaction is committed. `kind` and `more` are for programs; names and
    figures, never a secret."""
    now = time.time_ns()
    body = {"text": text, "kind": kind, "receiver": socket.gethostname(), "time_ns": now, **more}
    connection.execute(
        notices.insert().values(time_ns=now, kind=kind, body=json.dumps(body), tries=0, next_ns=0)
    )
    too_many = select(notices.c.number).order_by(notices.c.number.desc()).offset(MOST_WAITING)
    connection.execute(notices.delete().where(notices.c.number.in_(too_many)))


class Webhook:
    """Tells what is to be told. Called by the sweeper's thread alone."""

    def __init__(
        self,
        catalogue: Catalogue,
        url: str | None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Without a `url` nobody is told, and what was to be told is let go: the log has it."""
        self._catalogue = catalogue
        self._url = url
        self._now_ns = now_ns
        self._timeout = timeout_seconds

    def run(self, stopping: threading.Event) -> None:
        """All that is due. The first that fails holds up the others: they have the same way."""
        if self._next() is None:
            return
        if self._url is None:
            self._tell_all(lambda body: None, stopping)
            return
        import httpx  # some 10 MB, which a receiver without a webhook does without

        with httpx.Client(timeout=self._timeout, follow_redirects=False) as client:
            self._tell_all(partial(_post, client, self._url), stopping)

    def _tell_all(self, post: Callable[[str], str | None], stopping: threading.Event) -> None:
        """`post` answers what went wrong, None if nothing did."""
        while not stopping.is_set() and self._tell_next(post, stopping):
            pass

    def _next(self) -> Row[Any] | None:
        """The oldest, if it is due."""
        with self._catalogue.read() as connection:
            row = connection.execute(select(notices).order_by(notices.c.number).limit(1)).first()
        now = self._now_ns()
        # A clock that went back must not silence us for long.
        if row is None or now < row.next_ns < now + PAUSES_SECONDS[-1] * SECOND_NS:
            return None
        return row

    def _tell_next(self, post: Callable[[str], str | None], stopping: threading.Event) -> bool:
        """Whether there may be more to tell."""
        row = self._next()
        if row is None:
            return False
        trouble = post(row.body)
        if trouble is None:
            self._forget(row.number)
            return True
        return not stopping.is_set() and self._again_later(row, trouble)

    def _forget(self, number: int) -> None:
        with self._catalogue.write() as connection:
            connection.execute(notices.delete().where(notices.c.number == number))

    def _again_later(self, row: Row[Any], trouble: str) -> bool:
        host, now = urlsplit(self._url or "").hostname, self._now_ns()
        if now - row.time_ns > KEPT_SECONDS * SECOND_NS:
            _log.error("the webhook at %s was never told of %r: %s", host, row.kind, trouble)
            self._forget(row.number)
            return True
        pause = PAUSES_SECONDS[min(row.tries, len(PAUSES_SECONDS) - 1)]
        _log.warning("the webhook at %s cannot be told of %r yet: %s", host, row.kind, trouble)
        with self._catalogue.write() as connection:
            connection.execute(
                notices.update()
                .where(notices.c.number == row.number)
                .values(tries=row.tries + 1, next_ns=now + pause * SECOND_NS)
            )
        return False


def _post(client: httpx.Client, url: str, body: str) -> str | None:
    """What went wrong, if anything did. The address is a secret and stays out of it."""
    import httpx

    headers = {"Content-Type": "application/json"}
    try:
        with client.stream("POST", url, content=body, headers=headers) as answer:
            return None if answer.is_success else f"it answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return type(error).__name__
