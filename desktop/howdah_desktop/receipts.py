"""What a receiver confirms to have, as lines that `sha256sum -c` checks. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

_ESCAPES = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r"}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who confirms, and when (seconds since 1970)."""

    receiver_name: str
    address: str
    pin: str | None
    """SHA-256 of its certificate, hex; None: authorities vouch for it, or it is this machine."""
    account: str
    at: float


@dataclass(frozen=True, slots=True)
class Received:
    """A version that stands at the receiver."""

    sha256: str
    path: str
    """The local file, as it is to be checked; surrogateescape for what is not UTF-8."""
    remote: str
    space: str
    version: str
    size: int
    added_ns: int


def head(issuer: Issuer) -> bytes:
    """Comments: sha256sum passes over lines that begin with #."""
    certificate = f"\n# Certificate: sha256:{issuer.pin}" if issuer.pin else ""
    return (
        f"# Howdah receipt of {_time(issuer.at)}\n"
        f"# Receiver: {_one_line(issuer.receiver_name)} at {_one_line(issuer.address)}"
        f"{certificate}\n"
        f"# Account: {_one_line(issuer.account)}\n"
        "# The digests are those of the receiver. Check the files with: sha256sum -c THIS_FILE\n"
    ).encode()


def entry(received: Received) -> bytes:
    """A comment and the line of one file."""
    since = _time(received.added_ns / 1e9)
    told = (
        f"# {_one_line(received.remote)}: space {received.space}, version {received.version},"
        f" {received.size} bytes, there since {since}\n"
    )
    return told.encode() + line(received.sha256, received.path)


def line(sha256: str, path: str) -> bytes:
    """As sha256sum writes it: where a name needs escapes, the line begins with a backslash."""
    escaped = path.translate(_ESCAPES)
    mark = "\\" if escaped != path else ""
    return f"{mark}{sha256}  {escaped}\n".encode(errors="surrogateescape")


def _one_line(text: str) -> str:
    """A line break in a name would end the comment, and begin a line that counts."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
