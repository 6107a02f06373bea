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

    def acknowledged(self, done_bytes: int, landed_bytes: int = 0) -> None:
        """The receiver has so much; `landed_bytes` of what was handed to the line have arrived with that."""

    def may_leave(self, wanted: int) -> int:
        """Wait until some of `wanted` bytes may be handed to the line: how many. Raises as `check`."""

    def leaves(self, count: int) -> None:
        """So many bytes are handed to the line."""

    def lost(self, count: int) -> None:
        """Of those: so many were on a line that broke, or were refused."""

    def finishing(self) -> None: ...
