"""A network link with a rate, a round trip and faults: a TCP proxy on loopback, in front of one port.

It runs an event loop in a thread of its own. All methods may be called from any thread::

    with FaultyLink(receiver.port, rate_bytes_per_second=500_000) as link:
        client.send_to(link.port)
        link.wait_for(lambda: link.up_bytes > 1_000_000)
        link.cut()

"Up" is from the client to the target. Bytes count as carried when they were sent onward. TLS passes as
bytes; what looks into requests (``drop_answer``, ``before_request``, ``requests``) needs plain HTTP.

How the shaping works: all connections share one clock for each direction. A block takes its place on
it, leaves when its last byte has passed, and arrives half a round trip later. Reading stops while that
clock is ``SLACK_SECONDS`` ahead, so what the proxy holds is what a real link would have under way.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from kit.http_requests import answer_has_begun
from kit.link_parts import (
    Carried,
    Connection,
    Direction,
    Pipe,
    close_with_reset,
    ended,
    small_buffers,
    wait,
)

SLACK_SECONDS = 0.02
BLOCK_BYTES = 64 * 1024
UNSHAPED_BUFFER_BYTES = 4 * 1024 * 1024  # under way in one direction when there is no rate

T = TypeVar("T")
Predicate = Callable[[str, str], bool]


class FaultyLink:
    """A link to ``target_port`` on loopback; listens on ``port`` from ``start`` (or ``with``) to ``stop``."""

    def __init__(
        self,
        target_port: int,
        *,
        rate_bytes_per_second: float | None = None,
        down_bytes_per_second: float | None = None,
        round_trip_seconds: float = 0.0,
        cut_every_seconds: float | None = None,
    ) -> None:
        # These four may be changed at any time. Without a rate of its own, down is as fast as up.
        self.rate_bytes_per_second = rate_bytes_per_second
        self.down_bytes_per_second = down_bytes_per_second
        self.round_trip_seconds = round_trip_seconds
        self.target_port = target_port

        self.up_bytes = 0
        self.down_bytes = 0
        self.cuts = 0
        self.answers_dropped = 0
        self.connections: list[Carried] = []
        self.requests: list[tuple[str, str]] = []

        self._cut_every = cut_every_seconds
        self._cutter: asyncio.Task[None] | None = None
        self._cut_at: int | None = None
        self._flips: set[int] = set()
        self._drops: list[tuple[Predicate, int]] = []
        self._before_request: Callable[[str, str], None] | None = None
        self._directions = {True: Direction(), False: Direction()}
        self._open: set[Connection] = set()
        self._news = threading.Condition()

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._passing = asyncio.Event()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.port = 0

    # --- start and stop ---

    def start(self) -> FaultyLink:
        self._thread.start()
        self._passing.set()
        self.accept()
        self.cut_every(self._cut_every)
        return self

    def stop(self) -> None:
        """Cuts what is open and closes the port."""
        self.cut_every(None)
        self.refuse()
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> FaultyLink:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # --- faults ---

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def cut(self) -> None:
        """Resets every open connection (RST to both ends); new ones are taken."""
        self._do(self._cut_all())

    def cut_every(self, seconds: float | None) -> None:
        """Cuts again and again, from now on; None ends that."""
        self._do(self._set_cutter(seconds))

    def cut_after_bytes(self, count: int) -> None:
        """Cuts once, when exactly ``count`` more bytes have been sent up."""
        self._do(self._set_cut(count))

    def drop_answer(self, predicate: Predicate, times: int = 1) -> None:
        """Loses the answers to the next ``times`` requests for which ``predicate(method, path)`` holds.

        The target gets the whole request; when its answer begins, the connection is cut instead.
        ``answers_dropped`` counts them.
        """
        self._drops.append((predicate, times))

    def before_request(self, hook: Callable[[str, str], None] | None) -> None:
        """Calls ``hook(method, path)``, in another thread, before the end of each request's head goes on.

        The connection waits for it: the place to restart a receiver between any two requests.
        """
        self._before_request = hook

    def flip_byte(self, offset: int) -> None:
        """Turns over the lowest bit of the byte at ``offset`` of all that is sent up."""
        self._flips.add(offset)

    def refuse(self) -> None:
        """New connections are refused; open ones stay."""
        self._do(self._close_listener())

    def accept(self) -> None:
        """New connections are taken again, on the same port."""
        self._do(self._open_listener())

    def blackhole(self, on: bool = True) -> None:
        """Nothing passes any more, and nobody is told. With ``False`` it goes on where it stopped."""
        self._loop.call_soon_threadsafe(self._passing.clear if on else self._passing.set)

    def retarget(self, port: int) -> None:
        """New connections go to another port. Open ones stay."""
        self.target_port = port

    def wait_for(self, condition: Callable[[], bool], timeout_seconds: float = 30) -> None:
        """:raises TimeoutError: ``condition()`` did not become true in time"""
        with self._news:
            if not self._news.wait_for(condition, timeout_seconds):
                raise TimeoutError(f"after {timeout_seconds} s: {self.up_bytes} bytes up")

    # --- inside the loop ---

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    async def _open_listener(self) -> None:
        if self._listener is not None:
            return
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        small_buffers(self._listener)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(256)
        self.port = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept_all(self._listener))

    async def _close_listener(self) -> None:
        if self._listener is None or self._accepting is None:
            return
        await ended(self._accepting)
        self._listener.close()
        self._listener = None

    async def _accept_all(self, listener: socket.socket) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            small_buffers(client)
            connection = Connection(client, Carried())
            self.connections.append(connection.carried)
            self._open.add(connection)
            connection.task = asyncio.create_task(self._serve(connection))
            self._tell()

    async def _set_cutter(self, seconds: float | None) -> None:
        if self._cutter is not None:
            await ended(self._cutter)
        self._cutter = asyncio.create_task(self._cut_again(seconds)) if seconds else None

    async def _set_cut(self, count: int) -> None:
        self._cut_at = self.up_bytes + count

    async def _cut_again(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._cut_all()

    async def _cut_all(self) -> None:
        tasks = [connection.task for connection in self._open if connection.task]
        self.cuts += 1
        for connection in list(self._open):
            self._reset(connection)
        await asyncio.gather(*map(ended, tasks))
        self._tell()

    def _reset(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection.task is not None:
            connection.task.cancel()
        for end in (connection.client, connection.target):
            if end is not None and end.fileno() >= 0:
                self._loop.remove_reader(end)
                self._loop.remove_writer(end)
                close_with_reset(end)

    async def _serve(self, connection: Connection) -> None:
        try:
            await self._passing.wait()
            target = connection.target = socket.socket()
            small_buffers(target)
            target.setblocking(False)
            await self._loop.sock_connect(target, ("127.0.0.1", self.target_port))
            # A real client has its first byte under way one round trip after its SYN.
            await asyncio.sleep(self.round_trip_seconds)
            up = Pipe(connection.client, target, upward=True)
            down = Pipe(target, connection.client, upward=False)
            ways = [self._read(up, connection), self._write(up, connection)]
            ways += [self._read(down, connection), self._write(down, connection)]
            async with asyncio.TaskGroup() as group:
                for way in ways:
                    group.create_task(way)
            # Both ends have said goodbye, and heard it.
            for end in (connection.client, target):
                end.close()
            self._open.discard(connection)
        except* OSError:
            pass  # one end has reset, or was never there: the finally tells the other
        finally:
            if connection in self._open:
                connection.task = None  # this one: it ends by itself
                self._reset(connection)
            self._tell()

    async def _read(self, pipe: Pipe, connection: Connection) -> None:
        way = self._directions[pipe.upward]
        while True:
            rate = self._rate(pipe)
            await self._room(pipe, way, rate)
            # Small blocks on a slow link: shares stay fair, and counts fine-grained.
            size = BLOCK_BYTES if rate is None else max(1024, min(BLOCK_BYTES, int(rate / 100)))
            block = await self._loop.sock_recv(pipe.source, size)
            if not pipe.upward and connection.answer_is_lost and answer_has_begun(block):
                self.answers_dropped += 1
                raise ConnectionResetError("the answer is lost")
            due = way.place(len(block), self._loop.time(), self._rate(pipe))
            pipe.blocks.append((due + self.round_trip_seconds / 2, block))
            pipe.held_bytes += len(block)
            pipe.changed.set()
            if not block:
                return

    def _rate(self, pipe: Pipe) -> float | None:
        if pipe.upward or self.down_bytes_per_second is None:
            return self.rate_bytes_per_second
        return self.down_bytes_per_second

    async def _room(self, pipe: Pipe, way: Direction, rate: float | None) -> None:
        """Waits until the link and this connection's share of it can take another block."""
        while True:
            await self._passing.wait()
            ahead = way.taken_until - self._loop.time() if rate is not None else 0.0
            if rate is None:
                most: float = UNSHAPED_BUFFER_BYTES if self.round_trip_seconds else 2 * BLOCK_BYTES
            else:
                most = rate * (self.round_trip_seconds / 2 + SLACK_SECONDS) + BLOCK_BYTES
            if ahead > SLACK_SECONDS:
                await asyncio.sleep(ahead - SLACK_SECONDS)
            elif pipe.held_bytes > most:
                await wait(pipe.changed)
            else:
                return

    async def _write(self, pipe: Pipe, connection: Connection) -> None:
        while True:
            while not pipe.blocks:
                await wait(pipe.changed)
            due, block = pipe.blocks[0]
            early = due - self._loop.time()
            if early > 0:
                await asyncio.sleep(early)
            await self._passing.wait()
            if not block:
                pipe.sink.shutdown(socket.SHUT_WR)
                return
            if pipe.upward:
                await self._look(block, connection)
            await self._send(pipe, block, connection.carried)
            pipe.blocks.popleft()
            pipe.held_bytes -= len(block)
            pipe.changed.set()
            self._tell()

    async def _look(self, block: bytes, connection: Connection) -> None:
        for method, path in connection.scanner.feed(block):
            self.requests.append((method, path))
            if self._before_request is not None:
                await self._loop.run_in_executor(None, self._before_request, method, path)
            for number, (predicate, left) in enumerate(self._drops):
                if left and predicate(method, path):
                    self._drops[number] = (predicate, left - 1)
                    connection.answer_is_lost = True
                    break

    async def _send(self, pipe: Pipe, block: bytes, carried: Carried) -> None:
        """Looks for faults, sends and counts in one step, so that they strike at the exact byte."""
        rest = memoryview(block)
        while rest:
            piece = rest
            if pipe.upward:
                piece = self._faults(rest)
            try:
                sent = pipe.sink.send(piece)
            except BlockingIOError:
                await self._writable(pipe.sink)
                continue
            rest = rest[sent:]
            if not pipe.upward:
                self.down_bytes += sent
                carried.down += sent
                continue
            self.up_bytes += sent
            carried.up += sent
            if self.up_bytes == self._cut_at:
                self._cut_at = None
                self._loop.create_task(self._cut_all())
                await asyncio.Future()  # until the cut cancels this

    def _faults(self, rest: memoryview) -> memoryview:
        if self._cut_at is not None:
            rest = rest[: self._cut_at - self.up_bytes]
        here = [at for at in self._flips if self.up_bytes <= at < self.up_bytes + len(rest)]
        if here:
            wrong = bytearray(rest)
            for at in here:
                wrong[at - self.up_bytes] ^= 1
            return memoryview(wrong)
        return rest

    async def _writable(self, sink: socket.socket) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(sink, _wake, ready)
        try:
            await ready
        finally:
            if sink.fileno() >= 0:
                self._loop.remove_writer(sink)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
