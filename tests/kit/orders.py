"""What calls at the same time may come to: what some order of their steps comes to in the model.

A chunk stream has a step for each frame; everything else is one step. A call whose answer was lost may
have stopped before any step; a chunk that runs into a change of its upload may be stopped by it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from kit.calls import Call, Put, Stream
from kit.model import Model, Said, refused

STOPPED = (refused("upload_not_open"), refused("chunk_superseded"))


@dataclass(frozen=True)
class Progress:
    """How far a call has come, and what its answer will hold."""

    at: int = 0
    stored: frozenset[int] = frozenset()
    refusals: tuple[Said, ...] = ()
    said: Said | None = None
    done: bool = False

    def ends(self, said: Said | None) -> Progress:
        return replace(self, said=said, done=True)


Way = tuple[Model, tuple[Progress, ...]]


@dataclass(frozen=True)
class Outcome:
    model: Model
    answers: tuple[Said | None, ...]
    """None: no answer came, or whatever came is right."""


def outcomes(model: Model, calls: Sequence[Call], *, lost: Sequence[bool] = ()) -> list[Outcome]:
    """All that `calls`, begun at the same time, may come to. `lost`: whose answer nobody has."""
    lost = tuple(lost) or (False,) * len(calls)
    found: list[Outcome] = []
    seen: set[Hashable] = set()
    ways: list[Way] = [(model, (Progress(),) * len(calls))]
    while ways:
        here, progress = ways.pop()
        mark = (_mark(here), progress)
        if mark in seen:
            continue
        seen.add(mark)
        if all(one.done for one in progress):
            found.append(Outcome(here, tuple(one.said for one in progress)))
        for at, one in enumerate(progress):
            if not one.done:
                for after, further in _steps(here, calls[at], one, len(calls) > 1, lost[at]):
                    ways.append((after, (*progress[:at], further, *progress[at + 1 :])))
    return found


def _mark(model: Model) -> Hashable:
    """Equal for equal models; cheaper than to compare all their bytes."""
    uploads = (
        (one.start.key, one.state, one.version, frozenset((n, hash(d)) for n, d in chunks))
        for one in model.uploads.values()
        for chunks in [one.received.items()]
    )
    files = ((path, version.name) for path, version in model.files.items())
    return frozenset(uploads), frozenset(files)


def _steps(
    model: Model, call: Call, progress: Progress, crowded: bool, lost: bool
) -> Iterator[tuple[Model, Progress]]:
    if lost:
        yield model, progress.ends(None)
    if crowded and isinstance(call, Stream | Put):
        for said in STOPPED:
            yield model, progress.ends(said)
    if isinstance(call, Stream):
        after, further = _stream_step(model, call, progress)
    else:
        after, said = model.do(call)
        further = progress.ends(said)
    yield after, further.ends(None) if lost and further.done else further


def _stream_step(model: Model, call: Stream, progress: Progress) -> tuple[Model, Progress]:
    if progress.at == len(call.frames):
        return model, progress.ends(_end(model, call, progress))
    frame = call.frames[progress.at]
    no = model.begin(call.key, frame)
    if no:
        return model, progress.ends(no)
    model, said = model.chunk(call.key, frame)
    progress = replace(progress, at=progress.at + 1)
    if said.code:
        return model, replace(progress, refusals=(*progress.refusals, said))
    return model, replace(progress, stored=progress.stored | {frame.number})


def _end(model: Model, call: Stream, progress: Progress) -> Said:
    if call.torn:
        return model.begin(call.key, call.torn) or refused("bad_frame")
    if not progress.refusals:
        return Said(200, None, tuple(sorted(progress.stored)))
    code = progress.refusals[0].code
    assert code is not None
    numbers = [n for said in progress.refusals if said.code == code for n in said.numbers or ()]
    return refused(code, tuple(numbers))
