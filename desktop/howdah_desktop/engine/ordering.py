"""Orders to whatever engine there is, over the end of the process that runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from howdah_common.problems import ProblemError
from howdah_desktop.engine.attach import Attached, attach
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.views import Freeing
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.settings import Settings

Result = TypeVar("Result")
MOST_TRIES = 3


class Ordering:
    """An engine for longer work beside it. For one thread; `close` it."""

    def __init__(self, settings: Settings, connect: Callable[[], Receiver]) -> None:
        """Raises ProblemError as `attach` does."""
        self._settings = settings
        self._connect = connect
        self._attached: Attached = attach(settings, connect)

    def begin_freeing(self, freeing: Freeing) -> int:
        return self._ask(lambda engine: engine.begin_freeing(freeing))

    def end_freeing(self, id_: int, removed: bool) -> int:
        return self._ask(lambda engine: engine.end_freeing(id_, removed))

    def close(self) -> None:
        self._attached.close()

    def _ask(self, order: Callable[[Face], Result]) -> Result:
        """Orders may be given twice: what was lost is their answer."""
        for _ in range(MOST_TRIES):
            try:
                return order(self._attached.engine)
            except ProblemError as problem:
                if problem.code != "engine_unreachable" or self._attached.is_ours:
                    raise
            self._attached.close()
            self._attached = attach(self._settings, self._connect)
        return order(self._attached.engine)
