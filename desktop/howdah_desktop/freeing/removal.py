"""A proven file is taken away: moved aside, looked at once more, then to the trash or deleted."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from howdah_common.problems import ProblemError
from howdah_desktop.engine.views import Freeing
from howdah_desktop.freeing.aside import Place, place_of
from howdah_desktop.freeing.how import How
from howdah_desktop.freeing.in_use import is_written_to
from howdah_desktop.freeing.proof import Proven
from howdah_desktop.freeing.trash import to_trash


class Recorder(Protocol):
    """Writes down what is about to happen, and what came of it: the engine does."""

    def begin_freeing(self, freeing: Freeing, /) -> int: ...
    def end_freeing(self, id_: int, removed: bool, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Removal:
    """Of one file: `carry_out` does it all, or leaves the file where it was."""

    local: bytes
    proven: Proven
    how: How
    recorder: Recorder
    check_other_disk: Callable[[], None]
    """Called while the file is aside, see `proof`. Raises ProblemError."""

    def carry_out(self) -> None:
        """Raises ProblemError: the file stays, and the reason. It is never deleted in place of trashed."""
        try:
            with place_of(self.local) as place:
                self._recorded(place)
        except OSError as error:
            raise _refused(error) from error

    def _recorded(self, place: Place) -> None:
        info = self.proven.info
        aside = os.path.join(os.path.dirname(self.local), os.fsencode(place.aside))  # noqa: PTH118, PTH120
        intent = Freeing(
            local=self.local,
            size=info.size,
            remote=info.path,
            file_id=info.id,
            version=info.version,
            sha256=self.proven.sha256,
            how=self.how.value,
            aside=aside,
        )
        number = self.recorder.begin_freeing(intent)
        try:
            self._remove(place)
        except BaseException as error:
            # Where it cannot even be put back, the intent stays, and the next start tries that again.
            name = place.put_back()
            # An interruption may come when it has gone already.
            removed = name is None and place.look(place.name) is None
            self.recorder.end_freeing(number, removed)
            if name not in (None, place.name) and isinstance(error, ProblemError):
                raise ProblemError(error.code, f"It is now called {name!r}.") from error
            raise
        place.tidy()
        place.parent.sync()
        self.recorder.end_freeing(number, True)

    def _remove(self, place: Place) -> None:
        self._check_descriptor()
        place.move_aside()
        # From here on only who had it open already can change it, and the file below our name is one.
        self._check_descriptor()
        if not self.proven.mark.but_for_its_name(place.look(place.inside)):
            raise ProblemError("freeing_changed", "Another file had taken its place.")
        self.check_other_disk()
        if self.how is How.DELETE:
            place.delete()
        else:
            path = os.fsencode(place.parent.path / place.inside)
            to_trash(os.fsdecode(path), os.fsdecode(self.local), self.proven.source.fileno())

    def _check_descriptor(self) -> None:
        """Raises ProblemError: freeing_changed, freeing_in_use."""
        descriptor = self.proven.source.fileno()
        if is_written_to(descriptor):
            raise ProblemError("freeing_in_use")
        if not self.proven.mark.but_for_its_name(os.fstat(descriptor)):
            raise ProblemError("freeing_changed")


def _refused(error: OSError) -> ProblemError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return ProblemError("freeing_refused", f"({reason})")
