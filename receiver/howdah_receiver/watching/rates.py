"""How fast each upload comes in: from what was seen of it over the last ten seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Container

SPAN_SECONDS = 10


class Rates:
    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def note(self, upload_id: str, now: float, count: int) -> int:
        """So many bytes count at this time; bytes a second."""
        seen = self._seen.setdefault(upload_id, deque())
        seen.append((now, count))
        while now - seen[0][0] > SPAN_SECONDS:
            seen.popleft()
        since, before = seen[0]
        return max(0, int((count - before) / (now - since))) if now > since else 0

    def keep(self, upload_ids: Container[str]) -> None:
        """The others are over."""
        for gone in [upload_id for upload_id in self._seen if upload_id not in upload_ids]:
            del self._seen[gone]
