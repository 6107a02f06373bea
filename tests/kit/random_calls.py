"""Makes up calls for a run of the model test: mostly right ones, and every kind of wrong one."""

from __future__ import annotations

import functools
import hashlib
import random
from dataclasses import replace

from howdah_common.digests import ALGORITHMS, digest
from kit.calls import CHUNK, Call, Cancel, Complete, Frame, Have, Put, Start, Stream
from kit.model import Model
from kit.native import Content

SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17, 5 * CHUNK - 1)
PATHS = ("a", "b", "d/c", "a/x")
TIMES_NS = (1_700_000_000_123_456_789, -1_000_000_000)
OTHER = 7
"""The variant that no upload means to carry."""


@functools.lru_cache(maxsize=4096)
def piece(folder: str, variant: int, number: int, length: int) -> bytes:
    """Chunk `number` of one of the contents of a run."""
    return random.Random(f"{folder} {variant} {number}").randbytes(length)


class RandomCalls:
    """`folder`: where the files of this run go, and where its contents differ from those of other runs."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._meant: dict[str, tuple[int, int]] = {}

    # -- what an upload is to carry

    def total(self, key: str) -> int:
        return -(-self._meant[key][1] // CHUNK)

    def data(self, key: str, number: int, variant: int | None = None) -> bytes:
        meant, size = self._meant[key]
        length = min(CHUNK, max(0, size - number * CHUNK))
        return piece(self.folder, meant if variant is None else variant, number, length)

    def content(self, model: Model, key: str) -> Content:
        data = b"".join(self.data(key, number) for number in range(self.total(key)))
        return Content(data, CHUNK, model.uploads[key].start.algorithm)

    # -- calls

    def start(self, rng: random.Random, path: str | None = None) -> Start:
        name = f"{self.folder} {len(self._meant)}".encode()
        key = hashlib.blake2b(name, digest_size=16).hexdigest()
        size = rng.choice(SIZES)
        self._meant[key] = rng.randrange(3), size
        return Start(
            key,
            path or f"{self.folder}/{rng.choice(PATHS)}",
            None if rng.random() < 0.2 else size,
            rng.choice(TIMES_NS),
            rng.choice(sorted(ALGORITHMS)),
        )

    def frame(self, key: str, rng: random.Random, number: int | None = None) -> Frame:
        """A chunk as it should be, or with other bytes, a wrong digest, a wrong place."""
        at = rng.randrange(max(1, self.total(key))) if number is None else number
        return self._flawed(key, rng, at) if rng.random() < 0.3 else self._right(key, at)

    def _right(self, key: str, number: int) -> Frame:
        data = self.data(key, number)
        return Frame(number, data or b"an empty file has no chunk")

    def _flawed(self, key: str, rng: random.Random, number: int) -> Frame:
        match rng.randrange(3):
            case 0:
                return Frame(self.total(key) + rng.randrange(2), b"beyond the end")
            case 1 if self.total(key):
                return Frame(number, self.data(key, number, OTHER))
            case _:
                return replace(self._right(key, number), honest=False)

    def stream(self, model: Model, key: str, rng: random.Random) -> Stream:
        """A random part of the chunks in random order; in half of the streams something is wrong."""
        total = self.total(key)
        numbers = rng.sample(range(total), rng.randint(min(1, total), total)) or [0]
        frames = [self._right(key, number) for number in numbers]
        torn = None
        if rng.random() < 0.5:
            torn = frames[-1] if rng.random() < 0.3 else None
            at = rng.randrange(len(frames))
            frames[at] = frames[at] if torn else self._flawed(key, rng, numbers[at])
        return Stream(key, model.uploads[key].start.algorithm, tuple(frames), torn)

    def rest(self, model: Model, key: str) -> Stream | None:
        """What is still missing, all right."""
        received = model.uploads[key].received
        missing = [number for number in range(self.total(key)) if number not in received]
        frames = tuple(Frame(number, self.data(key, number)) for number in missing)
        return Stream(key, model.uploads[key].start.algorithm, frames) if frames else None

    def put(self, model: Model, key: str, rng: random.Random) -> Put:
        received = [n for n in model.uploads[key].received if n < self.total(key)]
        number = rng.choice(received) if received and rng.random() < 0.5 else None
        return Put(key, model.uploads[key].start.algorithm, self.frame(key, rng, number))

    def have(self, model: Model, key: str, rng: random.Random) -> Have:
        first = rng.randrange(max(1, self.total(key)))
        numbers = range(first, self.total(key) + (rng.random() < 0.1))
        algorithm = model.uploads[key].start.algorithm
        return Have(key, first, tuple(digest(algorithm, self.data(key, n)) for n in numbers))

    def completion(self, model: Model, key: str, rng: random.Random) -> Complete:
        """What was received by then may be missing or other: that is for the model to say."""
        content = self.content(model, key)
        plain = Complete(key, content.size, content.manifest_digest)
        there = model.files.get(model.uploads[key].start.path)
        return rng.choice(
            [
                plain,
                replace(plain, sha256=hashlib.sha256(content.data).hexdigest()),
                replace(plain, if_version=there.name if there else "none"),
                replace(plain, path=f"{self.folder}/{rng.choice(PATHS)}"),
            ]
        )

    def wrong_completions(self, model: Model, key: str) -> list[Complete]:
        """Each wrong in one thing; the last one ends the upload."""
        content = self.content(model, key)
        plain = Complete(key, content.size, content.manifest_digest)
        there = model.files.get(model.uploads[key].start.path)
        return [
            replace(plain, manifest_digest="0" * 64),
            replace(plain, size=content.size + 1),
            replace(plain, if_version="none" if there else "f" * 32),
            replace(plain, sha256="0" * 64),
        ]

    def any_call(self, model: Model, key: str, rng: random.Random) -> Call:
        match rng.randrange(7):
            case 0 | 1:
                return self.stream(model, key, rng)
            case 2:
                return self.put(model, key, rng)
            case 3:
                return self.have(model, key, rng)
            case 4:
                wrong = rng.random() < 0.3
                wrongs = self.wrong_completions(model, key)
                return rng.choice(wrongs) if wrong else self.completion(model, key, rng)
            case 5:
                return Cancel(key)
            case _:
                return model.uploads[key].start
