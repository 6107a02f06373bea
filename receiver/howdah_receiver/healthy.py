"""Whether the receiver that these settings describe answers: for containers and monitors."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from howdah_receiver.tls import is_spoken

SECONDS = 5
_NEAR = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def why_not(settings: Settings) -> str:
    """Why it does not answer; empty if it does. Raises StartRefused where nobody knows what to ask."""
    if settings.unix is None and settings.port == 0:
        raise StartRefused(
            "A receiver on a free port (port 0) cannot be asked by its settings.",
            "Give it a port.",
        )
    connection = _connection(settings)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return "" if status == 200 else f"it answers {status}"


def _connection(settings: Settings) -> http.client.HTTPConnection:
    if settings.unix is not None:
        return _OnSocket(settings.unix)
    host = _NEAR.get(settings.host, settings.host)
    if not is_spoken(settings):
        return http.client.HTTPConnection(host, settings.port, timeout=SECONDS)
    # No secret is sent, and it may call itself otherwise: whether it answers is all there is to know.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=SECONDS, context=context)


class _OnSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(str(self._path))
