"""One engine for each ledger: who holds the lock runs it, everyone after speaks to it over a local socket.

The socket lies in HOWDAH_HOME, which is its user's alone. Requests and answers are lines of JSON with a
version; paths are base64, as names need not be UTF-8. A connection may have one request at a time. Here is
what can be asked, and who asks; who answers is in `control_server`.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from howdah_common.problems import PROBLEMS, ProblemError
from howdah_desktop.engine.limit_rules import Limits
from howdah_desktop.engine.transfers import IfExists
from howdah_desktop.engine.views import (
    MOST_QUEUE_ROWS,
    ChunksView,
    FolderView,
    Freeing,
    Overview,
    QueueView,
    Snapshot,
    Withdrawn,
)
from howdah_desktop.folders.watched import FolderSettings
from howdah_desktop.freeing.how import FreeRule

Given = TypeVar("Given")

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
        ask_beyond: bool = False,
    ) -> int: ...

    def add_fetches(
        self, remotes: Sequence[str], to: bytes, if_exists: IfExists = IfExists.FAIL
    ) -> int: ...

    def pause(
        self,
        ids: Sequence[int] | None = None,
        roots: Sequence[int] = (),
        until: float | None = None,
    ) -> int: ...
    def next_up(self, ids: Sequence[int], roots: Sequence[int] = ()) -> int: ...
    def move_before(self, ids: Sequence[int], other: int, roots: Sequence[int] = ()) -> int: ...
    def move_last(self, ids: Sequence[int], roots: Sequence[int] = ()) -> int: ...
    def queue(self, limit: int = ...) -> QueueView: ...
    def set_limits(self, limits: Limits) -> None: ...
    def may_leave(self, wanted: int) -> int: ...
    def resume(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int: ...
    def cancel(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int: ...
    def remove(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int: ...
    def release(self, group: int) -> int: ...
    def withdraw(self, group: int) -> Withdrawn: ...
    def snapshot(
        self, since: int = 0, group: int | None = None, wait_seconds: float = 0.0
    ) -> Snapshot: ...
    def overview(
        self, since: int = 0, open_roots: Sequence[int] = (), wait_seconds: float = 0.0
    ) -> Overview: ...
    def chunks(self, id_: int) -> ChunksView | None: ...
    def nudge(self) -> None: ...
    def call_window(self, group: int | None = None) -> None: ...
    def look(self) -> None: ...
    def watch_add(
        self,
        local: bytes,
        target: str,
        mirror: bool = False,
        settings: FolderSettings | None = None,
    ) -> int: ...
    def watched(self) -> tuple[FolderView, ...]: ...
    def watch_remove(self, ids: Sequence[int]) -> int: ...
    def watch_pause(self, ids: Sequence[int], until: float | None = None) -> int: ...
    def watch_resume(self, ids: Sequence[int]) -> int: ...
    def watch_scan(self, ids: Sequence[int]) -> int: ...
    def watch_free(self, ids: Sequence[int], rule: FreeRule | None) -> int: ...
    def begin_freeing(self, freeing: Freeing) -> int: ...
    def end_freeing(self, id_: int, removed: bool) -> int: ...


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
    ask_beyond: bool = False
    ids: list[int] | None = None
    roots: list[int] = []
    since: int = 0
    group: int | None = None
    wait_seconds: float = 0.0
    mirror: bool = False
    watch: FolderSettings | None = None
    free: FreeRule | None = None
    until: float | None = None
    other: int = 0
    limit: int = 0
    limits: Limits | None = None
    freeing: Freeing | None = None
    removed: bool = False


class Answer(msgspec.Struct, omit_defaults=True):
    """A line from the engine: one of these."""

    number: int | None = None
    snapshot: Snapshot | None = None
    overview: Overview | None = None
    withdrawn: Withdrawn | None = None
    queue: QueueView | None = None
    chunks: ChunksView | None = None
    folders: tuple[FolderView, ...] | None = None
    code: str | None = None
    detail: str = ""


class _Line:
    """One connection, for one request at a time."""

    def __init__(self, home: Path) -> None:
        """Raises ProblemError("engine_unreachable")."""
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

    def ask(self, request: Request) -> Answer:
        """Raises ProblemError("engine_unreachable")."""
        try:
            self._socket.sendall(msgspec.json.encode(request) + b"\n")
            line = self._lines.readline(MOST_LINE_BYTES)
            if not line:
                raise ProblemError("engine_unreachable", "It has ended.")
            return msgspec.json.decode(line, type=Answer)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise ProblemError("engine_unreachable") from error


class RemoteEngine:
    """The engine of another process. For any thread: one that waits for an answer holds up no other."""

    def __init__(self, home: Path) -> None:
        """Raises ProblemError("engine_unreachable")."""
        self._home = home
        self._lock = threading.Lock()
        self._closed = False  # guarded by the lock
        self._free = [_Line(home)]  # guarded by the lock

    def close(self) -> None:
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for line in free:
            line.close()

    def add_sends(
        self,
        paths: Sequence[bytes],
        to: str = "",
        if_exists: IfExists = IfExists.VERSION,
        sha256: bool = False,
        ask_beyond: bool = False,
    ) -> int:
        return self._number(
            "add_sends",
            paths=list(paths),
            to=to,
            if_exists=if_exists,
            sha256=sha256,
            ask_beyond=ask_beyond,
        )

    def add_fetches(
        self, remotes: Sequence[str], to: bytes, if_exists: IfExists = IfExists.FAIL
    ) -> int:
        return self._number("add_fetches", remotes=list(remotes), folder=to, if_exists=if_exists)

    def pause(
        self,
        ids: Sequence[int] | None = None,
        roots: Sequence[int] = (),
        until: float | None = None,
    ) -> int:
        return self._order("pause", ids, roots, until=until)

    def next_up(self, ids: Sequence[int], roots: Sequence[int] = ()) -> int:
        return self._order("next_up", ids, roots)

    def move_before(self, ids: Sequence[int], other: int, roots: Sequence[int] = ()) -> int:
        return self._order("move_before", ids, roots, other=other)

    def move_last(self, ids: Sequence[int], roots: Sequence[int] = ()) -> int:
        return self._order("move_last", ids, roots)

    def queue(self, limit: int = MOST_QUEUE_ROWS) -> QueueView:
        return _given(self._ask("queue", limit=limit).queue)

    def set_limits(self, limits: Limits) -> None:
        self._ask("set_limits", limits=limits)

    def may_leave(self, wanted: int) -> int:
        return self._number("may_leave", limit=wanted)

    def resume(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int:
        return self._order("resume", ids, roots)

    def cancel(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int:
        return self._order("cancel", ids, roots)

    def remove(self, ids: Sequence[int] | None = None, roots: Sequence[int] = ()) -> int:
        return self._order("remove", ids, roots)

    def release(self, group: int) -> int:
        return self._number("release", group=group)

    def withdraw(self, group: int) -> Withdrawn:
        return _given(self._ask("withdraw", group=group).withdrawn)

    def snapshot(
        self, since: int = 0, group: int | None = None, wait_seconds: float = 0.0
    ) -> Snapshot:
        answer = self._ask("snapshot", since=since, group=group, wait_seconds=wait_seconds)
        return _given(answer.snapshot)

    def overview(
        self, since: int = 0, open_roots: Sequence[int] = (), wait_seconds: float = 0.0
    ) -> Overview:
        answer = self._ask(
            "overview", since=since, roots=list(open_roots), wait_seconds=wait_seconds
        )
        return _given(answer.overview)

    def chunks(self, id_: int) -> ChunksView | None:
        return self._ask("chunks", ids=[id_]).chunks

    def nudge(self) -> None:
        self._ask("nudge")

    def call_window(self, group: int | None = None) -> None:
        self._ask("call_window", group=group)

    def look(self) -> None:
        self._ask("look")

    def watch_add(
        self,
        local: bytes,
        target: str,
        mirror: bool = False,
        settings: FolderSettings | None = None,
    ) -> int:
        return self._number("watch_add", folder=local, to=target, mirror=mirror, watch=settings)

    def watched(self) -> tuple[FolderView, ...]:
        return _given(self._ask("watched").folders)

    def watch_remove(self, ids: Sequence[int]) -> int:
        return self._order("watch_remove", ids, ())

    def watch_pause(self, ids: Sequence[int], until: float | None = None) -> int:
        return self._order("watch_pause", ids, (), until=until)

    def watch_resume(self, ids: Sequence[int]) -> int:
        return self._order("watch_resume", ids, ())

    def watch_scan(self, ids: Sequence[int]) -> int:
        return self._order("watch_scan", ids, ())

    def watch_free(self, ids: Sequence[int], rule: FreeRule | None) -> int:
        return self._order("watch_free", ids, (), free=rule)

    def begin_freeing(self, freeing: Freeing) -> int:
        return self._number("begin_freeing", freeing=freeing)

    def end_freeing(self, id_: int, removed: bool) -> int:
        return self._number("end_freeing", ids=[id_], removed=removed)

    def _order(self, do: str, ids: Sequence[int] | None, roots: Sequence[int], **words: Any) -> int:
        ids = None if ids is None else list(ids)
        return self._number(do, ids=ids, roots=list(roots), **words)

    def _number(self, do: str, **words: Any) -> int:
        return _given(self._ask(do, **words).number)

    def _ask(self, do: str, **words: Any) -> Answer:
        line = self._line()
        try:
            answer = line.ask(Request(v=VERSION, do=do, **words))
        except ProblemError:
            line.close()  # an answer that comes late is to no question
            raise
        self._done_with(line)
        if answer.code == "interrupted":
            raise ProblemError("engine_unreachable", "It has just ended.")
        if answer.code is not None:
            code = answer.code if answer.code in PROBLEMS else "internal"
            raise ProblemError(code, answer.detail)
        return answer

    def _line(self) -> _Line:
        with self._lock:
            if self._closed:
                raise ProblemError("engine_unreachable")
            if self._free:
                return self._free.pop()
        return _Line(self._home)

    def _done_with(self, line: _Line) -> None:
        with self._lock:
            if not self._closed:
                self._free.append(line)
                return
        line.close()


def _given(answer: Given | None) -> Given:
    if answer is None:
        raise ProblemError("engine_unreachable", "It answers something else.")
    return answer


def find_place(home: Path) -> Path:
    """Where the socket of the engine in `home` is."""
    try:
        return Path(os.fsdecode((home / PLACE_NAME).read_bytes()))
    except OSError:
        return home / SOCKET_NAME
