"""How a row of the ledger is shown: its view, and in one sentence why it is where it is. Pure."""

from __future__ import annotations

import os
from sys import intern

import msgspec

from howdah_common.problems import PROBLEMS
from howdah_desktop.engine.transfers import COUNTING, HELD, LIVE, Transfer, TransferState
from howdah_desktop.engine.views import Live, ReceiverView, TransferView

S = TransferState

MOST_FILES = 10_000
MOST_BYTES = 100 * 1000**3
"""More than so many files or bytes are not given by accident, if nobody says so."""

_SENTENCES = {
    "new": "Just added.",
    "settling": "The file is being written; it is sent once it is left alone.",
    "queued": "Waits for its turn.",
    "sending": "Is being sent.",
    "fetching": "Is being fetched.",
    "finishing": "All bytes are there; it is being put in its place.",
    "paused": "Paused by you.",
    "waiting": "Waits.",
    "failed": "It needs you.",
    "done": "Arrived, verified.",
    "cancelled": "Was cancelled.",
    "superseded": "Arrived, verified; the file was sent again later.",
}
_HELD = f"Waits for your yes: it is more than {MOST_FILES:,} files or {MOST_BYTES // 1000**3} GB."
_PAUSED_UNTIL = "Paused by you for a time; it goes on by itself."
_COUNTING = "Being counted."
_CLASH = "Somebody else had changed it there: both are kept, this one under a name of its own."
_CLASH_REMEDY = "Look at both, then delete the one that is not wanted, or rename them."
ALREADY_THERE = "already there"
CLASH = "clash"
SKIP_RULES = {
    "exists": "Something stands at the target already.",
    "symlink": "Symbolic links are not followed.",
    "link_name": "A link whose own name ends with .howdah-link or .howdah-file is not kept.",
    "special": "Devices, pipes and sockets are left out.",
    "own_folder": "It is Howdah's own folder, which changes all the time.",
}
_HELD_UP = frozenset({"waiting", "failed", "settling"})


def view(transfer: Transfer, live: Live | None = None) -> TransferView:
    row = transfer
    made = shown(
        row.id,
        row.group,
        row.kind.value,
        row.state.value,
        row.local,
        row.remote,
        row.relative,
        row.size,
        row.code,
        row.detail,
        row.attempt,
        row.next_try,
        row.digest,
        row.final_path,
        row.done_bytes,
        row.created,
        row.finished,
        row.root,
    )
    return made if live is None else with_live(made, live)


def shown(
    id_: int,
    group: int,
    kind: str,
    state: str,
    local: bytes,
    remote: str,
    relative: str,
    size: int | None,
    code: str | None,
    detail: str,
    attempt: int,
    next_try: float | None,
    digest: str | None,
    final_path: str | None,
    done_bytes: int,
    created: float,
    finished: float | None,
    root: int | None,
) -> TransferView:
    """The view of a row as the ledger has it, `VIEW_COLUMNS` in their order.

    Without an object in between, and each word once: a window reads a hundred thousand rows at its start,
    and SQLite makes a new string for each.
    """
    kind, state = intern(kind), intern(state)
    if code is not None:
        code = intern(code)
    if kind == "download":
        source, target = remote, f"{shown_path(local)}/{relative}".rstrip("/")
    else:
        source, target = local.decode("utf-8", "backslashreplace"), remote
    plain = code is None and not detail and state in _SENTENCES
    sentence, remedy = (
        (_SENTENCES[state], "") if plain else explain_state(state, code, detail, next_try)
    )
    return TransferView(
        id_,
        group,
        kind,
        source.rpartition("/")[2] or last_name(source),
        source,
        final_path or target,
        state,
        size,
        done_bytes,
        0,
        None,
        None,
        sentence,
        remedy,
        code,
        attempt,
        next_try,
        digest,
        finished,
        root,
        created,
        detail if state == "done" else "",
    )


def with_live(made: TransferView, live: Live) -> TransferView:
    return msgspec.structs.replace(
        made,
        done_bytes=live.done_bytes,
        in_flight_bytes=live.in_flight_bytes,
        bytes_per_second=live.bytes_per_second,
        seconds_left=live.seconds_left,
    )


def explain(transfer: Transfer) -> tuple[str, str]:
    """Why the transfer is where it is, in one sentence, and what to do about it."""
    return explain_state(transfer.state.value, transfer.code, transfer.detail, transfer.next_try)


def explain_state(
    state: str, code: str | None, detail: str, next_try: float | None = None
) -> tuple[str, str]:
    if state == "skipped":
        return SKIP_RULES.get(code or "", detail or "It was left out."), ""
    if state in _HELD_UP and code in PROBLEMS:
        return explain_problem(code, detail)
    if state == "done" and detail == ALREADY_THERE:
        return "It was there already: nothing was sent.", ""
    if state == "done" and detail == CLASH:
        return _CLASH, _CLASH_REMEDY
    if state == "paused" and code == HELD:
        return _COUNTING if detail == COUNTING else _HELD, ""
    if state == "paused" and next_try is not None:
        return _PAUSED_UNTIL, "`howdah resume` goes on at once."
    return _SENTENCES[state], ""


def explain_problem(code: str, detail: str) -> tuple[str, str]:
    problem = PROBLEMS[code]
    return f"{problem.sentence} {detail}".rstrip(), problem.remedy


def explain_receiver(
    code: str | None,
    detail: str,
    next_try: float | None,
    checked: bool = False,
    heard: float | None = None,
) -> ReceiverView:
    if code is None:
        return ReceiverView(checked=checked, heard=heard)
    sentence, remedy = explain_problem(code, detail)
    return ReceiverView(code, sentence, remedy, next_try, checked, heard)


_LIMITS = {
    "schedule": (
        "A rule of the limits pauses everything at this time.",
        "It goes on by itself when the rule ends; `howdah limit` shows the rules.",
    ),
    "metered": (
        "The network is metered, and nothing is to be sent or fetched on such a one.",
        "It goes on by itself on another network; `howdah limit metered off` goes on at once.",
    ),
    "battery": (
        "This computer runs on its battery, and nothing is to be sent or fetched then.",
        "It goes on by itself once it is plugged in; `howdah limit battery off` goes on at once.",
    ),
}


def explain_limits(paused: str | None, damaged: str = "") -> tuple[str, str]:
    """Why nothing moves, in one sentence, and what to do about it."""
    if damaged:
        return explain_problem("limits_damaged", damaged)
    return ("", "") if paused is None else _LIMITS[paused]


def resting_view(transfer: Transfer) -> TransferView:
    """While no engine runs: nothing is at work, whatever the last one wrote."""
    return at_rest(view(transfer))


def at_rest(made: TransferView) -> TransferView:
    """As `resting_view`, of a row that is a view already."""
    if S(made.state) not in LIVE:
        return made
    return msgspec.structs.replace(
        made,
        state=S.QUEUED.value,
        sentence="No howdah is running.",
        remedy="`howdah resume` goes on.",
    )


def shown_path(path: bytes) -> str:
    """A local path for people and JSON: what is not UTF-8 in it is shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def last_name(path: str) -> str:
    """What a file or folder is called."""
    return path.rstrip("/").rpartition("/")[2]
