"""The very app that answers, to look at."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from howdah_receiver.api.gate import Gate
from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def receiver_on(data: Path) -> Iterator[Receiver]:
    """A receiver's parts on that folder, without a server."""
    receiver = Receiver(Settings(data=data))
    try:
        yield receiver
    finally:
        receiver.stop()


def app_on(data: Path, *, allowed_hosts: frozenset[str] = frozenset()) -> Starlette:
    """Inside its gate; of a receiver on that folder that was there for a moment."""
    receiver = Receiver(Settings(data=data))
    try:
        gate = receiver.app(allowed_hosts)
        assert isinstance(gate, Gate)
        inside = gate._app
        assert isinstance(inside, Starlette)
        return inside
    finally:
        receiver.stop()
