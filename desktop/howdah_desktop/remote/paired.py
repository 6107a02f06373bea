"""A pairing, as it is kept. Without HTTP, which takes long to import, for who only wants to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PairedReceiver:
    """A receiver that knows this device."""

    address: str
    """Base URL, `https://HOST:PORT`, without a slash at its end."""
    pin: str | None
    """SHA-256 of its certificate, 64 hex digits. None: over https, an authority that this computer
    trusts vouches for it; over http it is on loopback."""
    token: str = field(repr=False)
    device: str
    account: str
    receiver_name: str
    catalogue: str
