"""`howdah send`, `get`, `pause`, `resume`, `cancel` and `status`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import typer

from howdah_common import remote_path
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath
from howdah_desktop.cli import context, moments
from howdah_desktop.cli.display import (
    Display,
    JsonDisplay,
    PlainDisplay,
    limits_line,
    printable,
    receiver_line,
    size_text,
)
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.follow import Follower, Order
from howdah_desktop.engine.attach import attach, running_engine
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_file import FILE_NAME
from howdah_desktop.engine.ledger_views import WITHOUT_ARRIVING
from howdah_desktop.engine.showing import resting_view
from howdah_desktop.engine.transfers import UNFINISHED, IfExists, TransferState
from howdah_desktop.engine.views import Snapshot, TransferView
from howdah_desktop.settings import Settings


def send(
    paths: Sequence[str],
    to: str,
    if_exists: IfExists,
    sha256: bool,
    *,
    as_json: bool,
    give_up_after: float | None,
) -> Exit:
    """Raises ProblemError."""
    target = checked_folder(to)
    if "-" in paths:
        if len(paths) > 1 or not target:
            raise typer.BadParameter("Standard input goes alone, and --to names its file.")
        from howdah_desktop.cli.pipe import send_stdin

        return send_stdin(target, if_exists, sha256, as_json, give_up_after)
    local = [os.fsencode(path) for path in paths]
    return _follow(
        lambda engine: engine.add_sends(local, target, if_exists, sha256), as_json, give_up_after
    )


def get(
    remotes: Sequence[str],
    to: str,
    if_exists: IfExists,
    *,
    as_json: bool,
    give_up_after: float | None,
    links: bool = False,
) -> Exit:
    """`links`: what came of links that were kept becomes links again. Raises ProblemError."""
    folder = os.path.abspath(os.fsencode(to))  # noqa: PTH100  # bytes
    groups: list[int] = []

    def order(engine: Face) -> int:
        groups.append(engine.add_fetches(remotes, folder, if_exists))
        return groups[-1]

    code = _follow(order, as_json, give_up_after)
    if links and groups:
        from howdah_desktop.cli.links_back import write_links_back

        write_links_back(context.settings().home, groups[-1], as_json)
    return code


def resume(ids: Sequence[int] | None, *, as_json: bool, give_up_after: float | None) -> Exit:
    """Raises ProblemError."""

    def order(engine: Face) -> None:
        engine.resume(ids)

    return _follow(order, as_json, give_up_after, with_paused=ids is None)


def _follow(
    order: Order, as_json: bool, give_up_after: float | None, *, with_paused: bool = True
) -> Exit:
    settings = context.settings()
    context.connect(settings).close()  # not paired: said at once, and nothing is queued
    display = make_display(as_json)
    try:
        follower = Follower(
            settings,
            lambda: context.connect(settings),
            display,
            give_up_after,
            with_paused=with_paused,
        )
        return follower.run(order)
    finally:
        display.close()


def end_of_pause(for_: str, until: str) -> float | None:
    """In seconds since 1970; None: until somebody says so. Raises typer.BadParameter."""
    if for_ and until:
        raise typer.BadParameter("Give --for or --until, not both.")
    try:
        if for_:
            return time.time() + moments.duration_seconds(for_)
        return moments.moment(until, time.time()) if until else None
    except moments.BadMoment as error:
        raise typer.BadParameter(str(error)) from error


def pause(ids: Sequence[int] | None, until: float | None, as_json: bool) -> Exit:
    """Raises ProblemError."""
    done = "paused" if until is None else f"paused until {moments.shown(until, time.time())}"
    more = {} if until is None else {"until": until}
    return _order(
        lambda engine: engine.pause(ids, until=until), "paused", ids is None, as_json, done, more
    )


def cancel(ids: Sequence[int] | None, as_json: bool) -> Exit:
    """Raises ProblemError."""
    return _order(lambda engine: engine.cancel(ids), "cancelled", ids is None, as_json)


def _order(
    order: Callable[[Face], int],
    event: str,
    everything: bool,
    as_json: bool,
    done: str = "",
    more: Mapping[str, float] | None = None,
) -> Exit:
    settings = context.settings()
    attached = attach(settings, lambda: context.connect(settings))
    try:
        count = order(attached.engine)
    finally:
        attached.close()
    if as_json:
        print(json.dumps({"event": event, "count": count, **(more or {})}))
    else:
        print(f"{count} {done or event}.")
    return Exit.DONE if count or everything else Exit.NEEDS_YOU


def show_status(as_json: bool) -> Exit:
    """Raises ProblemError."""
    snapshot = _status(context.settings())
    if as_json:
        print(json.dumps({"event": "status", **msgspec.to_builtins(snapshot)}))
    else:
        for row in snapshot.transfers:
            print(_status_line(row))
        if snapshot.receiver.code:
            print(receiver_line(snapshot.receiver))
        if snapshot.limits.paused:
            print(limits_line(snapshot.limits, time.time()))
        print(", ".join(f"{n} {state}" for state, n in snapshot.counts.items()) or "No transfers.")
    return Exit.DONE


def _status(settings: Settings) -> Snapshot:
    """From the engine, if one runs; else as the ledger has it."""
    engine = running_engine(settings.home)
    if engine is not None:
        try:
            return engine.snapshot()
        finally:
            engine.close()
    if not (settings.home / FILE_NAME).exists():
        return Snapshot(0, ())
    ledger = Ledger(settings.home, read_only=True)
    try:
        rows = ledger.in_states((*UNFINISHED, TransferState.FAILED))
        tallies = ledger.tallies()
        listing = bool(ledger.roots())
    finally:
        ledger.close()
    arriving = [tally for state, tally in tallies.items() if state not in WITHOUT_ARRIVING]
    return Snapshot(
        0,
        tuple(resting_view(row) for row in rows),
        counts={state: files for state, (files, _, _) in tallies.items()},
        listing=listing,
        size=sum(size for _, size, _ in arriving),
        done_bytes=sum(done for _, _, done in arriving),
    )


def _status_line(row: TransferView) -> str:
    share = f"{100 * row.done_bytes // row.size:3d} %" if row.size else "     "
    speed = f" {size_text(row.bytes_per_second)}/s" if row.bytes_per_second else ""
    until = ""
    if row.state == "paused" and row.next_try is not None:
        until = f" Until {moments.shown(row.next_try, time.time())}."
    told = f"{row.sentence}{until} {row.remedy}".rstrip()
    return f"{row.id:>5} {row.state:9} {share} {printable(row.source)}{speed}: {told}"


def checked_folder(to: str) -> str:
    """A folder at the receiver as the user writes it. Raises ProblemError("bad_path")."""
    try:
        return remote_path.check_folder(to.strip("/"))
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error


def make_display(as_json: bool) -> Display:
    """For a program, a terminal, or a log."""
    if as_json:
        return JsonDisplay()
    if sys.stdout.isatty():
        from howdah_desktop.cli.progress import RichDisplay  # rich is slow to import

        return RichDisplay()
    return PlainDisplay()
