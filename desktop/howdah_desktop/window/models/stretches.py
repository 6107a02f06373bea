"""Where two lists of a hundred thousand rows differ, found in no time."""

from __future__ import annotations

from collections.abc import Sequence


def runs_of(rows: Sequence[int], most: int) -> list[tuple[int, int]] | None:
    """Neighbours among ascending numbers, both ends included; None where they are in more than `most` runs.

    Halves are looked into only where they have gaps: a hundred thousand neighbours cost nothing.
    """
    runs: list[tuple[int, int]] = []
    parts = [(0, len(rows))]
    while parts:
        begin, end = parts.pop()
        if begin == end:
            continue
        first, last = rows[begin], rows[end - 1]
        if last - first >= end - begin:
            middle = (begin + end) // 2
            parts += (middle, end), (begin, middle)
        elif runs and first == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], last)
        elif len(runs) == most:
            return None
        else:
            runs.append((first, last))
    return runs


def alike(some: Sequence[int], others: Sequence[int]) -> int:
    """How many are the same from the beginning: compared in stretches, not one by one."""
    begin, end = 0, min(len(some), len(others))
    while begin < end:
        middle = (begin + end + 1) // 2
        if some[begin:middle] == others[begin:middle]:
            begin = middle
        else:
            end = middle - 1
    return begin
