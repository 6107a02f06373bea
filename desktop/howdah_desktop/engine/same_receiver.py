"""Whether the receiver is the one that it was: its answers say so (see Howdah-Catalogue in the protocol)."""

from __future__ import annotations

from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.presence import Presence


class SameReceiver:
    """Belongs to the control thread."""

    def __init__(self, ledger: Ledger, presence: Presence) -> None:
        self._ledger = ledger
        self._presence = presence
        self._before = ledger.heard_of()
        self._lower = False

    @property
    def has_news(self) -> bool:
        """Something that `is_another` has not heard."""
        return self._presence.heard_of() not in (None, self._before)

    def is_another(self, *, settled: bool) -> bool:
        """Or was restored from a copy; once for each time that it became so.

        `settled`: no other answer was on its way.
        """
        heard, before = self._presence.heard_of(), self._before
        if heard is None or heard == before:
            self._lower = False
            return False
        other = before is not None and before[0] != heard[0]
        lower = before is not None and not other and heard[1] < before[1]
        if lower and not self._lower and not settled:
            self._lower = True  # answers that crossed each other look like that for a moment
            return False
        self._before, self._lower = heard, False
        self._ledger.hear_of(*heard)
        return other or lower
