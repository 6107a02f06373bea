"""A receiver and a client, and a good link between them that can be made a bad one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from together.carriage import Carriage, carriage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def way(own_machine: Path) -> Iterator[Carriage]:
    """A paired client, and the link and receiver that it is paired over."""
    with carriage(own_machine) as whole:
        yield whole
