"""`howdah free`: local space, for what the receiver has."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context
from howdah_desktop.cli.display import printable, size_text
from howdah_desktop.cli.durations import seconds_of
from howdah_desktop.cli.exits import Exit
from howdah_desktop.cli.reading_bar import reading_bar
from howdah_desktop.engine.ledger_now import bring_up_to_date
from howdah_desktop.engine.ordering import Ordering
from howdah_desktop.engine.showing import shown_path
from howdah_desktop.freeing.candidates import candidates
from howdah_desktop.freeing.freeing import Freeing, Outcome
from howdah_desktop.freeing.how import How
from howdah_desktop.freeing.putting_back import LOCK_NAME, put_back
from howdah_desktop.freeing.sent import Sent, SentFiles
from howdah_desktop.settings import Settings
from howdah_desktop.system import Locked, exclusive_lock

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 600.0
"""So long without the SHA-256 of any file that is waited for: the receiver has other troubles."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as it was typed."""

    paths: tuple[str, ...]
    delete: bool
    dry_run: bool
    older_than: str


@dataclass
class Told:
    """What is said of each file, and of all."""

    wish: Wish
    as_json: bool
    freed: int = 0
    freed_bytes: int = 0
    stays: int = 0
    unread: list[Sent] = field(default_factory=list)

    def outcome(self, outcome: Outcome) -> None:
        path = shown_path(outcome.local)
        if outcome.problem is None:
            self.freed += 1
            self.freed_bytes += outcome.size
            word = "would be freed" if self.wish.dry_run else "freed"
            line = f"{word:8} {printable(path)} ({size_text(outcome.size)})"
        else:
            self.stays += 1
            line = f"{'stays':8} {printable(path)}: {printable(str(outcome.problem))}"
        if self.as_json:
            self._write("freed" if outcome.freed else "stays", _members(path, outcome))
        else:
            print(line, flush=True)

    def summary(self, code: Exit) -> None:
        if self.as_json:
            found = {"freed": self.freed, "freed_bytes": self.freed_bytes, "stays": self.stays}
            self._write("summary", found | {"dry_run": self.wish.dry_run, "exit_code": int(code)})
            return
        word = "would be freed" if self.wish.dry_run else "freed"
        print(f"{self.freed} {word} ({size_text(self.freed_bytes)}), {self.stays} stay.")
        if self.freed and not self.wish.delete and not self.wish.dry_run:
            print("They take room until the trash is emptied.")

    def _write(self, event: str, members: dict[str, Any]) -> None:
        print(json.dumps({"event": event, **members}), flush=True)


def free_paths(wish: Wish, as_json: bool) -> Exit:
    """Raises ProblemError."""
    before = time.time() - seconds_of(wish.older_than) if wish.older_than else None
    settings = context.settings()
    told = Told(wish, as_json)
    with _alone(settings), ExitStack() as stack:
        receiver = context.connect(settings)
        stack.callback(receiver.close)
        recorder = None
        if not wish.dry_run:
            recorder = Ordering(settings, lambda: context.connect(settings))
            stack.callback(recorder.close)
            _put_back(settings, recorder)
        ledger = None
        if bring_up_to_date(settings.home):
            ledger = SentFiles(settings.home)
            stack.callback(ledger.close)
        bar = stack.enter_context(reading_bar("Reading"))
        freeing = Freeing(receiver, recorder, How.DELETE if wish.delete else How.TRASH, bar)
        paths = [os.fsencode(path) for path in wish.paths]
        own = os.path.realpath(os.fsencode(settings.home))
        try:
            for found in candidates(ledger, paths, own, before):
                if isinstance(found, Sent):
                    _free(freeing, found, told)
                else:
                    told.outcome(found)
            _those_unread(freeing, told)
        except KeyboardInterrupt:
            print("howdah: interrupted. What was not freed yet stays.", file=sys.stderr)
            told.summary(Exit.INTERRUPTED)
            return Exit.INTERRUPTED
    code = Exit.NEEDS_YOU if told.stays else Exit.DONE
    told.summary(code)
    return code


def _free(freeing: Freeing, sent: Sent, told: Told) -> None:
    outcome = freeing.free(sent)
    if outcome.problem is not None and outcome.problem.code == "copy_unread":
        told.unread.append(sent)
    else:
        told.outcome(outcome)


def _those_unread(freeing: Freeing, told: Told) -> None:
    """The receiver reads one file after the other: those that it has not come to yet are waited for."""
    moved_at = time.monotonic()
    if told.unread:
        print(f"howdah: waiting until the receiver has read {len(told.unread)}", file=sys.stderr)
    while told.unread:
        waiting, told.unread = told.unread, []
        for sent in waiting:
            _free(freeing, sent, told)
        now = time.monotonic()
        if len(told.unread) < len(waiting):
            moved_at = now
        elif now - moved_at > PATIENCE_SECONDS:
            for sent in told.unread:
                told.outcome(Outcome(sent.local, problem=ProblemError("copy_unread")))
            return
        if told.unread:
            time.sleep(POLL_SECONDS)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Raises ProblemError("freeing_elsewhere")."""
    try:
        with exclusive_lock(settings.home / LOCK_NAME):
            yield
    except Locked:
        raise ProblemError("freeing_elsewhere") from None


def _put_back(settings: Settings, recorder: Ordering) -> None:
    """What an earlier one left aside when it was killed."""
    ledger = SentFiles(settings.home)
    try:
        unfinished = ledger.unfinished_freeings()
    finally:
        ledger.close()
    for intent in unfinished:
        ending = put_back(*intent)
        if ending is not None:
            recorder.end_freeing(ending.id, ending.removed)


def _members(path: str, outcome: Outcome) -> dict[str, Any]:
    if outcome.problem is None:
        return {
            "path": path,
            "size": outcome.size,
            "remote": outcome.remote,
            "sha256": outcome.sha256,
        }
    problem = outcome.problem
    told = {"code": problem.code, "sentence": problem.sentence, "remedy": problem.remedy}
    return {"path": path, "remote": outcome.remote, **told}
