"""A whole space as it was at a date."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kit.native import Native, home

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def test_a_whole_space_goes_back_and_what_was_new_can_be_had(
    native: Native, shared: RunningReceiver
) -> None:
    native.published("a", b"first")
    at_ns = time.time_ns()
    native.published("a", b"second")
    native.published("b/c", b"new")
    done = native.post("/folders/restore", {"path": "", "at_ns": at_ns}).json
    assert (done["restored"], done["trashed"]) == (1, 1)
    assert [path.name for path in home(shared).iterdir()] == ["a"]
    assert (home(shared) / "a").read_bytes() == b"first"
    item = native.bring_back(done["trash"]).json["item"]
    assert item["path"] == "Put aside"
    assert (home(shared) / "Put aside/b/c").read_bytes() == b"new"
    assert native.listing("Put aside/b/c").json["total"] == 1
