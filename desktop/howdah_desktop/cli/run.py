"""`howdah run`: the engine in the background, until it is stopped."""

from __future__ import annotations

import os
import threading
import time

from howdah_desktop.cli import context
from howdah_desktop.cli.display import ENDED, HELD_UP, printable, receiver_line, row_line
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine.attach import Attached, take_over
from howdah_desktop.engine.views import Snapshot, TransferView
from howdah_desktop.service.notify import READY, STOPPING, notify, status
from howdah_desktop.settings import Settings

LOOK_SECONDS = 1.0
"""Between tries to take over, and between looks while something moves."""
WAIT_SECONDS = 30.0
STOP_SECONDS = 9.0
"""After so long the end is not waited for: everything is resumable at any moment."""
NO_GROUP = 0


def run_service(quiet: bool) -> Exit:
    """Until SIGTERM or Ctrl-C. Raises ProblemError where the ledger cannot be worked with."""
    service = _Service(context.settings(), quiet)
    try:
        service.run()
    except KeyboardInterrupt:
        service.stop()
    return Exit.DONE


class _Service:
    def __init__(self, settings: Settings, quiet: bool) -> None:
        self._settings = settings
        self._lines = Lines(quiet)
        self._attached: Attached | None = None
        self._told = False

    def run(self) -> None:
        while True:
            self._attached = take_over(self._settings, lambda: context.connect(self._settings))
            if self._attached is None:
                self._wait_for_turn()
                continue
            self._follow(self._attached)

    def _wait_for_turn(self) -> None:
        if not self._told:
            self._told = True
            told = "Another howdah does the work; this one takes over when it ends."
            self._lines.always(told)
            notify(READY, status(told))
        time.sleep(LOOK_SECONDS)

    def _follow(self, attached: Attached) -> None:
        self._told = False
        # Its number alone: what rests may be a million rows.
        since = attached.engine.snapshot(0, NO_GROUP).change
        told = "Running: what is unfinished goes on, and what is given comes in."
        self._lines.always(told)
        notify(READY, status(told))
        attached.engine.look()  # whether the receiver is there is said now, and not with the first file
        while True:
            snapshot = attached.engine.snapshot(since, None, WAIT_SECONDS)
            since = snapshot.change
            self._lines.show(snapshot)
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        notify(STOPPING, status("Stopping"))
        self._lines.always("Stopping. Everything goes on later.")
        # A disk or a line that hangs must not: what is not written down is asked for again.
        late = threading.Timer(STOP_SECONDS, os._exit, (int(Exit.DONE),))
        late.daemon = True
        late.start()
        if self._attached is not None:
            self._attached.close()
        late.cancel()


class Lines:
    """A line for what ended or is held up, as a journal wants it; no state is kept of what ended."""

    def __init__(self, quiet: bool) -> None:
        """`quiet`: problems alone."""
        self._quiet = quiet
        self._seen: dict[int, tuple[str, str | None, int]] = {}
        self._receiver: str | None = None

    def always(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def show(self, snapshot: Snapshot) -> None:
        for row in snapshot.transfers:
            if self._is_news(row) and (line := row_line(row)) is not None:
                print(printable(line), flush=True)
        if snapshot.receiver.code != self._receiver:
            self._receiver = snapshot.receiver.code
            print(receiver_line(snapshot.receiver), flush=True)

    def _is_news(self, row: TransferView) -> bool:
        now = (row.state, row.code, row.attempt)
        before = self._seen.pop(row.id, None)
        if row.state in HELD_UP:
            self._seen[row.id] = now
        if before == now or (self._quiet and row.state not in ("failed", "waiting")):
            return False
        return row.state in HELD_UP or row.state in ENDED


def install() -> Exit:
    """`--install`. Raises ProblemError."""
    from howdah_desktop.service import unit

    path, works = unit.install(context.settings().home)
    print(f"Written: {path}")
    if works:
        print("It runs now, and whenever you log in.")
    else:
        print(
            "Your systemd does not answer here. Where it does, these lines start it now and at each login:"
        )
        print("    systemctl --user daemon-reload")
        print(f"    systemctl --user enable --now {unit.NAME}")
    print("To let it run also while you are not logged in: loginctl enable-linger")
    return Exit.DONE


def uninstall() -> Exit:
    """`--uninstall`. Raises ProblemError."""
    from howdah_desktop.service import unit

    path = unit.uninstall()
    print(f"Removed: {path}" if path else f"There is none: {unit.unit_path()}")
    return Exit.DONE
