"""The socket that the receiver listens on."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings

_WAITING = 512
"""Connections that may wait to be accepted."""


def listen(settings: Settings) -> socket.socket:
    """Raises StartRefused."""
    if settings.unix is not None:
        return _on_socket(settings.unix)
    return _on_address(settings.host, settings.port)


def stop_listening(settings: Settings, listening: socket.socket) -> None:
    listening.close()
    if settings.unix is not None:
        settings.unix.unlink(missing_ok=True)


def _on_address(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_WAITING)
    except OSError as error:
        raise StartRefused(
            f"Nothing can listen on {host}, port {port}: {error.strerror}.",
            "Choose another address with --host, or another port with --port (0 for a free one).",
        ) from error
    return listening


def _on_socket(path: Path) -> socket.socket:
    """For its user and group: the proxy's user becomes a member of the group."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_left_over(path)
        # Bound with the rights that it keeps: between bind and chmod anybody could connect.
        mask = os.umask(0o117)
        try:
            listening.bind(os.fspath(path))
        finally:
            os.umask(mask)
        listening.listen(_WAITING)
    except OSError as error:
        listening.close()
        raise StartRefused(
            f"Nothing can listen on {path}: {error.strerror or error}.",
            "Name a path in a folder that the receiver's user may write to, of at most 107 bytes.",
        ) from error
    return listening


def _remove_left_over(path: Path) -> None:
    """A socket that nobody listens on any more, as a kill leaves it. Raises OSError for anything else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "something else is there")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another program listens there")
