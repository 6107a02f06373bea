"""Random calls, crashes and races of the upload protocol, against a model of it.

A real receiver, over HTTP, killed with SIGKILL again and again. After each step what it shows must be what
the model says; where calls went on at the same time or were cut off, what some order of them comes to.

A failure is repeated with the seed that is printed: `--hypothesis-seed=SEED`. `make soak` takes another
seed each time, and many more runs.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from kit.calls import Call, Cancel, Complete, Frame, Put, Stream
from kit.native import Native
from kit.receiver import running_receiver
from kit.upload_run import RULES, UploadRun, step
from kit.witness import UNREAD, Witness

SEED = 20_011
KILLS = 50
PATIENCE_SECONDS = 2.0

MUST_BE_SEEN = {
    "Start": "200, 201, 409 client_id_conflict",
    "Stream": "200, 400 bad_frame, 400 chunk_out_of_range, 409 chunk_conflict, 409 upload_not_open, "
    "422 chunk_mismatch",
    "Put": "201, 204, 400 chunk_out_of_range, 409 chunk_conflict, 409 upload_not_open, "
    "422 chunk_mismatch",
    "Have": "200, 400 chunk_out_of_range, 409 upload_not_open",
    "Complete": "201, 409 completion_conflict, 409 path_conflict, 409 upload_incomplete, "
    "409 upload_not_open, 412 version_conflict, 422 manifest_mismatch, 422 sha256_mismatch, "
    "422 size_mismatch",
    "Cancel": "204, 409 upload_not_open",
}


class UploadStates(UploadRun):
    """The rules: each decides all it does by one number, `rng`."""

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
        self.ask(self.make.completion(self.model, key, rng))

    @step
    def complete_with_everything(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        self.ask(self.make.completion(self.model, key, rng))

    @step
    def complete_with_something_wrong(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        for wrong in self.make.wrong_completions(self.model, key):
            self.ask(wrong)

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
    def wrong_digests_and_a_torn_stream(self, rng: random.Random) -> None:
        key = self.open_one(rng)
        algorithm = self.upload(key).start.algorithm
        right = Frame(0, self.make.data(key, 0) or b"an empty file has no chunk")
        wrong = replace(right, honest=False)
        self.ask(Put(key, algorithm, wrong))
        self.ask(Stream(key, algorithm, (wrong,)))
        self.ask(Stream(key, algorithm, (right,), torn=right))

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
        complete = self.make.completion(self.model, key, rng)
        calls: list[Call] = [late, complete, Cancel(key), self.make.put(self.model, key, rng)]
        self.at_once(rng.sample(calls, rng.randint(2, 4)))

    @step
    def two_completions_of_one_upload(self, rng: random.Random) -> None:
        key = self.fill(self.open_one(rng))
        one = self.make.completion(self.model, key, rng)
        wrong = rng.choice(self.make.wrong_completions(self.model, key))
        self.at_once([one, rng.choice([one, wrong, self.make.completion(self.model, key, rng)])])

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
        complete = self.make.completion(self.model, key, rng)
        stream = self.make.rest(self.model, other) or self.make.stream(self.model, other, rng)
        more: list[Call] = [stream, self.make.put(self.model, key, rng)]
        self.killed([complete, *rng.sample(more, rng.randint(0, 2))], rng)

    @step
    def stopped_in_good_order(self, rng: random.Random) -> None:
        self.witness.receiver.restart()
        self.judge([], [])
        self.check()


def run(
    folder: Path, number: int, *, runs: int, steps: int, tours: int, phases: Sequence[Phase]
) -> Witness:
    """The machine with that seed, on a receiver of its own."""
    with running_receiver(folder / "data") as receiver, Native.paired_with(receiver) as native:
        witness = Witness(receiver, native)

        @seed(number)
        def machine() -> UploadStates:
            return UploadStates(witness)

        try:
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
        except Exception as error:
            raise AssertionError(f"--hypothesis-seed={number}\n{witness.failure}") from error
        rng = random.Random(number)
        for _ in range(tours):
            tour(witness, rng)
    return witness


def tour(witness: Witness, rng: random.Random) -> None:
    """Every rule once, in random order: hypothesis likes some rules much better than others."""
    machine = UploadStates(witness)
    for name in rng.sample(RULES, len(RULES)):
        getattr(machine, name)(chance=rng.randrange(2**32))
    machine.teardown()


def chosen_seed(request: pytest.FixtureRequest, default: int) -> int:
    given = request.config.getoption("--hypothesis-seed")
    return int(given) if given else default


@pytest.mark.timeout(400)
def test_whatever_happens_the_receiver_does_what_the_model_says(
    short_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    number = chosen_seed(request, SEED)
    witness = run(short_path, number, runs=12, steps=12, tours=10, phases=[Phase.generate])
    with capsys.disabled():
        print(f"\n--hypothesis-seed={number}\n{witness.told()}")
    assert witness.counts["SIGKILL"] >= KILLS
    assert set(RULES) <= witness.counts.keys()
    wanted = {f"{call} {one}" for call, some in MUST_BE_SEEN.items() for one in some.split(", ")}
    assert wanted <= witness.answers.keys()


@pytest.mark.soak
@pytest.mark.timeout(4000)
def test_for_long_the_receiver_does_what_the_model_says(
    short_path: Path, request: pytest.FixtureRequest
) -> None:
    number = chosen_seed(request, secrets.randbelow(2**32))
    print(f"--hypothesis-seed={number}")
    phases = [Phase.generate, Phase.shrink]
    print(run(short_path, number, runs=600, steps=40, tours=50, phases=phases).told())
