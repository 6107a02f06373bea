"""One receiver for each module, and a device of it: tests keep to folders of their own in it.

Every answer that a test of these gets is held against the OpenAPI document.
"""

from __future__ import annotations

import json
import os
import shutil
from itertools import count
from typing import TYPE_CHECKING

import pytest

from howdah_receiver.api.docs import Docs
from kit.described import Description
from kit.inside import app_on
from kit.native import Native
from kit.receiver import RunningReceiver, running_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = count()


@pytest.fixture(scope="module")
def module_path(short_root: Path) -> Iterator[Path]:
    """A folder with a short path, for as long as the module's tests run."""
    path = short_root / f"m{next(_numbers)}"
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """Settings of the module's receiver: its environment. A module may have its own."""
    return {}


@pytest.fixture(scope="module")
def shared(module_path: Path, settings: dict[str, str]) -> Iterator[RunningReceiver]:
    """The module's receiver."""
    with pytest.MonkeyPatch.context() as environment:
        # It is older than the environment that each test gets of its own.
        for name in list(os.environ):
            if name.startswith("HOWDAH_"):
                environment.delenv(name)
        environment.setenv("HOME", str(module_path))
        with running_receiver(module_path / "data", env=settings) as running:
            yield running


@pytest.fixture(scope="module")
def native(shared: RunningReceiver) -> Iterator[Native]:
    """A device of the module's receiver."""
    with Native.paired_with(shared) as device:
        yield device


@pytest.fixture
def folder() -> str:
    """A folder at the receiver that no other test uses."""
    return f"t{next(_numbers)}"


@pytest.fixture(scope="session")
def description(short_root: Path) -> Description:
    """What the receiver says of itself; it is the same of every one (see test_docs_page)."""
    docs = app_on(short_root / "described").state.docs
    assert isinstance(docs, Docs)
    return Description(json.loads(docs.openapi.body))


@pytest.fixture(autouse=True)
def _as_described(description: Description, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Native, "on_answer", staticmethod(description.check))
