"""What clients do to a receiver that may die at any moment, and what it has promised them so far.

A :class:`Load` is one upload as its client's ledger knows it: written down before it is sent, with what
was acknowledged. ``go_on`` does what is left of it, from wherever it is, as a client does after a break:
the same start again, what the receiver has, the missing chunks, the same completion. What was promised
goes to ``kit.oracle``.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import BLAKE3, SHA256, digest
from howdah_common.manifest import Manifest
from howdah_common.ranges import RangeSet
from kit.wire import Answer, Wire, frame

CHUNK_BYTES = 64 * 1024
Way = Literal["stream", "plain", "have"]


Event = Literal["begins", "acknowledged"]


class Tell(Protocol):
    def __call__(self, event: Event, /) -> None: ...


def _nobody(_: Event, /) -> None:
    """Nobody wants to know."""


class Promise(Protocol):
    """One thing that a client wants done, and goes on with until it is."""

    acknowledged: bool
    tell: Tell
    """Called before what cannot be undone is asked for, and once it is acknowledged."""

    def go_on(self, wire: Wire) -> None:
        """Do what is left of it. Raises NoAnswer."""


def content(name: str, size: int) -> bytes:
    """Bytes that are the same for the same name."""
    return random.Random(name).randbytes(size)


@dataclass(eq=False)
class NewFolder:
    path: str
    acknowledged: bool = False
    tell: Tell = field(default=_nobody, repr=False)

    def go_on(self, wire: Wire) -> None:
        wire.post("/folders", {"path": self.path}).expect(201, 200)
        self.acknowledged = True
        self.tell("acknowledged")
        wire.post("/folders", {"path": self.path}).expect(200)


@dataclass(eq=False)
class Load:
    """An upload; with `cancelled`, one that is given up half-way."""

    path: str
    content: bytes = field(repr=False)
    way: Way = "stream"
    algorithm: str = BLAKE3
    known_size: bool = True
    modified_ns: int = 1_700_000_000_123_456_789
    with_sha256: bool = False
    after: Load | None = None
    """The upload whose version this one wants to find at the path (`if_version`)."""
    cancelled: bool = False

    # The ledger:
    client_id: str = ""
    upload: str = ""
    chunks: set[int] = field(default_factory=set)
    """Acknowledged."""
    completing: bool = False
    """The completion, or the cancel, was sent at least once."""
    acknowledged: bool = False
    version: str = ""
    tell: Tell = field(default=_nobody, repr=False)

    def __post_init__(self) -> None:
        digests = b"".join(digest(self.algorithm, piece) for piece in self.pieces)
        self.manifest = Manifest(len(self.content), CHUNK_BYTES, self.algorithm, digests)

    @property
    def pieces(self) -> list[bytes]:
        return [self.content[s.offset : s.offset + s.length] for s in self.plan.spans()]

    @property
    def plan(self) -> ChunkPlan:
        return ChunkPlan(len(self.content), CHUNK_BYTES)

    def go_on(self, wire: Wire) -> None:
        upload = self.start(wire)
        if upload["state"] in ("open", "completing"):
            upload = wire.get(f"/uploads/{self.upload}").expect(200)
        if upload["state"] == "open":
            received = RangeSet(upload["received"])
            lost = {number for number in self.chunks if number not in received}
            assert not lost, f"{self.path}: chunks {lost} were acknowledged"
            self.send(wire, received)
        if self.cancelled:
            self._cancel(wire)
        else:
            self._complete(wire)

    def start(self, wire: Wire) -> dict[str, Any]:
        message = {
            "client_id": self.client_id,
            "path": self.path,
            "size": len(self.content) if self.known_size else None,
            "modified_ns": self.modified_ns,
            "digest_algorithm": self.algorithm,
            "chunk_bytes": CHUNK_BYTES,
        }
        begun = wire.post("/uploads", message).expect(201, 200)
        assert self.upload in ("", begun["id"]), f"{self.path}: another upload for the same start"
        self.upload = begun["id"]
        again: dict[str, Any] = wire.post("/uploads", message).expect(200)
        assert again["id"] == self.upload
        return again

    def send(self, wire: Wire, received: RangeSet) -> None:
        total = self.plan.total_chunks
        missing = [number for number in range(total) if number not in received]
        if self.cancelled:
            missing = missing[: total // 2]
        if self.way == "have" and missing:
            answer = wire.have(self.upload, self.manifest.digests).expect(200)
            left = RangeSet(answer["missing"])
            self.chunks |= {number for number in range(total) if number not in left}
            missing = list(left.numbers())
        if self.way == "plain":
            for number in missing:
                self.put(wire, number).expect(201)
                self.chunks.add(number)
            for number in missing[:1]:
                self.put(wire, number).expect(204)
        elif missing:
            frames = b"".join(frame(n, self.pieces[n], self.algorithm) for n in missing)
            stored = wire.put_stream(self.upload, frames).expect(200)["stored"]
            assert set(RangeSet(stored).numbers()) == set(missing)
            self.chunks |= set(missing)

    def put(self, wire: Wire, number: int) -> Answer:
        return wire.put_chunk(self.upload, number, self.pieces[number], self.algorithm)

    def _cancel(self, wire: Wire) -> None:
        self.completing = True
        self.tell("begins")
        for _ in range(2):
            wire.call("DELETE", f"/uploads/{self.upload}").expect(204)
            self.acknowledged = True
        self.tell("acknowledged")

    def completion(self) -> dict[str, Any]:
        """The message."""
        message: dict[str, Any] = {
            "size": len(self.content),
            "manifest_digest": self.manifest.digest().hex(),
        }
        if self.with_sha256:
            message["sha256"] = hashlib.sha256(self.content).hexdigest()
        if self.after is not None:
            message["if_version"] = self.after.version
        return message

    def complete(self, wire: Wire) -> Answer:
        """Ask for the completion once; note what it promises."""
        self.completing = True
        self.tell("begins")
        answer = wire.post(f"/uploads/{self.upload}/complete", self.completion())
        if answer.status == 201:
            file = answer.body["file"]
            assert (file["path"], file["size"]) == (self.path, len(self.content))
            assert file["manifest_digest"] == self.manifest.digest().hex()
            assert self.version in ("", file["version"]), f"{self.path}: another version"
            self.version = file["version"]
            self.acknowledged = True
            self.tell("acknowledged")
        return answer

    def _complete(self, wire: Wire) -> None:
        first = self.complete(wire).expect(201)
        assert self.complete(wire).expect(201)["file"]["version"] == first["file"]["version"]


def go_on(wire: Wire, promises: Sequence[Promise]) -> None:
    """Go on with what is not yet acknowledged, in order. Raises NoAnswer."""
    for promise in promises:
        if not promise.acknowledged:
            promise.go_on(wire)


def mix(name: str = "mix") -> list[Promise]:
    """A small mix of all that changes the disk: for one client, in order.

    `name` makes it another client's: its own ids, and its own paths but for what is below shared/.
    """
    small = 1_000
    first = content("first", CHUNK_BYTES + small)
    second = first[:CHUNK_BYTES] + content("second", small)
    third = content("third", CHUNK_BYTES) + second[CHUNK_BYTES:]
    notes = f"{name}/notes.txt"
    replacing = Load(notes, second, "plain", SHA256)
    promises: list[Promise] = [
        Load(notes, first),
        NewFolder(f"{name}/new/folder"),
        Load(f"shared/{name}/empty", b""),
        replacing,
        Load(notes, second, "plain", SHA256),  # the very same again: the same version
        Load(f"{name}/copy.txt", first, "have"),
        Load(f"{name}/gone", content("gone", 2 * CHUNK_BYTES), cancelled=True),
        Load(f"{name}/pipe", content("pipe", CHUNK_BYTES + small), known_size=False),
        Load(notes, third, "have", SHA256, after=replacing),
        Load("shared/everybody", content(name, 300)),
        Load(f"{name}/{name}/hashed", content("hashed", 300), "plain", with_sha256=True),
    ]
    for number, promise in enumerate(promises):
        if isinstance(promise, Load):
            promise.client_id = hashlib.md5(f"{name} {number}".encode()).hexdigest()
    return promises
