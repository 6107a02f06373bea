"""`howdah watch ...`: folders that are kept in step with the receiver."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import attach, running_engine
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.views import FolderView
from howdah_desktop.folders.watched import FolderSettings, Links

Result = TypeVar("Result")

_NO_SERVICE = "Nothing runs that would watch it: start `howdah run`, or open the window."


def add(
    path: str,
    target: str,
    mirror: bool,
    ignore: Sequence[str],
    only: Sequence[str],
    follow_links: bool,
    follow: bool,
    as_json: bool,
) -> Exit:
    """Raises ProblemError."""
    settings = FolderSettings(
        ignore=tuple(ignore),
        only=tuple(only),
        links=Links.FOLLOW if follow_links else Links.SKIP,
        follow=follow,
    )
    home = context.settings()
    context.connect(home).close()  # not paired: said at once
    local = os.fsencode(path)
    was_running = _is_running()
    name = os.path.basename(os.path.realpath(path))  # noqa: PTH119
    id_ = _with_engine(lambda engine: engine.watch_add(local, target or name, mirror, settings))
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
    if folder.why:
        lines.append(f"   {printable(folder.why)}")
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
