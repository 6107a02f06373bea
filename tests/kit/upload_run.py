"""What a run of random calls against a receiver and its model is made of."""

from __future__ import annotations

import functools
import itertools
import random
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from kit.calls import Call, Cancel, Complete
from kit.model import Model, Said, Upload
from kit.random_calls import RandomCalls
from kit.witness import Witness

DELAYS = (0.0, 0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.04)
"""Seconds from the calls to the kill: a call takes some 2 to 20 ms."""

# One number decides all that a rule does: how many choices hypothesis makes must not hang on what the
# receiver did, which in a race is not the same each time.
CHANCE = st.integers(0, 2**32 - 1)

RULES: list[str] = []

Run = TypeVar("Run", bound="UploadRun")


def step(work: Callable[[Run, random.Random], None]) -> Callable[..., None]:
    """A rule, counted."""
    RULES.append(work.__name__)

    @functools.wraps(work)
    def counted(self: Run, chance: int) -> None:
        self.witness.counts[work.__name__] += 1
        self.witness.story.append(f"{work.__name__}({chance=}):")
        with self.noting_failure():
            work(self, random.Random(chance))

    return rule(chance=CHANCE)(counted)


class UploadRun(RuleBasedStateMachine):
    """One run: a folder of its own on a receiver that lives on."""

    runs = itertools.count()

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self.witness = witness
        self.model = Model()
        self.make = RandomCalls(f"run-{next(self.runs)}")
        self.failed = False
        witness.begin()

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """A race may go another way when hypothesis tries again, and it then talks of that alone."""
        try:
            yield
        except Exception:
            self.failed = True
            self.witness.failure = self.witness.failure or traceback.format_exc()
            raise

    def ask(self, call: Call) -> Said:
        """One call, whose answer and effect must be the model's."""
        said = self.witness.ask(call)
        self.judge([call], [said])
        return said

    def judge(self, calls: Sequence[Call], said: Sequence[Said | None]) -> None:
        self.model = self.witness.judge(self.model, self.make.folder, calls, said)

    def at_once(self, calls: Sequence[Call]) -> None:
        said = self.witness.ask_at_once(calls)
        assert None not in said, self.witness.story
        self.judge(calls, said)

    def killed(self, calls: Sequence[Call], rng: random.Random) -> None:
        """Kill the receiver while it is at work on `calls`, and start it again."""
        said = self.witness.ask_at_once(calls, kill_after=rng.choice(DELAYS))
        self.witness.receiver.restart()
        self.judge(calls, said)
        self.check()

    def check(self) -> None:
        self.witness.check_everything(self.model, self.make.folder)

    def upload(self, key: str) -> Upload:
        return self.model.uploads[key]

    def started(self, rng: random.Random, path: str | None = None) -> str:
        start = self.make.start(rng, path)
        self.ask(start)
        return start.key

    def open_one(self, rng: random.Random) -> str:
        """An open upload, a new one where there is none."""
        keys = [key for key, one in self.model.uploads.items() if one.state == "open"]
        return rng.choice(keys) if keys else self.started(rng)

    def fill(self, key: str) -> str:
        """Send what is missing; chunks that were received with other bytes stay what they are."""
        rest = self.make.rest(self.model, key)
        if rest:
            self.ask(rest)
        return key

    def ended_one(self, rng: random.Random) -> str:
        """An upload that was published, cancelled or rejected."""
        keys = [key for key, one in self.model.uploads.items() if one.state != "open"]
        if keys:
            return rng.choice(keys)
        key = self.fill(self.open_one(rng))
        self.ask(self.make.completion(self.model, key, rng))
        if self.upload(key).state == "open":
            self.ask(Cancel(key))
        return key

    def published_one(self, rng: random.Random) -> str:
        keys = [key for key, one in self.model.uploads.items() if one.state == "published"]
        if keys:
            return rng.choice(keys)
        key = self.fill(self.started(rng, f"{self.make.folder}/free-{len(self.model.uploads)}"))
        content = self.make.content(self.model, key)
        self.ask(Complete(key, content.size, content.manifest_digest))
        return key

    def calls(self, key: str, rng: random.Random, count: int) -> list[Call]:
        return [self.make.any_call(self.model, key, rng) for _ in range(count)]

    def teardown(self) -> None:
        if not self.failed:
            with self.noting_failure():
                self.killed([], random.Random(0))
