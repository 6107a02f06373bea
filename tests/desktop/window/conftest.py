"""The window as somebody has it before them: a receiver, a link to it, a home paired over the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kit.link import FaultyLink
from kit.window_scene import Scene, pair_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from howdah_desktop.window.theme import Theme
    from kit.receiver import RunningReceiver


@pytest.fixture
def link(receiver: RunningReceiver) -> Iterator[FaultyLink]:
    """The way to the receiver, a good one."""
    with FaultyLink(receiver.port) as link:
        yield link


@pytest.fixture
def paired_link(receiver: RunningReceiver, link: FaultyLink) -> FaultyLink:
    """The way to a receiver that this home is paired with."""
    pair_over(link, receiver)
    return link


@pytest.fixture
def scene(
    theme: Theme, receiver: RunningReceiver, paired_link: FaultyLink, own_machine: Path
) -> Iterator[Scene]:
    """A window whose receiver answers."""
    scene = Scene(theme, receiver, paired_link, own_machine / "files")
    with scene.open():
        yield scene
