"""Folders into rows: what stands in a local folder, or at the receiver, put into the ledger in batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger import NewTransfer, Root
from howdah_desktop.engine.transfers import Kind
from howdah_desktop.engine.walk import walk
from howdah_desktop.remote.receiver import Receiver

BATCH = 200
"""Rows in one commit: few flushes, and the first files are on their way at once."""


def batches(rows: Iterable[NewTransfer]) -> Iterator[list[NewTransfer]]:
    batch: list[NewTransfer] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def found_in(
    root: Root, receiver: Callable[[], Receiver], own_folder: bytes, check: Callable[[], None]
) -> Iterator[NewTransfer]:
    """The rows of a root. Raises ProblemError where the receiver cannot be asked."""
    if root.group.kind is Kind.UPLOAD:
        yield from walk(root.local, root.remote, own_folder, check)
        return
    yield from _planned(receiver(), root, check)


def _planned(receiver: Receiver, root: Root, check: Callable[[], None]) -> Iterator[NewTransfer]:
    # Only for downloads: what these bring along would slow down every start.
    from howdah_desktop.beneath import BeneathRoot
    from howdah_desktop.engine.fetch_plan import PlannedFile, PlannedFolder, plan_fetch

    with BeneathRoot(Path(os.fsdecode(root.local))) as target:
        for planned in plan_fetch(receiver, [root.remote]):
            check()
            if isinstance(planned, PlannedFile):
                info = planned.info
                yield NewTransfer(
                    Kind.DOWNLOAD, root.local, info.path, planned.path, size=info.size
                )
            elif isinstance(planned, PlannedFolder):
                try:
                    target.make_folder(planned.path)
                except ProblemError as problem:
                    yield _left_out(root, planned.path, problem)
            else:
                yield _left_out(root, planned.remote_path, planned.problem)


def _left_out(root: Root, path: str, problem: ProblemError) -> NewTransfer:
    """A row without a size: what could not even be looked at. To resume it, its root is listed again."""
    return NewTransfer(
        Kind.DOWNLOAD, root.local, root.remote, path, failed=problem.code, detail=problem.detail
    )
