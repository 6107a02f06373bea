"""The way to the engine of a ledger: run it, or speak to the process that does."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control import Face, RemoteEngine
from howdah_desktop.engine.control_server import ControlServer
from howdah_desktop.engine.engine import Engine
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.log_file import logging_to_file
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings
from howdah_desktop.system import Locked, exclusive_lock

LOCK_NAME = "lock"
TAKE_OVER_SECONDS = 10.0
"""An engine that starts or ends holds the lock for a moment without answering."""
STEP_SECONDS = 0.05


class Attached:
    """An engine, ours or another process's, until `close`."""

    def __init__(self, engine: Face, close: Callable[[], None], server: ControlServer | None):
        self.engine = engine
        self.close = close
        self._server = server

    @property
    def is_ours(self) -> bool:
        return self._server is not None

    def watched_elsewhere(self) -> set[int]:
        """Groups that other processes follow: one of them takes over when this one ends."""
        return self._server.watched_groups() if self._server else set()


def attach(settings: Settings, connect: Callable[[], Receiver]) -> Attached:
    """Raises ProblemError: engine_unreachable, ledger_newer, ledger_damaged."""
    deadline = time.monotonic() + TAKE_OVER_SECONDS
    while True:
        try:
            return _run_here(settings, connect)
        except Locked:
            pass
        try:
            remote = RemoteEngine(settings.home)
        except ProblemError:
            if time.monotonic() > deadline:
                raise
            time.sleep(STEP_SECONDS)
            continue
        return Attached(remote, remote.close, None)


def take_over(settings: Settings, connect: Callable[[], Receiver]) -> Attached | None:
    """The engine, run here; None while another process runs it. Raises ProblemError as `attach` does."""
    try:
        return _run_here(settings, connect)
    except Locked:
        return None


def _run_here(settings: Settings, connect: Callable[[], Receiver]) -> Attached:
    """Raises Locked."""
    with ExitStack() as stack:
        stack.enter_context(exclusive_lock(settings.home / LOCK_NAME))
        stack.enter_context(logging_to_file(settings.home))
        engine = Engine(Ledger(settings.home), connect, settings)
        engine.start()
        stack.callback(engine.stop)
        server = ControlServer(settings.home, engine)
        stack.callback(server.close)
        return Attached(engine, stack.pop_all().close, server)


def running_engine(home: Path) -> RemoteEngine | None:
    """The engine of another process, if one runs."""
    try:
        with exclusive_lock(home / LOCK_NAME):
            return None
    except Locked:
        pass
    try:
        return RemoteEngine(home)
    except ProblemError:
        return None
