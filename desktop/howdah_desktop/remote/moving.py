"""A receiver that now answers elsewhere: the same one, known by its catalogue, under another address."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from howdah_common.problems import ProblemError
from howdah_desktop.remote.paired import PairedReceiver
from howdah_desktop.remote.receiver import Receiver


def new_address(text: str, paired: PairedReceiver) -> str:
    """`https://nas:8484`; what is left out of it is as in the address that is paired with.

    Raises ValueError where it is no address.
    """
    before = urlsplit(paired.address)
    whole = "://" in text
    parts = urlsplit(text.strip() if whole else f"{before.scheme}://{text.strip()}")
    port = parts.port  # a ValueError where it is none
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(text)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(text)
    if port is None:
        usual = {"http": 80, "https": 443}[parts.scheme]
        port = usual if whole else before.port
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def moved(paired: PairedReceiver, address: str) -> PairedReceiver:
    """The pairing with its receiver at `address`, once that has answered for itself.

    The token goes only to whoever shows the certificate that was paired with. Raises ProblemError:
    certificate_changed, certificate_untrusted, insecure_address, not_signed_in, other_receiver,
    offline and what else a request may.
    """
    there = replace(paired, address=address)
    receiver = Receiver(there, connections=1)
    try:
        receiver.list("", per_page=1)
        found = receiver.catalogue
    finally:
        receiver.close()
    if found != paired.catalogue:
        raise ProblemError("other_receiver")
    return there
