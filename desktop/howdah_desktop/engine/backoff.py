"""How long to wait before the next try. Pure: chance comes in as an argument."""

from __future__ import annotations

DELAYS_SECONDS = (1, 2, 5, 15, 30, 60, 120, 300)
LONGEST_SECONDS = 300.0
JITTER = 0.2
"""So that a thousand clients do not come back in the same second."""
FLOOR_SECONDS = {"storage_full": 10.0, "quota_exceeded": 10.0, "too_many_uploads": 10.0}
"""A receiver that is full, or takes no more for now, is asked at most this often."""


def delay_seconds(
    attempt: int, chance: float, *, code: str = "", retry_after_seconds: float | None = None
) -> float:
    """Seconds before try number `attempt` + 1; `attempt` counts from 1.

    `chance` is from 0 up to 1. `retry_after_seconds` is what the receiver asks for: never asked sooner
    than that, unless it asks for more than five minutes.
    """
    step = DELAYS_SECONDS[min(max(attempt, 1), len(DELAYS_SECONDS)) - 1]
    wanted = step * (1 + JITTER * (2 * chance - 1))
    asked = min(max(retry_after_seconds or 0.0, 0.0), LONGEST_SECONDS)
    return min(max(wanted, asked, FLOOR_SECONDS.get(code, 0.0)), LONGEST_SECONDS)
