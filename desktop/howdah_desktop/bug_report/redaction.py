"""What a report must not tell, replaced by what stands for it: the same by the same word. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

_CODE = re.compile(r"\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2}\b")
_BEARER = re.compile(r"(Bearer\s+)[^\s'\"]+", re.IGNORECASE)
_LINK_SECRET = re.compile(r"(/s/)[A-Za-z0-9_-]{8,}")
_URL_HOST = re.compile(r"\b((?:https?|howdah)://)(\[[^\]\s]*\]|[^\s/:?#'\"<>]+)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HOME = re.compile(r"(/(?:home|Users)/)([^/\s\"']+)")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{3,}(?:%\w+)?(?![\w:])")


class Redactor:
    """Replaces what is `known` word by word, and what looks like a secret, a host or an address."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """`known`: what must not be told -> what stands for it; the longest is looked for first."""
        words = sorted((word for word in known if word), key=len, reverse=True)
        self._known = dict(known)
        # No part of another word: a user called "al" is not in "all".
        parts = (rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])" for word in words)
        self._words = re.compile("|".join(parts)) if words else None
        self._stands_for: dict[tuple[str, str], str] = {}

    def text(self, text: str) -> str:
        if self._words is not None:
            text = self._words.sub(lambda match: self._known[match[0]], text)
        text = _CODE.sub("<code>", text)
        text = _BEARER.sub(r"\1<token>", text)
        text = _LINK_SECRET.sub(r"\1<secret>", text)
        text = _URL_HOST.sub(lambda match: match[1] + self._host(match[2]), text)
        text = _EMAIL.sub(lambda match: self._placeholder("email", match[0]), text)
        text = _HOME.sub(lambda match: match[1] + self._placeholder("user", match[2]), text)
        text = _IPV4.sub(lambda match: self._address(match[0]), text)
        return _IPV6.sub(lambda match: self._address(match[0]), text)

    def _host(self, host: str) -> str:
        if host == "localhost" or self._is_this_machine(host.strip("[]")):
            return host
        return self._placeholder("host", host)

    def _address(self, text: str) -> str:
        try:
            ipaddress.ip_address(text.partition("%")[0])
        except ValueError:  # a time of day, or a version
            return text
        return text if self._is_this_machine(text) else self._placeholder("address", text)

    @staticmethod
    def _is_this_machine(text: str) -> bool:
        """Which tells nothing about anybody."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        return address.is_loopback or address.is_unspecified

    def _placeholder(self, kind: str, what: str) -> str:
        number = sum(1 for one, _ in self._stands_for if one == kind) + 1
        return self._stands_for.setdefault((kind, what), f"<{kind}-{number}>")
