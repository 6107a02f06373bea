"""Who follows an upload."""

from __future__ import annotations

from typing import Protocol

from howdah_desktop.system import SourceIdentity


class Watch(Protocol):
    """Who follows an upload. Called from any of its threads; must be quick."""

    def check(self) -> None:
        """Raises ProblemError("interrupted") once the transfer is to stop."""

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until the transfer is to stop; then raise as `check`."""

    def begins(self, identity: SourceIdentity, chunk_bytes: int) -> None:
        """The start request is about to be sent."""

    def began(self, upload_id: str) -> None: ...

    def acknowledged(self, done_bytes: int) -> None:
        """The receiver has so much."""

    def in_flight(self, change_bytes: int) -> None: ...

    def finishing(self) -> None: ...
