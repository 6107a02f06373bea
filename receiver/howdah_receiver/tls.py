"""TLS as the receiver speaks it: one context for all connections, which takes up a renewed certificate."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import NoReturn

from howdah_receiver.certificate import (
    Certificate,
    certificate_given,
    certificate_in,
    load,
    others_may_read,
)
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from howdah_receiver.settings.agreement import is_loopback

LOOK_SECONDS = 30
"""So often are given files looked at."""
_log = logging.getLogger(__name__)

Stamp = tuple[tuple[int, int, int], ...]


def is_spoken(settings: Settings) -> bool:
    """Whether the receiver speaks TLS itself."""
    if settings.tls == "off" or settings.unix is not None:
        return False
    return settings.certificate_file is not None or not is_loopback(settings.host)


def is_given(settings: Settings) -> bool:
    """Whether the owner has named a certificate."""
    return settings.certificate_file is not None


class Tls:
    """Raises StartRefused where the certificate cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._given = (settings.certificate_file, settings.key_file)
        self._stamp = self._look()
        self.certificate = self._certificate(settings)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        load(self.context, self.certificate.certificate_file, self.certificate.key_file)

    def _certificate(self, settings: Settings) -> Certificate:
        certificate_file, key_file = self._given
        if certificate_file is None or key_file is None:
            return certificate_in(settings.data, settings.host)
        found = certificate_given(certificate_file, key_file)
        if others_may_read(key_file):
            _log.warning("every user may read the key %s: chmod 600 it, or 640", key_file)
        return found

    def take_up_renewed(self) -> None:
        """Show what now lies in the given files, if it changed and can be used."""
        certificate_file, key_file = self._given
        if certificate_file is None or key_file is None:
            return
        stamp = self._look()
        if stamp == self._stamp:
            return
        try:
            # A look at both first: half of a new pair must not take the place of the old one.
            found = certificate_given(certificate_file, key_file)
            load(self.context, certificate_file, key_file)
        except StartRefused as refused:
            # Whoever renews writes one file after the other: the next look finds both.
            _log.warning("the certificate stays as it was: %s %s", refused.sentence, refused.remedy)
            return
        self._stamp, self.certificate = stamp, found
        _log.info("the certificate is now sha256:%s", found.fingerprint)

    async def watch(self) -> NoReturn:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.take_up_renewed)

    def _look(self) -> Stamp:
        return tuple(_stamp(path) for path in self._given if path is not None)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()  # of what a link leads to: those who renew often change a link
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)
