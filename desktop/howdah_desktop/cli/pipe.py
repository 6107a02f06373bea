"""`howdah send -`: standard input, sent by this process itself, as it can be read only once."""

from __future__ import annotations

import json
import sys
import time

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import size_text
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.pipe_limits import PipeLimits
from howdah_desktop.engine.pipe import PipeSender
from howdah_desktop.engine.transfers import IfExists, TransferState
from howdah_desktop.remote.receiver import Receiver

PAUSED_SECONDS = 0.5
"""So often it is asked whether a pause of everything has ended."""


class _Watch:
    """Says on stderr why it waits, and ends after `give_up_after` seconds without progress."""

    def __init__(self, give_up_after: float | None, limits: PipeLimits) -> None:
        self._give_up_after = give_up_after
        self._limits = limits
        self._moved_at = time.monotonic()
        self._told: str | None = None
        self.done_bytes = 0

    def pause(self, seconds: float, problem: ProblemError | None) -> None:
        self._wait(seconds, "" if problem is None else problem.code, str(problem))

    def may_leave(self, wanted: int) -> int:
        while not (count := self._limits.some(wanted)):
            self._wait(PAUSED_SECONDS, "paused", self._limits.paused)
        return count

    def _wait(self, seconds: float, code: str, told: str) -> None:
        waited = time.monotonic() - self._moved_at
        if self._give_up_after is not None and waited + seconds > self._give_up_after:
            raise GaveUp
        if code and code != self._told:
            self._told = code
            print(f"howdah: waits: {told}", file=sys.stderr, flush=True)
        time.sleep(seconds)

    def arrived(self, done_bytes: int) -> None:
        self.done_bytes = done_bytes
        self._moved_at, self._told = time.monotonic(), None


class GaveUp(Exception):
    """It took longer than the user wants to wait."""


def send_stdin(
    target: str, if_exists: IfExists, sha256: bool, as_json: bool, give_up_after: float | None
) -> Exit:
    """Raises ProblemError."""
    settings = context.settings()
    receiver = context.connect(settings)
    limits = PipeLimits(settings.home)
    watch = _Watch(give_up_after, limits)
    sender = PipeSender(receiver, sys.stdin.buffer, target, if_exists, watch, sha256=sha256)
    try:
        outcome = sender.run()
    except (KeyboardInterrupt, GaveUp) as error:
        _discard(receiver, sender)
        print("howdah: standard input cannot be resumed: send it again.", file=sys.stderr)
        return Exit.GAVE_UP if isinstance(error, GaveUp) else Exit.INTERRUPTED
    except ProblemError:
        _discard(receiver, sender)
        raise
    finally:
        receiver.close()
        limits.close()
    done = outcome.state is TransferState.DONE
    if as_json:
        told = {"event": "transfer", "state": outcome.state.value, "source": "-"}
        told |= {"target": outcome.final_path or target, "digest": outcome.digest or ""}
        print(json.dumps({**told, "size": watch.done_bytes}))
        counts = {outcome.state.value: 1}
        print(json.dumps({"event": "summary", "counts": counts, "exit_code": 0}), flush=True)
    else:
        path = outcome.final_path or target
        print(
            f"{outcome.state.value:8} {path}"
            + (f" ({size_text(watch.done_bytes)})" if done else "")
        )
    return Exit.DONE


def _discard(receiver: Receiver, sender: PipeSender) -> None:
    """Nobody can go on with it: free the receiver's side, if it answers."""
    if sender.upload_id is None:
        return
    try:
        receiver.cancel(sender.upload_id)
    except ProblemError:
        pass  # it expires there
