"""What settings must agree on with each other."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from howdah_receiver.errors import StartRefused

if TYPE_CHECKING:
    from howdah_receiver.settings.model import Settings


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # A socket for both families shows 127.0.0.1 as ::ffff:127.0.0.1.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def check(settings: Settings) -> None:
    """Raises StartRefused."""
    _certificate(settings)
    _public_url(settings)
    _network_in_the_clear(settings)


def _certificate(settings: Settings) -> None:
    if (settings.certificate_file is None) == (settings.key_file is None):
        return
    there, missing = (
        ("key_file", "certificate_file")
        if settings.certificate_file is None
        else ("certificate_file", "key_file")
    )
    raise StartRefused(
        f"The setting {there} is given ({settings.where(there)}), but not {missing}.",
        "Give both: a certificate and its key belong together.",
    )


def _public_url(settings: Settings) -> None:
    if settings.unix is not None and settings.public_url is None:
        raise StartRefused(
            f"The receiver listens on {settings.unix}, and public_url does not say what clients call it by.",
            "Set public_url to the proxy's address, such as https://files.example.org.",
        )
    url = settings.public_url or ""
    if url.startswith("http://") and not is_loopback(url[7:].rpartition(":")[0] or url[7:]):
        raise StartRefused(
            f"The setting public_url cannot be {url} ({settings.where('public_url')}): clients never send a "
            "token over a network in the clear.",
            "Give it an https address: the receiver's own TLS, or that of a proxy before it.",
        )


def _network_in_the_clear(settings: Settings) -> None:
    if settings.tls == "auto" or settings.unix or is_loopback(settings.host):
        return
    if not settings.trusted_proxies:
        raise StartRefused(
            f"Without TLS, nothing can listen on {settings.host}: tokens would cross a network in the clear.",
            "Leave tls at auto, listen on 127.0.0.1, or name the proxies before it with trusted_proxies.",
        )
