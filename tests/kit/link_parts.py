"""What a link is made of: connections, their two ways, and the sockets at their ends."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass, field

from kit.http_requests import RequestScanner

SOCKET_BUFFER_BYTES = 128 * 1024  # of each socket, each way; the kernel doubles it


@dataclass(slots=True)
class Carried:
    """How many bytes one connection has carried."""

    up: int = 0
    down: int = 0


@dataclass(slots=True)
class Direction:
    """One way of the link: the time until which it is taken."""

    taken_until: float = 0.0

    def place(self, size: int, now: float, rate: float | None) -> float:
        """When the last byte of a block that comes now has passed."""
        if rate is None:
            return now
        self.taken_until = max(now, self.taken_until) + size / rate
        return self.taken_until


@dataclass(slots=True)
class Pipe:
    """One way of one connection: what is under way in it."""

    source: socket.socket
    sink: socket.socket
    upward: bool
    blocks: deque[tuple[float, bytes]] = field(default_factory=deque)
    held_bytes: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False, slots=True)
class Connection:
    client: socket.socket
    carried: Carried
    target: socket.socket | None = None
    task: asyncio.Task[None] | None = None
    scanner: RequestScanner = field(default_factory=RequestScanner)
    answer_is_lost: bool = False


def small_buffers(end: socket.socket) -> None:
    end.setblocking(False)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)


async def wait(changed: asyncio.Event) -> None:
    changed.clear()
    await changed.wait()


async def ended(task: Awaitable[None]) -> None:
    if isinstance(task, asyncio.Task):
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def close_with_reset(end: socket.socket) -> None:
    """SO_LINGER of 0 s: what was not yet sent is dropped, and the peer gets an RST."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
