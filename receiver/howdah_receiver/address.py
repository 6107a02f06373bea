"""What clients call this receiver by: its address, and the links that pair them with it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from howdah_receiver.settings import Settings
from howdah_receiver.tls import Tls

_EVERYWHERE = ("0.0.0.0", "::")
"""Addresses to listen on, and no addresses to go to."""


class Address:
    def __init__(self, settings: Settings, port: int, tls: Tls | None) -> None:
        self._settings = settings
        self._tls = tls
        self.url = settings.public_url or f"{'https' if tls else 'http'}://{self._here(port)}"

    def _here(self, port: int) -> str:
        host = self._settings.host
        if host in _EVERYWHERE:
            host = socket.gethostname()
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def link(self, code: str) -> str:
        """The pairing link for a code."""
        parts = urlsplit(self.url)
        place = parts.netloc if parts.port else f"{parts.netloc}:{_PORTS[parts.scheme]}"
        return f"howdah://{place}/pair?code={code}&{self._trust(parts.scheme)}"

    def _trust(self, scheme: str) -> str:
        """By what a client knows that it speaks to this receiver."""
        settings = self._settings
        if scheme == "http":
            return "tls=0"
        if settings.pin.startswith("sha256:"):
            return f"pin={settings.pin}"
        by_proxy = bool(settings.public_url and settings.trusted_proxies)
        if settings.pin == "off" or self._tls is None or by_proxy:
            return "tls=1"
        return f"pin=sha256:{self._tls.certificate.fingerprint}"

    def allowed_hosts(self) -> frozenset[str]:
        """Names that clients may call it by, beside addresses."""
        settings = self._settings
        own = {"localhost", socket.gethostname(), settings.host}
        public = urlsplit(self.url).hostname or ""
        return frozenset(host.lower() for host in {*own, public, *settings.allowed_hosts})


_PORTS = {"http": 80, "https": 443}
