"""How a device comes to have a token: the link that a receiver prints, used once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from howdah_common.messages import Pair, Paired, encode
from howdah_common.problems import ProblemError
from howdah_desktop.remote.answers import clean
from howdah_desktop.remote.door import Door, check_address
from howdah_desktop.remote.paired import PairedReceiver

_CODE = re.compile(r"[A-Za-z0-9]{4}(-[A-Za-z0-9]{4}){2}")
_PIN = re.compile(r"sha256:([0-9a-fA-F]{64})")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}")
_TOKEN = re.compile(r"[\x21-\x7e]{20,500}")
MOST_DEVICE_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class PairingLink:
    address: str
    pin: str | None
    """As in `PairedReceiver`."""
    code: str = field(repr=False)


def parse_link(link: str) -> PairingLink:
    """`howdah://HOST:PORT/pair?code=XXXX-XXXX-XXXX&pin=sha256:HEX`; in place of the pin `&tls=1`
    (the authorities that this computer trusts vouch for the receiver) or `&tls=0` (plain http).

    Raises ProblemError("bad_link"), and "insecure_address" for `tls=0` with a host that is not
    this machine.
    """
    try:
        parts = urlsplit(link.strip())
        host, port = parts.hostname, parts.port
        query = parse_qs(parts.query, strict_parsing=True, max_num_fields=10)
    except ValueError as error:
        raise ProblemError("bad_link", "It cannot be read.") from error
    if parts.scheme != "howdah" or parts.path != "/pair":
        raise ProblemError("bad_link", "It does not have the form howdah://HOST:PORT/pair?...")
    if not host or not port or parts.username is not None or not _HOST.fullmatch(host):
        raise ProblemError("bad_link", "It names no host and port.")
    code = _only(query, "code")
    if code is None or not _CODE.fullmatch(code):
        raise ProblemError("bad_link", "It has no code of the form XXXX-XXXX-XXXX.")
    scheme, pin = _trust(query)
    shown_host = f"[{host}]" if ":" in host else host
    address = f"{scheme}://{shown_host}:{port}"
    check_address(address, pin)
    return PairingLink(address, pin, code)


def pair(link: str, device_name: str) -> PairedReceiver:
    """Use a pairing link up. Raises ProblemError.

    The code goes only to the receiver whose certificate the link names.
    """
    parsed = parse_link(link)
    name = clean(device_name, MOST_DEVICE_NAME_CHARACTERS)
    door = Door(parsed.address, parsed.pin, connections=1)
    try:
        body = encode(Pair(code=parsed.code, device_name=name))
        paired = door.ask("POST", "/pair", Paired, body=body)
    finally:
        door.close()
    if not _TOKEN.fullmatch(paired.token):
        raise ProblemError("answer_invalid", "Its token is not one.")
    return PairedReceiver(
        address=parsed.address,
        pin=parsed.pin,
        token=paired.token,
        device=clean(paired.device, 200),
        account=clean(paired.account, 200),
        receiver_name=clean(paired.receiver_name, 200),
        catalogue=clean(paired.catalogue, 200),
    )


def _trust(query: dict[str, list[str]]) -> tuple[str, str | None]:
    """Scheme and pin: what the link says of how to know the receiver."""
    pin, tls = _only(query, "pin"), _only(query, "tls")
    if "pin" not in query and tls in ("0", "1"):
        return ("http" if tls == "0" else "https"), None
    match = _PIN.fullmatch(pin or "")
    if match is None or tls == "0":
        raise ProblemError("bad_link", "It does not name the receiver's certificate.")
    return "https", match[1].lower()


def _only(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    return values[0] if len(values) == 1 else None
