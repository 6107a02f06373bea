"""Tells the service manager how it stands (sd_notify(3)): one datagram of NAME=VALUE lines a change."""

from __future__ import annotations

import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def notify(*lines: str) -> bool:
    """Send to the socket of $NOTIFY_SOCKET: whether there is one that took it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket: a name without a file
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        try:
            door.connect(address)
            door.sendall("\n".join(lines).encode())
        except OSError:
            return False  # a manager that does not listen must not keep us from our work
    return True


def status(sentence: str) -> str:
    return f"STATUS={' '.join(sentence.split())}"


def watchdog_seconds() -> float | None:
    """How often to say that we live: half of what the manager allows; None if it does not ask."""
    pid, microseconds = os.environ.get("WATCHDOG_PID"), os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or not int(microseconds) or pid not in (None, str(os.getpid())):
        return None
    return int(microseconds) / 1e6 / 2
