"""The uploads that are being worked on: finds, opens, syncs and lets go of their sessions."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.storage.parts import Parts
from howdah_receiver.uploads.activity import Activity
from howdah_receiver.uploads.admission import Limits
from howdah_receiver.uploads.recovery import check_suspect
from howdah_receiver.uploads.session import Session
from howdah_receiver.uploads.speeds import Speeds
from howdah_receiver.uploads.states import UploadState

MOST_OPEN = 256
"""Descriptors kept for uploads that rest; those that are written to are kept in any case."""
SYNC_SECONDS = 20
MOST_ENDED = 10_000

_log = logging.getLogger(__name__)


class Sessions:
    """Thread-safe. `start` and `stop` its threads, which commit what comes and make durable what rests."""

    def __init__(self, catalogue: Catalogue, parts: Parts, limits: Limits) -> None:
        self._catalogue = catalogue
        self._parts = parts
        self._limits = limits
        self.activity = Activity()
        """Of the uploads that are open."""
        self.speeds = Speeds()
        # Called with the bytes of each commit of chunks, in the thread that made it: quick, without fail.
        self.on_counted: list[Callable[[int], None]] = []
        # Those that ended, for whoever watches; the oldest fall out.
        self.ended: deque[UploadRow] = deque(maxlen=MOST_ENDED)
        self._lock = threading.Lock()
        # Guarded by the lock; least recently used first:
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._users: defaultdict[str, int] = defaultdict(int)
        # One opens an upload at a time; which lock is up to the upload's id.
        self._opening = [threading.Lock() for _ in range(64)]
        self._stopping = False
        self._wake = threading.Event()
        self._commit_wake = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep_safe, name="sync", daemon=True),
            threading.Thread(target=self._keep_committed, name="commit", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def sync_soon(self) -> None:
        """Much has come since the last sync."""
        self._wake.set()

    def commit_soon(self) -> None:
        """A chunk was checked: it need not wait for the end of its request to count."""
        self._commit_wake.set()

    def stop(self) -> bool:
        """Make everything durable; whether that worked."""
        self._stopping = True
        self._wake.set()
        self._commit_wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        with self._lock:
            sessions = list(self._open.values())
            self._open.clear()
        safe = True
        for session in sessions:
            try:
                session.stop()
                session.sync()
            except ProblemError as problem:
                _log.warning("upload %s: %s", session.upload.id, problem)
                safe = False
            session.close()
        return safe

    @contextmanager
    def of(self, upload: UploadRow) -> Iterator[Session]:
        """The session of an upload, which stays open at least for the block.

        Raises ProblemError: upload_not_open, storage_full, storage_failed.
        """
        session = self._enter(upload)
        try:
            yield session
        finally:
            self._leave(upload.id)

    def _enter(self, upload: UploadRow) -> Session:
        with self._opening[hash(upload.id) % len(self._opening)]:
            with self._lock:
                session = self._open.get(upload.id)
                if session is not None:
                    self._open.move_to_end(upload.id)
                    self._users[upload.id] += 1
                    return session
            session = self._make(upload.id)
            with self._lock:
                self._open[upload.id] = session
                self._users[upload.id] += 1
            return session

    def _make(self, upload_id: str) -> Session:
        with self._catalogue.read() as connection:
            upload = rows.by_id(connection, upload_id)
        if upload is None or upload.state is not UploadState.OPEN:
            raise ProblemError("upload_not_open")
        if upload.suspect:
            check_suspect(self._catalogue, self._parts, upload)
        return Session(
            self._catalogue, self._parts, upload, self._limits, self.activity, self._counted
        )

    def _counted(self, upload: UploadRow, count: int) -> None:
        self.speeds.add(upload.account_id, count)
        for tell in self.on_counted:
            tell(count)

    def _leave(self, upload_id: str) -> None:
        with self._lock:
            self._users[upload_id] -= 1
            if not self._users[upload_id]:
                del self._users[upload_id]

    def take(self, upload_id: str) -> Session | None:
        """The session of an upload that has ended, where there is one; who takes it closes it.

        Whoever read just before that the upload is open has opened it by then, and nobody does any more.
        """
        with self._opening[hash(upload_id) % len(self._opening)], self._lock:
            self.activity.forget(upload_id)
            session = self._open.pop(upload_id, None)
        if session is not None:
            self.ended.append(session.upload)
        return session

    def drop(self, upload_id: str) -> None:
        """The upload has ended."""
        session = self.take(upload_id)
        if session is not None:
            session.close()

    def under_way(self) -> list[tuple[UploadRow, int]]:
        """Uploads that are being worked on, or were not long ago, and how many bytes of each count."""
        with self._lock:
            sessions = list(self._open.values())
        return [(session.upload, session.counted_bytes) for session in sessions]

    # -- its threads

    def _keep_committed(self) -> None:
        """One commit after the other, each with all that came during the last: the rows of many chunks
        share an fsync, and a process that dies takes little along."""
        while True:
            self._commit_wake.wait()
            self._commit_wake.clear()
            if self._stopping:
                return
            with self._lock:
                waiting = [session for session in self._open.values() if session.has_uncommitted]
            for session in waiting:
                try:
                    session.commit()
                except ProblemError as problem:
                    # The stream that brought the chunks finds them missing, and says so.
                    _log.warning("upload %s: %s", session.upload.id, problem.sentence)

    def _keep_safe(self) -> None:
        while True:
            self._wake.wait(SYNC_SECONDS)
            self._wake.clear()
            if self._stopping:
                return
            with self._lock:
                sessions = list(self._open.items())
            for upload_id, session in sessions:
                self._sync(upload_id, session)
            self._let_rest()

    def _sync(self, upload_id: str, session: Session) -> None:
        try:
            session.sync()
        except ProblemError as problem:
            _log.warning("upload %s: %s", upload_id, problem)

    def _let_rest(self) -> None:
        """Close what rests beyond the number that may stay open, oldest first."""
        with self._lock:
            surplus = len(self._open) - MOST_OPEN
            resting = [
                upload_id
                for upload_id, session in self._open.items()
                if upload_id not in self._users and session.idle
            ]
            closing = [self._open.pop(upload_id) for upload_id in resting[: max(0, surplus)]]
        for session in closing:
            session.close()
