"""`howdah` without arguments and `howdah send --window`: one window for each ledger."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from howdah_desktop.cli import context
from howdah_desktop.cli.exits import Exit
from howdah_desktop.settings import Settings
from howdah_desktop.system import Locked, exclusive_lock

LOCK_NAME = "window.lock"
NO_QT = (
    "The window needs Qt, which is not installed here: pip install 'howdah[desktop]'."
    " Every command works without it, see howdah --help."
)

NO_LIBRARIES = (
    "A system library that Qt needs is missing; on Debian or Ubuntu: sudo apt-get install"
    " libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libdbus-1-3"
)
NO_SCREEN = "There is no screen here. Every command works without one, see howdah --help."
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def hand_over(paths: Sequence[str], to: str) -> Exit:
    """`howdah send --window`. Raises ProblemError."""
    from howdah_desktop.cli.transfers import checked_folder

    if "-" in paths:
        raise typer.BadParameter("The window cannot take standard input.")
    # Absolute: the process that sends them may stand in another folder.
    local = [os.path.abspath(os.fsencode(path)) for path in paths]  # noqa: PTH100  # bytes
    return open_window(local, checked_folder(to))


def open_window(paths: Sequence[bytes] = (), to: str = "") -> Exit:
    """Open the window; where one is open already, hand `paths` over and bring it to the front.

    Raises ProblemError.
    """
    settings = context.settings()
    try:
        with exclusive_lock(settings.home / LOCK_NAME):
            return _run(settings, paths, to)
    except Locked:
        return _hand_over(settings, paths, to)


def _run(settings: Settings, paths: Sequence[bytes], to: str) -> Exit:
    try:
        from howdah_desktop.window.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("PySide6", "shiboken6"):
            raise
        return _cannot(NO_QT)
    except ImportError as error:
        if ".so" not in str(error):
            raise
        return _cannot(f"{NO_LIBRARIES} ({error})")
    if not _has_screen():
        return _cannot(NO_SCREEN)
    return Exit(run(settings, lambda: context.connect(settings), paths, to))


def _cannot(why: str) -> Exit:
    print(f"howdah: {why}", file=sys.stderr)
    return Exit.USAGE


def _has_screen() -> bool:
    """Qt would end the process without one."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in SCREENS)


def _hand_over(settings: Settings, paths: Sequence[bytes], to: str) -> Exit:
    from howdah_desktop.engine.attach import attach

    attached = attach(settings, lambda: context.connect(settings))
    try:
        group = attached.engine.add_sends(paths, to, ask_beyond=True) if paths else None
        attached.engine.call_window(group)
    finally:
        attached.close()
    print("The window is open already: it comes to the front.")
    return Exit.DONE
