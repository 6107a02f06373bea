"""Names of files as hashes: the same name is the same hash in one report, and another in the next. Pure."""

from __future__ import annotations

import hashlib
import json
import re

HASH_DIGITS = 8
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")
_FIELD = re.compile(r'\b(path|remote|detail)=("(?:[^"\\]|\\.)*")')
_TRACE = re.compile(r"Traceback \(most recent call last\).*", re.DOTALL)
_FRAME = re.compile(r'([A-Za-z_0-9]+\.py)\\?", line (\d+), in ([A-Za-z_0-9<>]+)')
_RAISED = re.compile(r"(?:\\n|\\x0a)([A-Za-z_][\w.]*)(?::|$)")


class Names:
    """Hides names, keyed so that nobody can try out what they might be."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes."""
        self._key = key

    def path(self, path: str) -> str:
        """Each part by itself, so that one sees what lies together; what a name ends with stays."""
        return "/".join(self._name(part) for part in path.split("/"))

    def _name(self, name: str) -> str:
        if name in ("", ".", "..", "~"):
            return name
        data = name.encode(errors="surrogateescape")
        digits = hashlib.blake2b(data, key=self._key, digest_size=HASH_DIGITS // 2).hexdigest()
        _, dot, suffix = name.rpartition(".")
        kept = f".{suffix}" if dot and _SUFFIX.fullmatch(f".{suffix}") else ""
        return digits + kept

    def line(self, line: str) -> str:
        """A line of the log: its fields are quoted; what else an error said is left out."""
        line = _TRACE.sub(_shortened, line)
        return _FIELD.sub(self._field, line)

    def _field(self, match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        if name == "detail":  # free text, which may name anything
            return "detail=<hidden>" if value != '""' else 'detail=""'
        try:
            text = str(json.loads(value))
        except ValueError:  # cut off, or escaped for a terminal
            text = value[1:-1]
        return f"{name}={json.dumps(self.path(text))}"


def _shortened(match: re.Match[str]) -> str:
    frames = ", ".join(f"{file}:{line} {where}" for file, line, where in _FRAME.findall(match[0]))
    raised = _RAISED.findall(match[0])
    return f"Traceback: {frames}: {raised[-1] if raised else '?'}"
