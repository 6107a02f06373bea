"""`howdah watch ...`: folders that are kept in step with the receiver."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import typer

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable, size_text
from howdah_desktop.cli.durations import seconds_of, time_of
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import attach, running_engine
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.views import FolderView
from howdah_desktop.folders.watched import FolderSettings, Links
from howdah_desktop.freeing.how import FreeRule, How

Result = TypeVar("Result")

_NO_SERVICE = "Nothing runs that would watch it: start `howdah run`, or open the window."


NEVER = "never"


@dataclass(frozen=True, slots=True)
class Wish:
    """A folder to be watched, as it was typed."""

    path: str
    target: str
    mirror: bool
    ignore: tuple[str, ...]
    only: tuple[str, ...]
    links: Links
    follow: bool
    free_after: str
    free_how: How | None


def add(wish: Wish, as_json: bool) -> Exit:
    """Raises ProblemError."""
    settings = FolderSettings(
        ignore=wish.ignore,
        only=wish.only,
        links=wish.links,
        follow=wish.follow,
        free=_rule(None, wish.free_after, wish.free_how),
    )
    home = context.settings()
    context.connect(home).close()  # not paired: said at once
    local = os.fsencode(wish.path)
    was_running = _is_running()
    target = wish.target or os.path.basename(os.path.realpath(wish.path))  # noqa: PTH119
    id_ = _with_engine(lambda engine: engine.watch_add(local, target, wish.mirror, settings))
    _say(as_json, {"event": "watched", "id": id_}, f"Watched as number {id_}.")
    if not was_running and not as_json:
        print(_NO_SERVICE, file=sys.stderr)
    return Exit.DONE


def show(as_json: bool) -> Exit:
    """Raises ProblemError."""
    folders = _with_engine(lambda engine: engine.watched())
    for folder in folders:
        if as_json:
            print(json.dumps({"event": "folder", **msgspec.to_builtins(folder)}))
        else:
            print("\n".join(_lines(folder)))
    if not folders and not as_json:
        print("No folder is watched. `howdah watch add DIR` begins.", file=sys.stderr)
    troubled = any(folder.state in ("unavailable", "asking") for folder in folders)
    return Exit.NEEDS_YOU if troubled else Exit.DONE


def change(
    what: str, chosen: Sequence[str], until: float | None, everything: bool, as_json: bool
) -> Exit:
    """`what`: remove, pause, resume or scan, of folders given by number or path. Raises ProblemError."""

    def order(engine: Face) -> int:
        ids = _ids(engine, chosen, everything)
        match what:
            case "remove":
                return engine.watch_remove(ids)
            case "pause":
                return engine.watch_pause(ids, until)
            case "resume":
                return engine.watch_resume(ids)
            case _:
                return engine.watch_scan(ids)

    count = _with_engine(order)
    words = {
        "remove": "not watched any more; what is there stays",
        "pause": "paused",
        "resume": "going on",
        "scan": "being compared",
    }[what]
    folders = "1 folder is" if count == 1 else f"{count} folders are"
    _say(as_json, {"event": what, "folders": count}, f"{folders} {words}.")
    return Exit.DONE


def set_free(
    chosen: Sequence[str], everything: bool, after: str, how: How | None, as_json: bool
) -> Exit:
    """`after` empty, `how` None: as it is now. Raises ProblemError."""

    def order(engine: Face) -> int:
        rules = {folder.id: folder.free for folder in engine.watched()}
        ids = _ids(engine, chosen, everything)
        wanted = {id_: _rule(rules[id_], after, how) for id_ in ids}
        return sum(engine.watch_free([id_], rule) for id_, rule in wanted.items())

    count = _with_engine(order)
    folders = "1 folder has" if count == 1 else f"{count} folders have"
    _say(as_json, {"event": "set", "folders": count}, f"{folders} this rule from now on.")
    return Exit.DONE


def _rule(before: FreeRule | None, after: str, how: How | None) -> FreeRule | None:
    """Raises typer.BadParameter, which ends with exit code 2."""
    if after == NEVER:
        return None
    if after:
        seconds = seconds_of(after)
    elif before is not None:
        seconds = before.after_seconds
    elif how is None:
        return None
    else:
        raise typer.BadParameter("Say after how long as well, with --free-after.")
    if how is None:
        how = How.TRASH if before is None else before.how
    return FreeRule(seconds, how)


def _ids(engine: Face, chosen: Sequence[str], everything: bool) -> list[int]:
    folders = engine.watched()
    if everything:
        return [folder.id for folder in folders]
    found = []
    for text in chosen:
        real = os.path.realpath(text)
        fits = [f.id for f in folders if str(f.id) == text or f.local == real]
        if not fits:
            raise ProblemError("folder_unknown", f"It is {text}.")
        found += fits
    return found


def _lines(folder: FolderView) -> list[str]:
    kind = "mirror" if folder.mirror else "backup"
    kind += ", growing files are followed" if folder.follow else ""
    lines = [
        f"{folder.id}  {printable(folder.local)} -> {printable(folder.target)}  ({kind})",
        f"   {printable(folder.sentence)} {printable(folder.remedy)}".rstrip(),
    ]
    counts = [f"{folder.files:,} files are there"]
    counts += [
        f"{count:,} {state}" for state, count in sorted(folder.transfers.items()) if state != "done"
    ]
    counts += [f"{count:,} left out ({rule})" for rule, count in sorted(folder.left_out.items())]
    lines.append(f"   {', '.join(counts)}")
    if folder.compared:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(folder.compared))
        lines.append(f"   last compared {when}")
    lines += _free_lines(folder)
    if folder.why:
        lines.append(f"   {printable(folder.why)}")
    return lines


def _free_lines(folder: FolderView) -> list[str]:
    if folder.free is None:
        return []
    how = "goes to the trash here" if folder.free.how is How.TRASH else "is deleted here"
    lines = [f"   what arrived {time_of(folder.free.after_seconds)} ago or earlier {how}"]
    if folder.freed is not None:
        freed = folder.freed
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(freed.at))
        size = size_text(freed.freed_bytes)
        lines.append(f"   {when}: {freed.files:,} freed ({size}), {freed.stays:,} stay")
        lines += [
            f"     stays {printable(one.path)}: {printable(one.sentence)} {printable(one.remedy)}"
            for one in freed.first_stays
        ]
        if freed.stays > len(freed.first_stays):
            lines.append("     and more: `howdah history` has them")
    return lines


def _is_running() -> bool:
    engine = running_engine(context.settings().home)
    if engine is None:
        return False
    engine.close()
    return True


def _with_engine(order: Callable[[Face], Result]) -> Result:
    settings = context.settings()
    attached = attach(settings, lambda: context.connect(settings))
    try:
        return order(attached.engine)
    finally:
        attached.close()


def _say(as_json: bool, event: dict[str, object], sentence: str) -> None:
    print(json.dumps(event) if as_json else sentence)
