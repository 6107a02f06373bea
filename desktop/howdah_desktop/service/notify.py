"""Tells the service manager how it stands (sd_notify(3)): one datagram of NAME=VALUE lines a change."""

from __future__ import annotations

import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(*lines: str) -> bool:
    """Send to the socket of $NOTIFY_SOCKET: whether there is one that took it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@") or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket: a name without a file
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        try:
            door.connect(address)
            door.sendall("\n".join(lines).encode(errors="replace"))
        except OSError:
            return False  # a manager that does not listen must not keep us from our work
    return True


def status(sentence: str) -> str:
    return f"STATUS={' '.join(sentence.split())}"
