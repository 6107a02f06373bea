"""Why is this file not there, or since when is it? One answer, from the ledger alone: nothing is asked
over the line, so that it comes at once."""

from __future__ import annotations

import os

import msgspec

from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_known import MADE, Known
from howdah_desktop.engine.ledger_left_out import LeftOut
from howdah_desktop.engine.showing import SKIP_RULES, explain, explain_problem, shown_path, view
from howdah_desktop.engine.showing_folders import explain_folder
from howdah_desktop.engine.transfers import TransferState
from howdah_desktop.engine.views import LimitsView, QueueView, ReceiverView, TransferView
from howdah_desktop.folders.watched import FolderState, Watched

S = TransferState


class Explanation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times in seconds since 1970."""

    path: str
    is_there: bool
    """As it is here, as far as is known."""
    sentence: str
    remedy: str = ""
    folder: int | None = None
    """The watched folder that it is in."""
    rule: str = ""
    """By which it is left out; where that is written, with file and line."""
    remote: str = ""
    since: float | None = None
    digest: str = ""
    version: str = ""
    next_try: float | None = None
    transfer: TransferView | None = None


def explain_path(ledger: Ledger, path: bytes) -> Explanation:
    """`path`: absolute, links resolved but for its own last step."""
    for watched in ledger.watched():
        if path == watched.local or path.startswith(watched.local + b"/"):
            return _watched(ledger, watched, path[len(watched.local) + 1 :], path)
    return _sent(ledger, path)


def with_circumstances(found: Explanation, now: QueueView) -> Explanation:
    """Where a file waits for its turn while nothing gets one: why. `now`: of the engine that runs."""
    if found.transfer is None or found.transfer.state != S.QUEUED.value:
        return found
    held: LimitsView | ReceiverView
    if now.limits.paused is not None:
        held = now.limits
    elif now.receiver.code is not None:
        held = now.receiver
    else:
        return found
    return msgspec.structs.replace(
        found, sentence=held.sentence, remedy=held.remedy, next_try=held.next_try
    )


def _watched(ledger: Ledger, watched: Watched, relative: bytes, path: bytes) -> Explanation:
    sentence, remedy = explain_folder(watched)
    if not relative:
        return Explanation(
            shown_path(path),
            watched.state is FolderState.ACTIVE,
            sentence or "Is watched.",
            remedy,
            watched.id,
        )
    if left := ledger.why_left_out(watched.id, relative):
        return _left_out(watched, left, path)
    known = ledger.known(watched.id, relative)
    row = ledger.under_way(watched.id, os.fsdecode(relative)) if _is_text(relative) else None
    if row is not None:
        said, what = explain(row)
        if row.state is S.SETTLING and row.code is None:
            said, what = "It changed a moment ago; it is sent once it is left alone.", ""
        return Explanation(
            shown_path(path),
            False,
            said,
            what,
            watched.id,
            remote=row.remote,
            next_try=row.next_try,
            transfer=view(row),
        )
    if watched.state is not FolderState.ACTIVE and known is None:
        return Explanation(shown_path(path), False, sentence, remedy, watched.id)
    if known is None:
        return Explanation(
            shown_path(path),
            False,
            "It was not seen yet: the folder is looked at within a minute of a change.",
            f"`howdah watch scan {watched.id}` looks now.",
            watched.id,
        )
    return _known(watched, known, path)


def _known(watched: Watched, known: Known, path: bytes) -> Explanation:
    there = Explanation(
        shown_path(path),
        True,
        "It is there, verified.",
        "",
        watched.id,
        remote=known.remote,
        since=known.agreed,
        digest=known.digest or "",
        version="" if known.version in (None, MADE) else known.version or "",
    )
    if known.is_dir:
        return msgspec.structs.replace(
            there, sentence="It is a folder; it is there with what is in it."
        )
    if known.gone is not None:
        return msgspec.structs.replace(there, sentence="It was deleted here, and is kept there.")
    if known.clash:
        return msgspec.structs.replace(
            there,
            sentence=f"It is there under a name of its own: somebody else changed {known.clash}.",
            remedy="Look at both, then delete the one that is not wanted, or rename them.",
        )
    now = _now(path)
    if now is None:
        return msgspec.structs.replace(there, sentence="It is there; here it is gone.")
    if now != (known.inode, known.size, known.mtime_ns):
        return msgspec.structs.replace(
            there,
            is_there=False,
            sentence="An earlier version is there; what changed since was not looked at yet.",
            remedy=f"`howdah watch scan {watched.id}` looks now.",
        )
    return there


def _left_out(watched: Watched, left: LeftOut, path: bytes) -> Explanation:
    rule = left.rule
    if rule.source == "name":
        sentence, remedy = explain_problem(rule.pattern, "")
        return Explanation(shown_path(path), False, sentence, remedy, watched.id)
    if rule.source == "kind":
        return Explanation(shown_path(path), False, SKIP_RULES[rule.pattern], "", watched.id)
    where = {
        "default": "the rules that hold by default",
        "settings": f"line {rule.line} of the folder's own rules",
        "only": "the patterns that the folder is limited to",
    }.get(rule.source, f"{rule.source}, line {rule.line}")
    whose = shown_path(left.path)
    return Explanation(
        shown_path(path),
        False,
        f"{whose} is left out by {where}: {rule.pattern}",
        "",
        watched.id,
        rule=f"{rule.source}:{rule.line}: {rule.pattern}",
    )


def _sent(ledger: Ledger, path: bytes) -> Explanation:
    """A file that is in no watched folder."""
    row = ledger.latest_of(path)
    if row is None:
        return Explanation(
            shown_path(path),
            False,
            "It was never sent, and is in no watched folder.",
            "Send it with `howdah send`, or watch its folder with `howdah watch add`.",
        )
    said, remedy = explain(row)
    arrived = row.state in (S.DONE, S.SUPERSEDED)
    return Explanation(
        shown_path(path),
        arrived,
        said,
        remedy,
        remote=row.final_path or row.remote,
        since=row.finished if arrived else None,
        digest=row.digest or "",
        version=row.version or "",
        next_try=row.next_try,
        transfer=view(row),
    )


def _now(path: bytes) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)  # noqa: PTH116  # bytes
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_text(path: bytes) -> bool:
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
