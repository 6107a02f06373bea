"""Stand-in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Due:
    folder: bytes
    recursive: bool


class Quiet:
    def __init__(self) -> None:
        self._d: dict[bytes, float] = {}

    def hint(self, folder: bytes, now: float) -> None:
        self._d[folder] = now

    def due(self, now: float) -> list[Due]:
        found = [f for f, t in self._d.items() if t + 0.5 <= now]
        for f in found:
            del self._d[f]
        return [Due(f, False) for f in found]

    def next_due(self) -> float | None:
        return min((t + 0.5 for t in self._d.values()), default=None)
