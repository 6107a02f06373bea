"""One engine for each ledger: who holds the lock runs it, everyone after speaks to it over a local socket.

The socket lies in HOWDAH_HOME, which is its user's alone. Requests and answers are lines of JSON with a
version; paths are base64, as names need not be UTF-8. A connection may have one request at a time.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from howdah_common.problems import PROBLEMS, ProblemError
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.engine.views import ChunksView, Snapshot

VERSION = 1
SOCKET_NAME = "control.sock"
PLACE_NAME = "control.place"
"""Says where the socket is if its path in the folder would be too long."""
LONGEST_PATH_BYTES = 100
"""sun_path has 108 bytes on Linux and 104 on macOS (unix(7))."""
ANSWER_SECONDS = 30.0
MOST_LINE_BYTES = 64 * 1024 * 1024


class Face(Protocol):
    """What can be asked of an engine, wherever it runs. Raises ProblemError."""

    def add_sends(
        self,
        paths: Sequence[bytes],
        to: str = "",
        if_exists: IfExists = IfExists.VERSION,
        sha256: bool = False,
    ) -> int: ...

    def add_fetches(
        self, remotes: Sequence[str], to: bytes, if_exists: IfExists = IfExists.FAIL
    ) -> int: ...

    def resume(self) -> int: ...
    def cancel(self, ids: Sequence[int] | None = None) -> int: ...
    def snapshot(
        self, since: int = 0, group: int | None = None, wait_seconds: float = 0.0
    ) -> Snapshot: ...
    def chunks(self, id_: int) -> ChunksView | None: ...


class Request(msgspec.Struct, omit_defaults=True):
    """A line from a face."""

    v: int
    do: str
    paths: list[bytes] = []
    remotes: list[str] = []
    to: str = ""
    folder: bytes = b""
    if_exists: IfExists = IfExists.VERSION
    sha256: bool = False
    ids: list[int] | None = None
    since: int = 0
    group: int | None = None
    wait_seconds: float = 0.0


class Answer(msgspec.Struct, omit_defaults=True):
    """A line from the engine: one of these."""

    number: int | None = None
    snapshot: Snapshot | None = None
    chunks: ChunksView | None = None
    code: str | None = None
    detail: str = ""


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
            if request.group is not None:
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
            case "add_sends":
                number = engine.add_sends(
                    request.paths, request.to, request.if_exists, request.sha256
                )
                return Answer(number=number)
            case "add_fetches":
                return Answer(
                    number=engine.add_fetches(request.remotes, request.folder, request.if_exists)
                )
            case "resume":
                return Answer(number=engine.resume())
            case "cancel":
                return Answer(number=engine.cancel(request.ids))
            case "snapshot":
                wait = min(request.wait_seconds, ANSWER_SECONDS / 2)
                return Answer(snapshot=engine.snapshot(request.since, request.group, wait))
            case "chunks":
                return Answer(chunks=engine.chunks(request.ids[0] if request.ids else 0))
        raise ProblemError("bad_request", f"It cannot {request.do[:40]!r}.")


class RemoteEngine:
    """The engine of another process."""

    def __init__(self, home: Path) -> None:
        """Raises ProblemError("engine_unreachable")."""
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(os.fspath(find_place(home)))
        except OSError as error:
            self._socket.close()
            raise ProblemError("engine_unreachable", f"({error.strerror})") from error
        self._lines = self._socket.makefile("rb")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def add_sends(
        self,
        paths: Sequence[bytes],
        to: str = "",
        if_exists: IfExists = IfExists.VERSION,
        sha256: bool = False,
    ) -> int:
        return self._number(
            "add_sends", paths=list(paths), to=to, if_exists=if_exists, sha256=sha256
        )

    def add_fetches(
        self, remotes: Sequence[str], to: bytes, if_exists: IfExists = IfExists.FAIL
    ) -> int:
        return self._number("add_fetches", remotes=list(remotes), folder=to, if_exists=if_exists)

    def resume(self) -> int:
        return self._number("resume")

    def cancel(self, ids: Sequence[int] | None = None) -> int:
        return self._number("cancel", ids=None if ids is None else list(ids))

    def snapshot(
        self, since: int = 0, group: int | None = None, wait_seconds: float = 0.0
    ) -> Snapshot:
        answer = self._ask("snapshot", since=since, group=group, wait_seconds=wait_seconds)
        if answer.snapshot is None:
            raise ProblemError("engine_unreachable", "It answers something else.")
        return answer.snapshot

    def chunks(self, id_: int) -> ChunksView | None:
        return self._ask("chunks", ids=[id_]).chunks

    def _number(self, do: str, **words: Any) -> int:
        number = self._ask(do, **words).number
        if number is None:
            raise ProblemError("engine_unreachable", "It answers something else.")
        return number

    def _ask(self, do: str, **words: Any) -> Answer:
        request = msgspec.json.encode(Request(v=VERSION, do=do, **words))
        try:
            with self._lock:
                self._socket.sendall(request + b"\n")
                line = self._lines.readline(MOST_LINE_BYTES)
            if not line:
                raise ProblemError("engine_unreachable", "It has ended.")
            answer = msgspec.json.decode(line, type=Answer)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise ProblemError("engine_unreachable") from error
        if answer.code is not None:
            code = answer.code if answer.code in PROBLEMS else "internal"
            raise ProblemError(code, answer.detail)
        return answer


def find_place(home: Path) -> Path:
    """Where the socket of the engine in `home` is."""
    try:
        return Path(os.fsdecode((home / PLACE_NAME).read_bytes()))
    except OSError:
        return home / SOCKET_NAME


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
