"""The upload protocol in small: what a receiver is held to, in memory, call by call.

The executable specification beside docs/protocol.md. A model never changes: each call gives the next one.
Versions go by the `client_id` of the upload that made them: only the receiver knows their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from howdah_common.digests import digest
from howdah_common.manifest import Manifest
from howdah_common.problems import PROBLEMS
from kit.calls import CHUNK, Cancel, Complete, Frame, Have, Put, Start

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Said:
    """An answer, as far as the protocol fixes it. None: whatever it says there is right."""

    status: int
    code: str | None = None
    numbers: Numbers | None = None
    version: str | None = None


def refused(code: str, numbers: Numbers | None = None, version: str | None = None) -> Said:
    return Said(PROBLEMS[code].status, code, numbers, version)


@dataclass(frozen=True)
class Version:
    name: str
    path: str
    data: bytes
    modified_ns: int
    algorithm: str

    def chunks(self) -> list[bytes]:
        return [self.data[at : at + CHUNK] for at in range(0, len(self.data), CHUNK)]

    def is_like(self, other: Version) -> bool:
        return replace(self, name="", path="") == replace(other, name="", path="")


@dataclass(frozen=True)
class Upload:
    start: Start
    state: str = "open"
    received: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    completion: Complete | None = None
    version: str | None = None

    def fits(self, number: int, length: int) -> bool:
        if (size := self.start.size) is not None:
            return number * CHUNK < size and length == min(CHUNK, size - number * CHUNK)
        last = next((n for n, data in self.received.items() if len(data) < CHUNK), number)
        behind = length == CHUNK or number >= max(self.received, default=0)
        return 0 < length <= CHUNK and number <= last and behind

    def data(self) -> bytes:
        return b"".join(data for _, data in sorted(self.received.items()))

    def manifest_digest(self, size: int) -> str:
        algorithm = self.start.algorithm
        digests = b"".join(digest(algorithm, data) for _, data in sorted(self.received.items()))
        return Manifest(size, CHUNK, algorithm, digests).digest().hex()


@dataclass(frozen=True)
class Model:
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    files: Mapping[str, Version] = field(default_factory=dict)
    kept: tuple[Version, ...] = ()
    """What was replaced."""

    def with_upload(self, upload: Upload) -> Model:
        return replace(self, uploads={**self.uploads, upload.start.key: upload})

    def do(self, call: Start | Put | Have | Complete | Cancel) -> tuple[Model, Said]:
        """A call that is one step: the model after it, and its answer."""
        match call:
            case Start():
                return self._start(call)
            case Put():
                return self._put(call)
            case Have():
                return self._have(call)
            case Complete():
                return self._complete(call)
            case Cancel():
                return self._cancel(call)

    def _start(self, call: Start) -> tuple[Model, Said]:
        before = self.uploads.get(call.key)
        if before is not None:
            return self, Said(200) if before.start == call else refused("client_id_conflict")
        return self.with_upload(Upload(call)), Said(201)

    def begin(self, key: str, frame: Frame) -> Said | None:
        """Why a chunk is refused before its bytes are looked at."""
        upload = self.uploads[key]
        if upload.state != "open":
            return refused("upload_not_open")
        if not upload.fits(frame.number, len(frame.data)):
            return refused("chunk_out_of_range")
        return None

    def chunk(self, key: str, frame: Frame) -> tuple[Model, Said]:
        """A chunk that was begun, at its end."""
        upload, one = self.uploads[key], (frame.number,)
        if not frame.honest:
            return self, refused("chunk_mismatch", one)
        if frame.number in upload.received:
            same = upload.received[frame.number] == frame.data
            return self, Said(204) if same else refused("chunk_conflict", one)
        received = {**upload.received, frame.number: frame.data}
        return self.with_upload(replace(upload, received=received)), Said(201)

    def _put(self, call: Put) -> tuple[Model, Said]:
        no = self.begin(call.key, call.frame)
        return (self, no) if no else self.chunk(call.key, call.frame)

    def _have(self, call: Have) -> tuple[Model, Said]:
        upload = self.uploads[call.key]
        start, wanted = upload.start, dict(enumerate(call.digests, call.first))
        if upload.state != "open":
            return self, refused("upload_not_open")
        if start.size is None or any(number * CHUNK >= start.size for number in wanted):
            return self, refused("chunk_out_of_range")
        known = {
            digest(start.algorithm, data): data
            for version in (*self.files.values(), *self.kept)
            if version.algorithm == start.algorithm
            and (len(version.data) == start.size or version.path == start.path)
            for data in version.chunks()
        }
        found = {n: known[d] for n, d in wanted.items() if d in known}
        received = {**found, **upload.received}
        missing = tuple(n for n in wanted if n not in received)
        return self.with_upload(replace(upload, received=received)), Said(200, None, missing)

    def _complete(self, call: Complete) -> tuple[Model, Said]:
        upload = self.uploads[call.key]
        if upload.state == "published":
            same = upload.completion == call
            return self, Said(201) if same else refused("completion_conflict")
        if no := _why_not(upload, call):
            if no.code == "sha256_mismatch":
                upload = replace(upload, state="rejected", received={})
            return self.with_upload(upload), no
        return self._publish(upload, call)

    def _publish(self, upload: Upload, call: Complete) -> tuple[Model, Said]:
        start, path = upload.start, call.path or upload.start.path
        for other in self.files:
            if path.startswith(f"{other}/") or other.startswith(f"{path}/"):
                return self, refused("path_conflict")
        there = self.files.get(path)
        standing = there.name if there else "none"
        if call.if_version not in (None, standing):
            return self, refused("version_conflict", version=standing)
        new = Version(start.key, path, upload.data(), start.modified_ns, start.algorithm)
        if there and new.is_like(there):
            new = there
        kept = (*self.kept, there) if there and new is not there else self.kept
        after = replace(self, files={**self.files, path: new}, kept=kept)
        upload = replace(upload, state="published", received={}, completion=call, version=new.name)
        return after.with_upload(upload), Said(201)

    def _cancel(self, call: Cancel) -> tuple[Model, Said]:
        upload = self.uploads[call.key]
        if upload.state == "published":
            return self, refused("upload_not_open")
        if upload.state == "open":
            upload = replace(upload, state="cancelled", received={})
        return self.with_upload(upload), Said(204)


def _why_not(upload: Upload, call: Complete) -> Said | None:
    """Why a completion is refused before it comes to its path."""
    if upload.state != "open":
        return refused("upload_not_open")
    if upload.start.size not in (None, call.size):
        return refused("size_mismatch")
    missing = tuple(n for n in range(-(-call.size // CHUNK)) if n not in upload.received)
    if missing:
        return refused("upload_incomplete", missing)
    if len(upload.data()) != call.size:
        return refused("size_mismatch")
    if upload.manifest_digest(call.size) != call.manifest_digest:
        return refused("manifest_mismatch")
    if call.sha256 not in (None, hashlib.sha256(upload.data()).hexdigest()):
        return refused("sha256_mismatch")
    return None
