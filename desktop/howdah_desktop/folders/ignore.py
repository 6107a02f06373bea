"""Which entries of a watched folder are left out, and by which rule. Pure.

The syntax is that of .gitignore (https://git-scm.com/docs/gitignore). Rules come from four sources, and where
several name an entry, the last one holds: the defaults, the folder's own rules, then the files named
`.howdahignore` from the root downwards, each for the folder that it stands in. Nothing is looked up in a
folder that is left out, so that no rule in or about it takes anything back. Beside them stands *only*: files
that it does not name are left out, whatever the rules say.

Names that are not UTF-8 come as `os.fsdecode` gives them, and so should the text of the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from howdah_desktop.folders.default_rules import DEFAULTS, OURS
from howdah_desktop.folders.names import NameFilter
from howdah_desktop.folders.patterns import BadPattern, Kind, Pattern, parse
from howdah_desktop.folders.rule import Rule

IGNORE_FILE = ".howdahignore"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A pattern, where it was written, and for which folder it holds."""

    pattern: Pattern
    rule: Rule
    base: str = ""
    """"" or a folder with a slash at its end."""

    def matches(self, path: str, is_folder: bool) -> bool:
        if self.base:
            if not path.startswith(self.base):
                return False
            path = path[len(self.base) :]
        return self.pattern.matches(path, is_folder)


class Ignore:
    """The rules for the entries of one folder, and of those below it that bring none of their own.

    Immutable: any number of threads may use it.
    """

    __slots__ = ("_any_name", "_filter", "_folder", "_only", "_rules")

    def __init__(self, rules: tuple[_Entry, ...], only: _Only | None) -> None:
        self._rules = rules
        self._only = only
        # What no positive pattern names is not left out: the others need not be asked.
        leaving_out = [entry for entry in rules if not entry.pattern.negated]
        self._filter = NameFilter(entry.pattern for entry in leaving_out)
        self._any_name = tuple(e for e in leaving_out if e.pattern.kind is Kind.ANY)
        self._folder: tuple[str, bool] | None = None

    @classmethod
    def of(
        cls, own: Sequence[str] = (), only: Sequence[str] = (), *, defaults: bool = True
    ) -> Self:
        """`own`: lines, as in a file. `only`: patterns; those that cannot be understood limit nothing."""
        rules = [*_entries("default", DEFAULTS if defaults else ()), *_entries("settings", own)]
        # Last, so that nothing takes them back; but those of nested files come after them: see `within`.
        return cls((*rules, *_OURS), _Only(only) if _patterns(only) else None)

    def within(self, folder: str, text: str | None) -> Self:
        """The rules for the entries of `folder` ("" for the root, else "a/b"), given those that hold for it
        as an entry, and the text of its own .howdahignore (None: it has none)."""
        if text is None:
            return self
        base = f"{folder}/" if folder else ""
        found = _entries(base + IGNORE_FILE, lines_of(text), base)
        if not found:
            return self
        rules = self._rules[: -len(_OURS)]
        return type(self)((*rules, *found, *_OURS), self._only)

    def rule_for(self, folder: str, name: str, is_dir: bool) -> Rule | None:
        """The rule that leaves out the entry `name` of `folder`; None: it is not left out."""
        if self._filter.may_mean(name) or (self._any_name and self._takes_any_name(folder)):
            path = f"{folder}/{name}" if folder else name
            for entry in reversed(self._rules):
                if entry.matches(path, is_dir):
                    if entry.pattern.negated:
                        break
                    return entry.rule
        if self._only is not None and not is_dir and not self._only.names(folder, name):
            return self._only.rule
        return None

    def _takes_any_name(self, folder: str) -> bool:
        """Whether a pattern such as `a/*` may mean what is in `folder`. Remembers the last answer."""
        last = self._folder
        if last is None or last[0] != folder:
            # No such pattern looks at the name, so that any name will do; folders match whatever files do.
            path = f"{folder}/x" if folder else "x"
            last = folder, any(entry.matches(path, True) for entry in self._any_name)
            self._folder = last
        return last[1]

    @property
    def fingerprint(self) -> str:
        """Hex digest of everything that has an effect, the files down to this folder included: blank lines,
        comments and lines that are passed over have none."""
        parts = [part for entry in self._rules for part in (entry.base, entry.pattern.text)]
        if self._only is not None:
            parts += ["only", *self._only.texts]
        # A NUL is in no path, and a pattern with one matches none.
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class _Only:
    """Patterns of which a file, or a folder that holds it, must be named. The last that does so decides."""

    def __init__(self, lines: Sequence[str]) -> None:
        patterns = [pattern for _, pattern in _patterns(lines)]
        self.texts = [pattern.text for pattern in patterns]
        self.rule = Rule("only", 0, ", ".join(self.texts))
        self._patterns = tuple(reversed(patterns))
        naming = [pattern for pattern in patterns if not pattern.negated]
        # Of plain patterns for names ("*.jpg"), where nothing takes a yes back, the yes is no perhaps.
        sure = [p for p in naming if p.names_only and not p.only_folders]
        if len(naming) < len(patterns):
            sure = []
        self._sure = NameFilter(sure)
        self._filter = NameFilter(pattern for pattern in naming if pattern not in sure)
        self._any_name = any(pattern.kind is Kind.ANY for pattern in naming)
        self._folder: tuple[str, bool] = "", False

    def names(self, folder: str, name: str) -> bool:
        if self._sure.may_mean(name):
            return True
        if not (self._any_name or self._filter.may_mean(name) or self._names_in(folder)):
            return False
        return self._decide(f"{folder}/{name}" if folder else name, False)

    def _names_in(self, folder: str) -> bool:
        """Whether any positive pattern names the folder or one that holds it. Remembers the last answer."""
        last = self._folder
        if last[0] != folder:
            last = folder, any(p.covers(folder, True) for p in self._patterns if not p.negated)
            self._folder = last
        return last[1]

    def _decide(self, path: str, is_folder: bool) -> bool:
        for pattern in self._patterns:
            if pattern.covers(path, is_folder):
                return not pattern.negated
        return False


def lines_of(text: str) -> list[str]:
    """The lines of a file of rules, as git reads it."""
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


def problems(text: str) -> list[tuple[int, str]]:
    """The lines of rules that cannot be understood, from 1 on, each with a sentence. They are passed over."""
    found = []
    for number, line in enumerate(lines_of(text), 1):
        try:
            parse(line)
        except BadPattern as error:
            found.append((number, f"{line!r} is passed over: {error}."))
    return found


def _patterns(lines: Iterable[str]) -> list[tuple[int, Pattern]]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            pattern = parse(line)
        except BadPattern:  # `problems` tells of it
            continue
        if pattern is not None:
            found.append((number, pattern))
    return found


def _entries(source: str, lines: Iterable[str], base: str = "") -> list[_Entry]:
    has_lines = source != "default"
    return [
        _Entry(pattern, Rule(source, number if has_lines else 0, pattern.text), base)
        for number, pattern in _patterns(lines)
    ]


_OURS = tuple(_entries("default", OURS))
