"""The local door: the receiver's own commands speak to the running receiver through a socket in its data
folder, which only its user can enter. One JSON object a line: a command with its arguments, then what it
tells, line by line, and an empty object at the end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

from howdah_receiver.errors import StartRefused

_NAME = "control.sock"
_SECONDS = 10


def _address(folder: int) -> str:
    # An address of a socket has at most 107 bytes; the way through the opened folder is always short.
    return f"/proc/self/fd/{folder}/{_NAME}"


Line = dict[str, Any]
Told = Generator[Line, None, None]
Answer = Callable[[str, Mapping[str, Any]], Iterable[Line]]


class ControlServer:
    def __init__(self, folder: int, answer: Answer) -> None:
        """`folder`: descriptor of the data folder. `answer` is called, in a thread, with each command."""
        self._folder = folder
        self._answer = answer
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        # Whoever left it is gone: the folder's lock is ours.
        self._remove()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(_address(self._folder))
        os.chmod(_NAME, 0o600, dir_fd=self._folder)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await asyncio.wait_for(reader.readline(), _SECONDS))
            lines = iter(self._answer(str(asked["command"]), asked.get("arguments", {})))
            while (line := await asyncio.to_thread(next, lines, None)) is not None:
                writer.write(json.dumps(line).encode() + b"\n")
                await writer.drain()
            writer.write(b"{}\n")
            await writer.drain()
        except (ValueError, KeyError, AttributeError, TypeError, TimeoutError, ConnectionError):
            pass  # whoever spoke nonsense, or went away, gets nothing
        finally:
            writer.close()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._remove()

    def _remove(self) -> None:
        try:
            os.unlink(_NAME, dir_fd=self._folder)
        except FileNotFoundError:
            pass


def is_running(data: Path) -> bool:
    """Whether a receiver works on `data`. Raises StartRefused."""
    connection = _connect(data)
    if connection is not None:
        connection.close()
    return connection is not None


def ask(data: Path, command: str, arguments: Mapping[str, Any]) -> Told | None:
    """What the receiver that runs on `data` tells, line by line; None if none runs.

    Raises StartRefused, also where it went away before it had told everything.
    """
    connection = _connect(data)
    return None if connection is None else _lines(connection, command, arguments)


def _lines(connection: socket.socket, command: str, arguments: Mapping[str, Any]) -> Told:
    with connection, connection.makefile("rb") as answer:
        asked = {"command": command, "arguments": dict(arguments)}
        connection.sendall(json.dumps(asked).encode() + b"\n")
        for line in answer:
            found: Line = json.loads(line)
            if not found:
                return
            yield found
    raise StartRefused("The receiver went away.", "See its log, then try again.")


def _connect(data: Path) -> socket.socket | None:
    try:
        folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise StartRefused(
            f"This user may not use {data}.", "Run this as the receiver's user."
        ) from error
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(_address(folder))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(folder)
    return connection
