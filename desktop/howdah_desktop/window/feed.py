"""The window's eye on the engine: a thread that follows it and leaves what it sees in the mailbox.

It attaches to the ledger's engine (runs it here, or speaks to the process that does, and takes over when that
ends), reads the rows from the ledger once, and then hears what changed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control import Face, RemoteEngine
from howdah_desktop.engine.views import Overview, TransferView
from howdah_desktop.settings import Settings
from howdah_desktop.window.arrangement import Loaded
from howdah_desktop.window.mailbox import Mailbox

if TYPE_CHECKING:
    from howdah_desktop.engine.attach import Attached
    from howdah_desktop.engine.ledger_reader import LedgerReader
    from howdah_desktop.remote.receiver import Receiver

WAIT_SECONDS = 10.0
BETWEEN_LOOKS_SECONDS = 0.1
"""With thousands of small files there is always news."""
AGAIN_SECONDS = 1.0
START_SECONDS = 15.0
SEEN_SECONDS = 1.0
PAGE = 1_000
FIRST_PAGE = 200
"""An expanded folder shows its first rows at once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of it, in the GUI thread."""

    loaded: Callable[[Loaded], None]
    changed: Callable[[Overview], None]
    children: Callable[[int, list[TransferView]], None]
    """Rows of an expanded folder, bit by bit; none: these were all."""
    trouble: Callable[[ProblemError], None]


class Feed:
    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Receiver],
        mailbox: Mailbox,
        listener: Listener,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._mailbox = mailbox
        self._listener = listener
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._seen = threading.Event()
        self._ahead: LedgerReader | None = None
        self._read_at: int | None = None
        self._lock = threading.Condition()
        # Guarded by the lock:
        self._face: Face | None = None
        self._attached: Attached | None = None
        self._open: dict[int, bool] = {}  # expanded roots, and whether their rows were read

    # -- from the GUI thread

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> bool:
        """End, and the engine with it if it is ours; whether that was done in time."""
        self._stopping.set()
        self._nudge()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def expand(self, root: int) -> None:
        with self._lock:
            self._open[root] = False

    def collapse(self, root: int) -> None:
        with self._lock:
            self._open.pop(root, None)

    @property
    def runs_here(self) -> bool:
        """Whether closing this window ends the engine."""
        with self._lock:
            return self._attached is not None and self._attached.is_ours

    # -- from the desk's threads

    def face(self) -> Face:
        """Who takes orders; an engine that only just starts is waited for.

        Raises ProblemError("engine_unreachable").
        """
        with self._lock:
            self._lock.wait_for(lambda: self._face is not None, START_SECONDS)
            if self._face is None:
                raise ProblemError("engine_unreachable")
            return self._face

    def nudge(self) -> None:
        """Look at once, for what was asked with `expand`."""
        self.face().nudge()

    def reader(self) -> LedgerReader:
        """A reader for one question, to be closed. Raises ProblemError."""
        from howdah_desktop.engine.ledger_reader import LedgerReader

        return LedgerReader(self._settings.home)

    # -- the thread

    def _run(self) -> None:
        self._look_ahead()
        # Here, in this thread: the engine brings along all that speaks HTTP, and the first picture does not
        # wait for that.
        from howdah_desktop.engine.attach import attach

        while not self._stopping.is_set():
            try:
                attached = attach(self._settings, self._connect)
            except ProblemError as problem:
                self._tell_trouble(problem)
                self._stopping.wait(AGAIN_SECONDS)
                continue
            try:
                self._take_orders(attached)
                self._follow(attached)
            except ProblemError as problem:
                # The process that ran the engine ended: the next turn takes over.
                log.info("the engine is gone: %s", problem)
                if problem.code != "engine_unreachable":
                    self._tell_trouble(problem)
                    self._stopping.wait(AGAIN_SECONDS)
            finally:
                self._let_go(attached)

    def _take_orders(self, attached: Attached) -> None:
        # A face of its own: the one that is followed is busy waiting for news.
        face = attached.engine if attached.is_ours else RemoteEngine(self._settings.home)
        with self._lock:
            self._face, self._attached = face, attached
            self._lock.notify_all()

    def _let_go(self, attached: Attached) -> None:
        with self._lock:
            face, self._face, self._attached = self._face, None, None
            self._open = dict.fromkeys(self._open, False)
        if isinstance(face, RemoteEngine):
            face.close()
        attached.close()

    def _follow(self, attached: Attached) -> None:
        since = 0
        reader, self._ahead = self._ahead, None
        if reader is None:
            reader, self._read_at = self.reader(), None
        try:
            while not self._stopping.is_set():
                open_roots = self._open_roots()
                overview = attached.engine.overview(since, open_roots, WAIT_SECONDS)
                since = overview.change
                if overview.reload and self._read_at != reader.changes():
                    self._load(reader)
                self._mailbox.put(lambda told=overview: self._listener.changed(told))  # type: ignore[misc]
                # After what changed: rows that are read now are not older than what was told.
                self._read_children(reader)
                self._stopping.wait(BETWEEN_LOOKS_SECONDS)
        finally:
            reader.close()

    def _look_ahead(self) -> None:
        """The rows as the ledger has them, before the engine is there."""
        try:
            self._ahead = self.reader()
            self._load(self._ahead)
            # Until they are seen: what follows would share the processor with painting them.
            self._seen.wait(SEEN_SECONDS)
        except ProblemError as problem:
            # There is none yet, or an old one; what is wrong with it, the engine tells.
            log.info("the ledger is not read before its engine: %s", problem)

    def _load(self, reader: LedgerReader) -> None:
        self._read_at = reader.changes()
        loaded = Loaded.of(reader.top_level(), reader.roots())
        self._mailbox.put(lambda: self._show(loaded), urgent=True)
        with self._lock:
            self._open = dict.fromkeys(self._open, False)

    def _show(self, loaded: Loaded) -> None:
        """In the GUI thread."""
        self._listener.loaded(loaded)
        self._seen.set()

    def _open_roots(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(self._open)

    def _read_children(self, reader: LedgerReader) -> None:
        with self._lock:
            unread = [root for root, read in self._open.items() if not read]
            self._open.update(dict.fromkeys(unread, True))
        for root in unread:
            after, limit = 0, FIRST_PAGE
            while not self._stopping.is_set() and root in self._open_roots():
                page = reader.children(root, after, limit)
                self._mailbox.put(
                    lambda root=root, page=page: self._listener.children(root, page)  # type: ignore[misc]
                )
                if not page:
                    break
                after, limit = page[-1].id, PAGE

    def _nudge(self) -> None:
        with self._lock:
            face = self._face
        if face is not None:
            threading.Thread(target=_nudge, args=(face,), name="nudge", daemon=True).start()

    def _tell_trouble(self, problem: ProblemError) -> None:
        self._mailbox.put(lambda: self._listener.trouble(problem))


def _nudge(face: Face) -> None:
    try:
        face.nudge()
    except ProblemError:
        pass  # it has ended already
