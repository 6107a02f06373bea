"""The local door: the receiver's own commands speak to the running receiver through a socket in its data
folder, which only its user can enter. One JSON object a line, one answer each."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from howdah_receiver.errors import StartRefused

_NAME = "control.sock"
_SECONDS = 10


def _address(folder: int) -> str:
    # An address of a socket has at most 107 bytes; the way through the opened folder is always short.
    return f"/proc/self/fd/{folder}/{_NAME}"


class ControlServer:
    def __init__(self, folder: int, answer: Callable[[str], dict[str, Any]]) -> None:
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
            line = await asyncio.wait_for(reader.readline(), _SECONDS)
            command = str(json.loads(line).get("command"))
            writer.write(
                json.dumps(await asyncio.to_thread(self._answer, command)).encode() + b"\n"
            )
            await writer.drain()
        except (ValueError, AttributeError, TimeoutError, ConnectionError):
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


def ask(data: Path, command: str) -> dict[str, Any] | None:
    """What the receiver that runs on `data` answers; None if none runs. Raises StartRefused."""
    try:
        folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise StartRefused(
            f"This user may not use {data}.", "Run this as the receiver's user."
        ) from error
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(_address(folder))
            connection.sendall(json.dumps({"command": command}).encode() + b"\n")
            with connection.makefile("rb") as answer:
                found: dict[str, Any] = json.loads(answer.readline() or b"{}")
                return found
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    finally:
        os.close(folder)
