"""Random calls, crashes and races of the upload protocol, against a model of it.

A real receiver, over HTTP, killed with SIGKILL again and again. After each step what it shows must be what
the model says; where calls went on at the same time or were cut off, what some order of them comes to.

A failure is repeated with the seed that is printed: `--hypothesis-seed=SEED`. `make soak` takes another
seed each time, and many more runs.
"""

from __future__ import annotations

import functools
import itertools
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from kit.calls import Call, Cancel, Complete, Frame, Put, Stream
from kit.model import Model, Said, Upload
from kit.native import Native
from kit.random_calls import RandomCalls
from kit.receiver import running_receiver
from kit.witness import UNREAD, Witness

SEED = 20_011
KILLS = 50
DELAYS = (0.0, 0.001, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.04)
"""Seconds from the calls to the kill: a call takes some 2 to 20 ms."""
PATIENCE_SECONDS = 2.0

# One number decides all that a rule does: how many choices hypothesis makes must not hang on what the
# receiver did, which in a race is not the same each time.
CHANCE = st.integers(0, 2**32 - 1)

MUST_BE_SEEN = frozenset(
    {
        "Start 200", "Start 201", "Start 409 client_id_conflict",
        "Stream 200", "Stream 400 bad_frame", "Stream 400 chunk_out_of_range",
        "Stream 409 chunk_conflict", "Stream 409 upload_not_open", "Stream 422 chunk_mismatch",
        "Put 201", "Put 204", "Put 400 chunk_out_of_range", "Put 409 chunk_conflict",
        "Put 409 upload_not_open", "Put 422 chunk_mismatch",
        "Have 200", "Have 409 upload_not_open",
        "Complete 201", "Complete 409 completion_conflict", "Complete 409 path_conflict",
        "Complete 409 upload_incomplete", "Complete 409 upload_not_open",
        "Complete 412 version_conflict", "Complete 422 manifest_mismatch",
        "Complete 422 sha256_mismatch", "Complete 422 size_mismatch",
        "Cancel 204", "Cancel 409 upload_not_open",
    }
)  # fmt: skip


RULES: list[str] = []


def step(work: Callable[[UploadStates, random.Random], None]) -> Callable[..., None]:
    """A rule, counted."""
    RULES.append(work.__name__)

    @functools.wraps(work)
    def counted(self: UploadStates, chance: int) -> None:
        self.witness.counts[work.__name__] += 1
        try:
            work(self, random.Random(chance))
        except BaseException:
            self.failed = True
            raise

    return rule(chance=CHANCE)(counted)


class UploadStates(RuleBasedStateMachine):
    """One run: a folder of its own on a receiver that lives on."""

    runs = itertools.count()

    def __init__(self, witness: Witness) -> None:
        super().__init__()
        self.witness = witness
        self.model = Model()
        self.make = RandomCalls(f"run-{next(self.runs)}")
        self.failed = False
        witness.begin()

    # -- means

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
        self.ask(self.make.completion(self.model, key, rng, right=True))
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

    # -- one call after the other

    @step
    def start(self, rng: random.Random) -> None:
        self.started(rng)

    @step
    def start_for_a_path_that_another_upload_has(self, rng: random.Random) -> None:
        self.started(rng, self.upload(self.open_one(rng)).start.path)

    @step
    def start_again(self, rng: random.Random) -> None:
        key = self.open_one(rng) if rng.random() < 0.5 else self.ended_one(rng)
        self.ask(self.upload(key).start)

    @step
    def start_with_other_words_under_the_same_client_id(self, rng: random.Random) -> None:
        start = self.upload(self.open_one(rng)).start
        others = [replace(start, modified_ns=5), replace(start, path=f"{start.path}2")]
        self.ask(rng.choice([*others, replace(start, size=None if start.size else 9)]))

    @step
    def chunk_stream(self, rng: random.Random) -> None:
        for _ in range(2):
            key = self.open_one(rng)
            self.ask(self.make.stream(self.model, key, rng))

    @step
    def plain_chunk(self, rng: random.Random) -> None:
        for _ in range(2):
            key = self.open_one(rng)
            self.ask(self.make.put(self.model, key, rng))

    @step
    def other_bytes_under_a_number_that_was_received(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        algorithm = self.upload(key).start.algorithm
        for number, data in [*self.upload(key).received.items()][:2]:
            other = Frame(number, bytes(len(data)))
            plain, framed = Put(key, algorithm, other), Stream(key, algorithm, (other,))
            self.ask(plain if rng.random() < 0.5 else framed)

    @step
    def have(self, rng: random.Random) -> None:
        key = self.open_one(rng)
        self.ask(self.make.have(self.model, key, rng))

    @step
    def complete_with_what_is_there(self, rng: random.Random) -> None:
        key = self.open_one(rng)
        self.ask(self.make.completion(self.model, key, rng, right=True))

    @step
    def complete_with_everything(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        self.ask(self.make.completion(self.model, key, rng, right=True))

    @step
    def complete_with_something_wrong(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        self.ask(self.make.completion(self.model, key, rng, right=False))

    @step
    def complete_again(self, rng: random.Random) -> None:
        key = self.published_one(rng)
        before = self.upload(key).completion
        assert before is not None
        other = replace(before, path=f"{self.make.folder}/elsewhere")
        self.ask(before if rng.random() < 0.6 else other)

    @step
    def cancel(self, rng: random.Random) -> None:
        self.ask(Cancel(self.open_one(rng)))

    @step
    def anything_after_the_end(self, rng: random.Random) -> None:
        """Late chunks, another cancel, another completion."""
        key = self.ended_one(rng)
        for call in self.calls(key, rng, 3):
            self.ask(call)

    @step
    def look_at_everything(self, rng: random.Random) -> None:
        self.check()

    # -- a line that breaks

    @step
    def the_answer_is_lost_and_the_call_repeated(self, rng: random.Random) -> None:
        key = self.open_one(rng)
        call = rng.choice([self.make.start(rng), *self.calls(key, rng, 3)])
        self.witness.ask_and_lose(call)
        self.judge([call], [UNREAD])
        self.ask(call)

    @step
    def the_line_breaks_in_mid_stream(self, rng: random.Random) -> None:
        """What was whole by then counts, before long."""
        key = self.open_one(rng)
        stream = self.make.stream(self.model, key, rng)
        torn = stream.torn or stream.frames[-1]
        stream = replace(stream, frames=stream.frames[: rng.randint(0, 5)], torn=torn)
        self.witness.ask_and_lose(stream, cut=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            after = self.witness.after(self.model, self.make.folder, [stream], [UNREAD])
            if after is not None:
                self.model = after
                return
        self.judge([stream], [UNREAD])

    # -- at the same time

    @step
    def complete_against_cancel_against_late_chunks(self, rng: random.Random) -> None:
        key = self.open_one(rng)
        late = self.make.rest(self.model, key) or self.make.stream(self.model, key, rng)
        if rng.random() < 0.5:
            self.fill(key)
        complete = self.make.completion(self.model, key, rng, right=True)
        calls: list[Call] = [late, complete, Cancel(key), self.make.put(self.model, key, rng)]
        self.at_once(rng.sample(calls, rng.randint(2, 4)))

    @step
    def two_completions_of_one_upload(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        one = self.make.completion(self.model, key, rng, right=True)
        other = self.make.completion(self.model, key, rng, right=rng.random() < 0.5)
        self.at_once([one, rng.choice([one, other])])

    @step
    def two_uploads_completed_to_one_path(self, rng: random.Random) -> None:
        one = self.fill(self.open_one(rng))
        path = self.upload(one).start.path
        other = self.fill(self.started(rng, path))
        there = self.model.files.get(path)
        version = rng.choice([None, there.name if there else "none"])
        contents = [self.make.content(self.model, key) for key in (one, other)]
        calls = [
            Complete(key, content.size, content.manifest_digest, if_version=version)
            for key, content in zip((one, other), contents, strict=True)
        ]
        self.at_once(calls)

    @step
    def several_send_the_same_chunks(self, rng: random.Random) -> None:
        key = self.open_one(rng)
        put = self.make.put(self.model, key, rng)
        streams = [self.make.stream(self.model, key, rng) for _ in range(2)]
        self.at_once([*(replace(one, frames=one.frames[:3]) for one in streams), put])

    @step
    def the_same_start_twice(self, rng: random.Random) -> None:
        start = self.make.start(rng)
        self.at_once([start, start])

    # -- the receiver ends

    @step
    def killed_between_calls(self, rng: random.Random) -> None:
        self.killed([], rng)

    @step
    def killed_during_a_call_which_is_repeated(self, rng: random.Random) -> None:
        call = rng.choice([self.make.start(rng), *self.calls(self.open_one(rng), rng, 3)])
        self.killed([call], rng)
        self.ask(call)

    @step
    def killed_during_streams_and_a_completion(self, rng: random.Random) -> None:
        key, other = self.fill(self.open_one(rng)), self.started(rng)
        complete = self.make.completion(self.model, key, rng, right=True)
        stream = self.make.rest(self.model, other) or self.make.stream(self.model, other, rng)
        more: list[Call] = [stream, self.make.put(self.model, key, rng)]
        self.killed([complete, *rng.sample(more, rng.randint(0, 2))], rng)

    @step
    def stopped_in_good_order(self, rng: random.Random) -> None:
        self.witness.receiver.restart()
        self.judge([], [])
        self.check()

    def teardown(self) -> None:
        if not self.failed:
            self.killed([], random.Random(0))


def run(folder: Path, number: int, *, runs: int, steps: int, phases: Sequence[Phase]) -> Witness:
    """The machine with that seed, on a receiver of its own."""
    with running_receiver(folder / "data") as receiver, Native.paired_with(receiver) as native:
        witness = Witness(receiver, native)

        @seed(number)
        def machine() -> UploadStates:
            return UploadStates(witness)

        run_state_machine_as_test(
            machine,  # type: ignore[arg-type]  # a factory will do
            settings=settings(
                max_examples=runs,
                stateful_step_count=steps,
                derandomize=True,
                database=None,
                deadline=None,
                print_blob=True,
                phases=phases,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return witness


def chosen_seed(request: pytest.FixtureRequest, default: int) -> int:
    given = request.config.getoption("--hypothesis-seed")
    return int(given) if given else default


@pytest.mark.timeout(400)
def test_whatever_happens_the_receiver_does_what_the_model_says(
    short_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    number = chosen_seed(request, SEED)
    witness = run(short_path, number, runs=36, steps=14, phases=[Phase.generate])
    with capsys.disabled():
        print(f"\n--hypothesis-seed={number}\n{witness.told()}")
    assert witness.counts["SIGKILL"] >= KILLS
    assert set(RULES) <= witness.counts.keys()
    assert witness.answers.keys() >= MUST_BE_SEEN


@pytest.mark.soak
@pytest.mark.timeout(4000)
def test_for_long_the_receiver_does_what_the_model_says(
    short_path: Path, request: pytest.FixtureRequest
) -> None:
    number = chosen_seed(request, secrets.randbelow(2**32))
    print(f"--hypothesis-seed={number}")
    phases = [Phase.generate, Phase.shrink]
    print(run(short_path, number, runs=600, steps=40, phases=phases).told())
