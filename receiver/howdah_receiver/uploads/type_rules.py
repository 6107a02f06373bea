"""Which types of files are taken: lists of what is allowed and denied, and what about a name that lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_receiver.uploads.type_names import contradict, refined, type_by_name


@dataclass(frozen=True, slots=True)
class FileType:
    """What a file is. `media_type` is None for an empty one."""

    media_type: str | None
    flagged: bool
    """Its name says another type."""


@dataclass(frozen=True, slots=True)
class TypeRules:
    """Patterns in lower case: media types such as `image/*`, ends of names such as `.exe`."""

    allowed: tuple[str, ...] = ()
    """Empty: all."""
    denied: tuple[str, ...] = ()
    mismatch: Literal["ignore", "flag", "refuse"] = "flag"

    def check_name(self, path: str) -> None:
        """What can be refused before a byte has come. Raises ProblemError (type_refused)."""
        said = type_by_name(path)
        by_end = all(pattern.startswith(".") for pattern in self.allowed)
        self._check(path, denied=[said], allowed=[None] if by_end else None)

    def judge(self, path: str, found: str | None) -> FileType:
        """The type of a file whose first bytes tell that it is a `found`; None where it is empty.

        Raises ProblemError (type_refused).
        """
        said = type_by_name(path)
        if found is None:
            self._check(path, denied=[said], allowed=[said])
            return FileType(None, flagged=False)
        kind = refined(found, said)
        self._check(path, denied=[found, kind, said], allowed=[kind])
        lies = self.mismatch != "ignore" and contradict(found, said)
        if lies and self.mismatch == "refuse":
            raise ProblemError("type_refused", f"Its name says {said}, its first bytes {found}.")
        return FileType(kind, flagged=lies)

    def _check(
        self, path: str, *, denied: Sequence[str | None], allowed: Sequence[str | None] | None
    ) -> None:
        """`allowed`: None where that cannot be said yet."""
        for kind in denied:
            if _fits(self.denied, path, kind):
                raise ProblemError("type_refused", _told(path, kind))
        if not self.allowed or allowed is None:
            return
        if not any(_fits(self.allowed, path, kind) for kind in allowed):
            raise ProblemError("type_refused", _told(path, allowed[0]))


def _fits(patterns: Sequence[str], path: str, kind: str | None) -> bool:
    name = remote_path.name(path).lower()
    return any(
        name.endswith(pattern)
        if pattern.startswith(".")
        else kind is not None and fnmatchcase(kind, pattern)
        for pattern in patterns
    )


def _told(path: str, kind: str | None) -> str:
    return f"It is called {remote_path.name(path)!r}" + (
        f" and is of the type {kind}." if kind else "."
    )
