"""One file after the other: is it there, and if so, away with it here. The command and a rule both use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from howdah_common.problems import ProblemError
from howdah_desktop.engine.source import Source
from howdah_desktop.freeing.how import How
from howdah_desktop.freeing.proof import Asked, check_other_disk, prove
from howdah_desktop.freeing.removal import Recorder, Removal
from howdah_desktop.freeing.sent import Sent

REASONS = frozenset(
    {
        "not_sent",
        "copy_differs",
        "copy_unread",
        "freeing_changed",
        "freeing_in_use",
        "freeing_refused",
        "trash_unavailable",
        "file_damaged",
        "file_not_found",
        "not_found",
        "source_missing",
        "source_unreadable",
        "source_not_a_file",
        "source_changed",
        "source_failed",
        "unavailable",
        "storage_failed",
        "internal",
    }
)
"""Problems of one file: it stays, and the next one follows. Any other ends the work."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file: freed, or it stays for a reason."""

    local: bytes
    size: int = 0
    sha256: str = ""
    remote: str = ""
    problem: ProblemError | None = None

    @property
    def freed(self) -> bool:
        return self.problem is None


class Freeing:
    """Takes files away here that the receiver has. For one thread."""

    def __init__(
        self,
        receiver: Asked,
        recorder: Recorder | None,
        how: How,
        on_read: Callable[[int], None] = lambda count: None,
    ) -> None:
        """`recorder` None: everything is read and compared, and nothing is taken away."""
        self._receiver = receiver
        self._recorder = recorder
        self._how = how
        self._on_read = on_read

    def free(self, sent: Sent) -> Outcome:
        """Raises ProblemError where no file can be freed: the receiver is away, say."""
        try:
            return self._free(sent)
        except ProblemError as problem:
            if problem.code not in REASONS:
                raise
            return Outcome(sent.local, remote=sent.remote, problem=_told(problem))

    def _free(self, sent: Sent) -> Outcome:
        with Source(sent.local) as source:
            proven = prove(self._receiver, sent, source, self._on_read)
            if self._recorder is not None:
                Removal(
                    sent.local,
                    proven,
                    self._how,
                    self._recorder,
                    lambda: check_other_disk(self._receiver, proven.info),
                ).carry_out()
        return Outcome(sent.local, proven.info.size, proven.sha256, proven.info.path)


def _told(problem: ProblemError) -> ProblemError:
    """The words of a transfer fit no file that stays."""
    if problem.code in ("source_changed", "source_missing"):
        return ProblemError("freeing_changed", problem.detail)
    if problem.code in ("source_unreadable", "source_failed"):
        return ProblemError("freeing_refused", problem.detail)
    if problem.code in ("not_found", "file_not_found"):
        return ProblemError("copy_differs", "It is not there any more.")
    return problem
