"""What settings hold, as people write it: sizes, spans of time, lists, addresses.

Each type knows, for whoever has written nonsense, what would have been right.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)")
_SIZES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": KIB, "mib": MIB, "gib": GIB, "tib": 1024 * GIB,
}  # fmt: skip
_TIMES = {
    "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "min": MINUTE, "minute": MINUTE, "minutes": MINUTE, "h": HOUR, "hour": HOUR, "hours": HOUR,
    "d": DAY, "day": DAY, "days": DAY, "w": 7 * DAY, "week": 7 * DAY, "weeks": 7 * DAY,
}  # fmt: skip
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:]+\]?")
_TYPE_PATTERN = re.compile(r"\.[^/\s]+|[\w.+*-]+/[\w.+*-]+")
_MODE = re.compile(r"0?o?[0-7]{3}")
_PIN = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Takes:
    """What a setting takes, to go on after "it takes"."""

    words: str


def _amount(value: Any, units: dict[str, int]) -> Any:
    """A number with its unit, as one of the unit 1. Raises ValueError."""
    if not isinstance(value, str):
        return value
    match = _AMOUNT.fullmatch(value.strip())
    if match is None or match[2].lower() not in units:
        raise ValueError
    number = float(match[1]) if "." in match[1] else int(match[1])
    amount = number * units[match[2].lower()]
    return int(amount) if isinstance(amount, float) and amount.is_integer() else amount


def _size(value: Any) -> Any:
    return _amount(value, _SIZES)


def _time(value: Any) -> Any:
    return _amount(value, _TIMES)


def _words(value: Any) -> Any:
    """From JSON, or from words between commas. Raises ValueError."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        return json.loads(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _hosts(value: Any) -> Any:
    """Raises ValueError."""
    words = _words(value)
    if any(isinstance(word, str) and not _HOST.fullmatch(word) for word in words):
        raise ValueError
    return words


def _type_patterns(value: Any) -> Any:
    """Raises ValueError."""
    words = _words(value)
    if any(isinstance(word, str) and not _TYPE_PATTERN.fullmatch(word) for word in words):
        raise ValueError
    return [word.lower() if isinstance(word, str) else word for word in words]


def _networks(value: Any) -> Any:
    """Raises ValueError."""
    return [ipaddress.ip_network(word, strict=False) for word in _words(value)]


def _mode(value: Any) -> Any:
    """Four octal digits. Not a number: TOML's 640 is not what `chmod 640` is. Raises ValueError."""
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        raise ValueError
    return f"0{value[-3:]}"


def _place(value: Any) -> Any:
    """Raises ValueError."""
    if isinstance(value, str) and not value:
        raise ValueError
    return Path(value).expanduser() if isinstance(value, str | Path) else value


def _address(value: Any) -> Any:
    """An address without a path, and without a slash at its end. Raises ValueError."""
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    port = parts.port  # a ValueError where it is none
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError
    if parts.path not in ("", "/") or parts.query or parts.fragment or port == 0:
        raise ValueError
    return f"{parts.scheme}://{parts.netloc}".lower()


def webhook(value: Any) -> Any:
    """A whole address, with its path and query. Raises ValueError."""
    if not isinstance(value, str):
        return value
    parts = urlsplit(value.strip())
    port = parts.port  # a ValueError where it is none
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError
    return value.strip()


def _pin(value: Any) -> Any:
    """Raises ValueError."""
    if isinstance(value, bool):  # TOML and people say so as well
        value = "auto" if value else "off"
    pin = value.lower() if isinstance(value, str) else value
    if pin not in ("auto", "off") and not _PIN.fullmatch(pin):
        raise ValueError
    return pin


Bytes = Annotated[int, BeforeValidator(_size), Takes("a size such as 512 MiB, 10 GB or 65536")]
Seconds = Annotated[
    float, BeforeValidator(_time), Takes("a span of time such as 15 min, 6 h, 30 d or 90 (seconds)")
]
WholeSeconds = Annotated[
    int, BeforeValidator(_time), Takes("a span of time such as 15 min, 6 h, 30 d or 90 (seconds)")
]
# NoDecode: the environment's words are ours to read, as JSON or between commas.
Words = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_words),
    Takes('words between commas, or a list: ["one", "two"]'),
]
Hosts = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_hosts),
    Takes('names between commas, or a list: ["one", "two"]'),
]
TypePatterns = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_type_patterns),
    Takes("media types and ends of names between commas, such as image/*, application/pdf or .exe"),
]
Networks = Annotated[
    tuple[Network, ...],
    NoDecode,
    BeforeValidator(_networks),
    Takes("addresses and networks between commas, such as 127.0.0.1, 10.0.0.0/8 or ::1"),
]
Mode = Annotated[str, BeforeValidator(_mode), Takes('a mode in octal, in quotes, such as "0640"')]
Place = Annotated[Path, BeforeValidator(_place), Takes("a path")]
Address = Annotated[
    str, BeforeValidator(_address), Takes("an address such as https://files.example.org")
]
WEBHOOK = Takes("an http or https address")
Pin = Annotated[
    str, BeforeValidator(_pin), Takes("auto, off or sha256: and the 64 digits of a certificate's SHA-256")
]  # fmt: skip
