"""Bracket expressions of ignore patterns (`[a-z]`, `[!0-9]`, `[[:digit:]]`), read as git reads them. Pure.

pathspec hands a bracket to `re` as it stands: escapes and POSIX classes mean something else there, `[[` and
`[a--b]` warn, a range that runs backwards raises, and `[!a]` takes a slash.
"""

from __future__ import annotations

_CLASSES = {
    "alnum": "09AZaz",
    "alpha": "AZaz",
    "blank": "  \t\t",
    "cntrl": "\x00\x1f\x7f\x7f",
    "digit": "09",
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "  \t\r",
    "upper": "AZ",
    "xdigit": "09AFaf",
}
"""First and last sign of each range, as in the C locale."""


class BadBracket(ValueError):
    """A bracket expression that git finds no match for, whatever the name; says why."""


def read_bracket(text: str, start: int) -> tuple[str, int]:
    """The regular expression for one sign that the bracket at text[start] takes, and where it ends.

    Follows git's wildmatch.c sign by sign: a `]` that comes first is a member, a `-` at either end is one,
    and no bracket takes a slash. Raises BadBracket.
    """
    at = start + 1
    negated = text[at : at + 1] in ("!", "^")
    if negated:
        at += 1
    ranges: list[tuple[str, str]] = []
    previous: str | None = None  # what a "-" would begin its range with
    first = True
    while first or text[at : at + 1] != "]":
        first = False
        if text.startswith("[:", at) and (found := _read_class(text, at)) is not None:
            members, at = found
            ranges += members
            previous = None
        elif previous and text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("", "]"):
            last, at = _read_sign(text, at + 1)
            ranges.append((previous, last))
            previous = None
        else:
            previous, at = _read_sign(text, at)
            ranges.append((previous, previous))
    return _expression(ranges, negated), at + 1


def _read_sign(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] == "\\":
        at += 1
    if at >= len(text):
        raise BadBracket("a [ is never closed")
    return text[at], at + 1


def _read_class(text: str, at: int) -> tuple[list[tuple[str, str]], int] | None:
    """None where the `[:` at `at` are two plain signs."""
    end = text.find("]", at + 2)
    if end < 0:
        raise BadBracket("a [ is never closed")
    if end - 1 < at + 2 or text[end - 1] != ":":
        return None
    name = text[at + 2 : end - 1]
    if name not in _CLASSES:
        raise BadBracket(f"[:{name}:] is no class of signs")
    ends = _CLASSES[name]
    return list(zip(ends[::2], ends[1::2], strict=True)), end + 1


def _expression(ranges: list[tuple[str, str]], negated: bool) -> str:
    members = "".join(
        f"\\U{ord(first):08x}-\\U{ord(last):08x}" for first, last in ranges if first <= last
    )
    if not members:  # nothing but ranges that run backwards
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{members}]"
