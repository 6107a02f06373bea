"""The engine's side of the control socket, see `control`."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from howdah_common.problems import ProblemError
from howdah_desktop.engine.control import (
    ANSWER_SECONDS,
    LONGEST_PATH_BYTES,
    MOST_LINE_BYTES,
    PLACE_NAME,
    SOCKET_NAME,
    VERSION,
    Answer,
    Face,
    Request,
)

_OF_FOLDERS = frozenset(
    {
        "watched",
        "watch_add",
        "watch_free",
        "watch_pause",
        "watch_remove",
        "watch_resume",
        "watch_scan",
    }
)


class ControlServer:
    """Answers the faces of other processes; a thread for each connection."""

    def __init__(self, home: Path, engine: Face) -> None:
        """The caller holds the lock of `home`. Raises OSError."""
        self._engine = engine
        self._place = _make_place(home)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # the socket is its user's alone from its first moment
        try:
            self._listener.bind(os.fspath(self._place))
        finally:
            os.umask(before)
        self._listener.listen(16)
        self._lock = threading.Lock()
        self._watched: dict[int, int | None] = {}  # connection -> group; guarded by the lock
        self._connections: set[socket.socket] = set()  # guarded by the lock
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def watched_groups(self) -> set[int]:
        """The groups that other processes are following."""
        with self._lock:
            return {group for group in self._watched.values() if group is not None}

    def close(self) -> None:
        self._place.unlink(missing_ok=True)
        with self._lock:
            open_now = [self._listener, *self._connections]
        for sock in open_now:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(
                target=self._serve, args=(connection,), name="control", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)
        try:
            with connection, connection.makefile("rb") as lines:
                while line := lines.readline(MOST_LINE_BYTES):
                    answer = self._answer(line, id(connection))
                    connection.sendall(msgspec.json.encode(answer) + b"\n")
        except OSError:
            pass  # the other process has ended
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._watched.pop(id(connection), None)

    def _answer(self, line: bytes, connection: int) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.v != VERSION:
                raise ProblemError("engine_unreachable", f"It speaks version {VERSION}.")
            if request.do == "snapshot" and request.group is not None:
                with self._lock:
                    self._watched[connection] = request.group
            return self._do(request)
        except msgspec.MsgspecError as error:
            return Answer(code="bad_request", detail=str(error))
        except ProblemError as problem:
            return Answer(code=problem.code, detail=problem.detail)

    def _do(self, request: Request) -> Answer:
        engine = self._engine
        match request.do:
            case "add_sends" | "add_fetches" | "release" | "begin_freeing" | "end_freeing":
                return Answer(number=self._number(request))
            case "pause" | "resume" | "cancel" | "remove":
                return Answer(number=self._order(request))
            case "next_up" | "move_before" | "move_last":
                return Answer(number=self._move(request))
            case "queue":
                return Answer(queue=engine.queue(request.limit))
            case "withdraw":
                return Answer(withdrawn=engine.withdraw(request.group or 0))
            case "snapshot" | "overview":
                return self._followed(request)
            case "chunks":
                return Answer(chunks=engine.chunks(request.ids[0] if request.ids else 0))
            case "nudge" | "look":
                getattr(engine, request.do)()
                return Answer()
            case "call_window":
                engine.call_window(request.group)
                return Answer()
        return self._watch(request) if request.do in _OF_FOLDERS else self._set(request)

    def _set(self, request: Request) -> Answer:
        """What is said of the engine as a whole."""
        if request.do == "set_limits" and request.limits is not None:
            self._engine.set_limits(request.limits)
            return Answer()
        if request.do == "may_leave":
            return Answer(number=self._engine.may_leave(request.limit))
        raise ProblemError("bad_request", f"It cannot {request.do[:40]!r}.")

    def _order(self, request: Request) -> int:
        if request.do == "pause":
            return self._engine.pause(request.ids, request.roots, request.until)
        order: Callable[..., int] = getattr(self._engine, request.do)
        return order(request.ids, request.roots)

    def _number(self, request: Request) -> int:
        engine = self._engine
        if request.do == "release":
            return engine.release(request.group or 0)
        if request.do == "begin_freeing" and request.freeing is not None:
            return engine.begin_freeing(request.freeing)
        if request.do == "end_freeing":
            return engine.end_freeing(request.ids[0] if request.ids else 0, request.removed)
        if request.do == "add_fetches":
            return engine.add_fetches(request.remotes, request.folder, request.if_exists)
        return engine.add_sends(
            request.paths, request.to, request.if_exists, request.sha256, request.ask_beyond
        )

    def _watch(self, request: Request) -> Answer:
        engine, ids = self._engine, request.ids or []
        if request.do == "watched":
            return Answer(folders=engine.watched())
        if request.do == "watch_add":
            added = engine.watch_add(request.folder, request.to, request.mirror, request.watch)
            return Answer(number=added)
        if request.do == "watch_pause":
            return Answer(number=engine.watch_pause(ids, request.until))
        if request.do == "watch_free":
            return Answer(number=engine.watch_free(ids, request.free))
        order: Callable[[Sequence[int]], int] = getattr(engine, request.do)
        return Answer(number=order(ids))

    def _move(self, request: Request) -> int:
        engine, ids = self._engine, request.ids or []
        if request.do == "move_before":
            return engine.move_before(ids, request.other, request.roots)
        move = engine.next_up if request.do == "next_up" else engine.move_last
        return move(ids, request.roots)

    def _followed(self, request: Request) -> Answer:
        wait = min(request.wait_seconds, ANSWER_SECONDS / 2)
        if request.do == "overview":
            return Answer(overview=self._engine.overview(request.since, request.roots, wait))
        return Answer(snapshot=self._engine.snapshot(request.since, request.group, wait))


def _make_place(home: Path) -> Path:
    """A path for the socket that is short enough and its user's alone."""
    (home / PLACE_NAME).unlink(missing_ok=True)
    place = home / SOCKET_NAME
    # Who holds the lock may remove what a killed engine left.
    place.unlink(missing_ok=True)
    if len(os.fsencode(place)) <= LONGEST_PATH_BYTES:
        return place
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    short = runtime if 0 < len(os.fsencode(runtime)) < LONGEST_PATH_BYTES - 30 else None
    place = Path(tempfile.mkdtemp(prefix="howdah-", dir=short)) / SOCKET_NAME  # 0700
    (home / PLACE_NAME).write_bytes(os.fsencode(place))
    return place
