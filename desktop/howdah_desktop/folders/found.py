"""What a survey is given to do, and what it finds: the words between it and whoever writes the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.folders.directory import Entry, What
from howdah_desktop.folders.rule import Rule


@dataclass(frozen=True, slots=True)
class Task:
    """A directory to be looked at; `deep`: and all below it; `anew`: the rules are asked about every entry,
    also about what is known as it is."""

    path: bytes
    deep: bool
    anew: bool = False


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Each directory once, those above first."""
    found: dict[bytes, Task] = {}
    for task in tasks:
        before = found.get(task.path, task)
        found[task.path] = Task(task.path, before.deep or task.deep, before.anew or task.anew)
    return [found[path] for path in sorted(found)]


@dataclass(slots=True)
class Directory:
    """What one directory came to, for the ledger."""

    path: bytes
    files: list[tuple[Entry, bytes]] = field(default_factory=list)
    """To be sent, each with where its bytes really are, below the folder."""
    folders: list[Entry] = field(default_factory=list)
    """Not known so far."""
    back: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    left_out: list[tuple[Entry, Rule]] | None = None
    """All that is left out of it; None: the same as before."""
    empty: bool = False
    """Nothing in it is carried, and it is to be made there."""

    @property
    def says_something(self) -> bool:
        return bool(
            self.files
            or self.folders
            or self.back
            or self.gone
            or self.forgotten
            or self.left_out is not None
            or self.empty
        )


class NotYet(Exception):
    """Something of it is on its way, and may have arrived: soon that is known."""


class Finds(Protocol):
    """Who writes down what a survey finds. Called in its thread; may raise ProblemError to end it."""

    def directories(self, found: list[Directory]) -> None: ...
    def move(
        self,
        known: Known,
        to: bytes,
        remote: str,
        seen: Entry,
        over: Known | None,
    ) -> bool:
        """Whether it stands at `remote` now (see TreeWork.move), and is known to. May raise NotYet."""
        ...

    def gives_way(self, known: Known, below: list[Known], what: What) -> None:
        """Something of another kind (`what`) stands at its place here: it is put aside there, with all
        `below` it. May raise NotYet."""
        ...

    def remote_of(self, path: bytes, what: What) -> str:
        """Where a new entry goes at the receiver. Raises UnicodeDecodeError."""

    def check(self) -> None:
        """Raises ProblemError("interrupted")."""
