"""One line of ignore rules as a pattern. Pure.

pathspec turns the pattern into a regular expression: what its slashes and `**` mean. Here is what it does not
do as git does: spaces at the end, brackets, and that `a/**` leaves `a` itself alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from howdah_desktop.folders.brackets import BadBracket, read_bracket

_ENDS = "(?:(?P<ps_d>/)|$)"
"""How pathspec ends the expression of a pattern that names entries, and all that is in them."""
_STAND_INS = 0x100000
"""Signs from here on (a plane for private use) stand for what pathspec shall not see."""


class BadPattern(ValueError):
    """A line that cannot be understood; says why. git takes it as matching nothing."""


class Kind(Enum):
    """What the last step of a pattern asks of a name."""

    IS = "is"
    STARTS = "starts"
    ENDS = "ends"
    MATCHES = "matches"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A line that was understood. Paths are relative to the folder of its rules, and end with no slash."""

    text: str
    """As written, without what means nothing."""
    negated: bool
    only_folders: bool
    names_only: bool
    """It has no slash but at its end: every entry with such a name is meant, however deep."""
    kind: Kind
    name: str
    """By `kind`: the name, its beginning or its end, or a regular expression for all of it."""
    itself: re.Pattern[str]
    covering: re.Pattern[str]

    def matches(self, path: str, is_folder: bool) -> bool:
        """Whether it names the entry at `path`, not only something that holds it."""
        return (is_folder or not self.only_folders) and self.itself.search(path) is not None

    def covers(self, path: str, is_folder: bool) -> bool:
        """Whether it names the entry at `path` or a folder that holds it."""
        return self.covering.search(f"{path}/" if is_folder else path) is not None


def parse(line: str) -> Pattern | None:
    """None for a line that says nothing (blank, or a comment). Raises BadPattern."""
    if line.startswith("#"):
        return None
    text = _trimmed(line)
    if not text:
        return None
    negated = text.startswith("!")
    body = text[1:] if negated else text
    only_folders = body.endswith("/")
    body = body.removesuffix("/")
    names_only = "/" not in body
    steps = body.removeprefix("/")
    if not steps or any(step == "" for step in steps.split("/")):
        raise BadPattern("a step between two slashes is empty")
    signs = _Signs(steps)
    expression = _expression(("**/" if names_only else "/") + signs.text, signs)
    kind, name = signs.last_step()
    return Pattern(
        text,
        negated,
        only_folders,
        names_only,
        kind,
        name,
        re.compile(expression.replace(_ENDS, r"\Z"), re.DOTALL),
        re.compile(expression.replace(_ENDS, "/" if only_folders else r"(?:/|\Z)"), re.DOTALL),
    )


def _trimmed(line: str) -> str:
    """Without spaces at the end, unless a backslash keeps them (git's trim_trailing_spaces)."""
    end = len(line.rstrip(" "))
    backslashes = end - len(line[:end].rstrip("\\"))
    return line[: end + 1] if backslashes % 2 else line[:end]


def _expression(pattern: str, signs: _Signs) -> str:
    try:
        expression, _ = GitIgnoreSpecPattern.pattern_to_regex(pattern)
    except ValueError as error:
        raise BadPattern("it is no pattern") from error
    if expression is None:
        raise BadPattern("it is no pattern")
    return signs.without_stand_ins(expression)


@dataclass(frozen=True, slots=True)
class _Sign:
    """One sign of a pattern."""

    word: str
    """What pathspec gets."""
    expression: str
    plain: str = ""
    """The sign itself, if it stands for itself alone."""


_STAR = _Sign("*", "[^/]*")
_SLASH = _Sign("/", "/")


class _Signs:
    """The signs of a pattern, with stand-ins for brackets, and for blanks, which pathspec might cut off."""

    def __init__(self, body: str) -> None:
        self._stood_for: dict[str, str] = {}
        signs: list[_Sign] = []
        at = 0
        while at < len(body):
            sign, at = self._read(body, at)
            signs.append(sign)
        self.text = "".join(sign.word for sign in signs)
        slashes = [at for at, sign in enumerate(signs) if sign is _SLASH]
        self._last = signs[slashes[-1] + 1 :] if slashes else signs

    def _read(self, body: str, at: int) -> tuple[_Sign, int]:
        """The sign at `at`, and where the next one begins."""
        sign, end = body[at], at + 1
        if sign == "[":
            try:
                expression, end = read_bracket(body, at)
            except BadBracket as error:
                raise BadPattern(str(error)) from error
            return _Sign(self._stand_in(expression), expression), end
        if sign == "?":
            return _Sign(sign, "[^/]"), end
        if sign == "*":
            return _STAR, end
        if sign == "\\":
            if end == len(body):
                raise BadPattern(r"it ends with a backslash; write \\ for the sign itself")
            sign, end = body[end], end + 1
        if sign == "/":
            return _SLASH, end
        return self._plain(sign, body[at:end]), end

    def _plain(self, sign: str, word: str) -> _Sign:
        expression = re.escape(sign)
        if sign.isspace() or ord(sign) >= _STAND_INS:
            word = self._stand_in(expression)
        return _Sign(word, expression, sign)

    def _stand_in(self, expression: str) -> str:
        sign = chr(_STAND_INS + len(self._stood_for))
        self._stood_for[sign] = expression
        return sign

    def without_stand_ins(self, expression: str) -> str:
        return "".join(self._stood_for.get(sign, sign) for sign in expression)

    def last_step(self) -> tuple[Kind, str]:
        plain = "".join(sign.plain for sign in self._last)
        stars = [at for at, sign in enumerate(self._last) if sign is _STAR]
        if len(stars) == len(self._last):
            return Kind.ANY, ""
        if len(plain) + len(stars) == len(self._last):
            if not stars:
                return Kind.IS, plain
            if stars == [0]:
                return Kind.ENDS, plain
            if stars == [len(self._last) - 1]:
                return Kind.STARTS, plain
        return Kind.MATCHES, "".join(sign.expression for sign in self._last) + r"\Z"
