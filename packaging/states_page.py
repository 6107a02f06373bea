"""Write docs/states.md: the states of uploads and transfers, from the tables that the programs go by.

Run with `make docs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TypeVar

from howdah_desktop.engine import transfers
from howdah_receiver.uploads import states

PAGE = Path(__file__).resolve().parent.parent / "docs" / "states.md"

HEADER = """\
# States

Written by `make docs` from the tables in the code; no other step happens.
"""


State = TypeVar("State", bound=Enum)


def diagram(transitions: Mapping[State, frozenset[State]]) -> str:
    """One line a state that leads on, in Mermaid's notation and good to read without it."""
    lines = [
        f"    {state.value} --> {after.value}\n"
        for state, following in transitions.items()
        for after in sorted(following, key=lambda state: str(state.value))
    ]
    ends = [state.value for state, following in transitions.items() if not following]
    lines += [f"    {end} --> [*]\n" for end in ends]
    return f"\n```mermaid\nstateDiagram-v2\n{''.join(lines)}```\n"


def page() -> str:
    """The whole page."""
    return (
        HEADER
        + "\n## An upload, at the receiver\n"
        + diagram(states.TRANSITIONS)
        + "\n## A transfer, at the client\n"
        + diagram(transfers.TRANSITIONS)
    )


if __name__ == "__main__":
    PAGE.write_text(page())
