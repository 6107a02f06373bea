"""What of a watched folder is not there any more as it was agreed on: asked where the receiver was restored
from a copy, or set up anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from howdah_common.messages import FileInfo
from howdah_common.problems import ProblemError
from howdah_common.remote_path import parent
from howdah_desktop.engine.ledger_known import Known, LedgerKnown
from howdah_desktop.remote.receiver import Receiver

PER_PAGE = 1000


def differing(
    receiver: Receiver, ledger: LedgerKnown, folder: int, check: Callable[[], None]
) -> Iterator[tuple[Known, str | None]]:
    """What is known of each such file, and the version that stands there now; None: nothing does.

    Raises ProblemError; `check` may raise to end it.
    """
    for where in ledger.known_folders(folder):
        known = [one for one in ledger.known_entries(folder, where) if not one.is_dir]
        there: dict[str, str] = {}
        for remote in {parent(one.remote) for one in known}:
            check()
            there |= _versions(receiver, remote)
        for one in known:
            version = there.get(one.remote)
            if version != one.version:
                yield one, version


def _versions(receiver: Receiver, remote: str) -> dict[str, str]:
    """Paths and versions of the files that stand in a folder."""
    found: dict[str, str] = {}
    page, total = 1, 1
    while (page - 1) * PER_PAGE < total:
        try:
            answer = receiver.list(remote, page, PER_PAGE)
        except ProblemError as problem:
            if problem.code in ("file_not_found", "not_found"):
                return found
            raise
        if answer.kind != "folder":
            return found
        found |= {item.path: item.version for item in answer.items if isinstance(item, FileInfo)}
        page, total = page + 1, answer.total
    return found
