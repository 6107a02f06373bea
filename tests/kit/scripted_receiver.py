"""A receiver in memory that does what a test tells it to: refuse, lose an answer, forget.

It stands in for `howdah_desktop.remote.receiver.Receiver` where a test needs one exact moment; the
real one is used wherever that is enough.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from howdah_common.chunks import ChunkPlan, default_chunk_bytes
from howdah_common.content_frames import ContentFrame
from howdah_common.digests import BLAKE3, digest
from howdah_common.file_frames import FileHead
from howdah_common.frames import FrameEnd, FrameError, FrameParser, FrameStart, Payload
from howdah_common.manifest import Manifest, manifest_of
from howdah_common.messages import (
    ChunksAnswer,
    Complete,
    FileInfo,
    FileList,
    FileManifest,
    FolderInfo,
    Have,
    HaveAnswer,
    StartUpload,
    UploadInfo,
    UploadManifest,
)
from howdah_common.messages_batch import BatchAnswer, BatchItem, FetchFiles, refused
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from howdah_common.remote_path import numbered
from kit.native import MODIFIED_NS
from kit.small_files import files_of, start_of

Result = TypeVar("Result")

OFFLINE = ProblemError("offline", "(the line broke)")


@dataclass
class Upload:
    id: str
    words: StartUpload
    chunk_bytes: int
    state: str = "open"
    chunks: dict[int, bytes] = field(default_factory=dict)
    file: FileInfo | None = None

    def content(self) -> bytes:
        return b"".join(self.chunks[n] for n in sorted(self.chunks))


@dataclass
class _Happening:
    call: str
    problem: ProblemError
    after: bool
    chunks: int | None = None


class ScriptedReceiver:
    """Give it happenings first: `fail`, `lose_answer`, `break_after`; each happens once."""

    retry_after_seconds: float | None = 0.01

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.uploads_by_id: dict[str, Upload] = {}
        self.files: dict[str, FileInfo] = {}
        self.contents: dict[str, bytes] = {}
        self.folders: list[str] = []
        self.cancelled: list[str] = []
        self.chunk_bytes_received = 0
        self.known: dict[bytes, bytes] = {}
        self.before: dict[str, Callable[[], None]] = {}
        """Called before a call of that name; for what happens to the file meanwhile."""
        self.away = False
        self.knows_batches = False
        self.batch_sizes: list[int] = []
        self.refuses: dict[str, ProblemError] = {}
        """By path: what is said of a file in a batch, once."""
        self.given_wrong: dict[str, bytes] = {}
        """By path: other bytes than its own that come once, with others."""
        self.unsent = 0
        """What waits in this machine, though it was handed to the line."""
        self._happenings: list[_Happening] = []
        self._lock = threading.RLock()

    # -- the script

    def fail(self, call: str, problem: ProblemError, times: int = 1) -> None:
        """The call does nothing but raise."""
        self._happenings += [_Happening(call, problem, after=False)] * times

    def lose_answer(self, call: str, times: int = 1) -> None:
        """The call does its work, and its answer is lost."""
        self._happenings += [_Happening(call, OFFLINE, after=True)] * times

    def break_after(self, chunks: int, times: int = 1) -> None:
        """The line breaks once so many chunks of a request were kept."""
        happening = _Happening("send_chunks", OFFLINE, after=False, chunks=chunks)
        self._happenings += [happening] * times

    def break_contents_after(self, frames: int) -> None:
        """The line breaks once so many files of an answer have come."""
        self._happenings.append(_Happening("fetch_files", OFFLINE, after=False, chunks=frames))

    def put(self, path: str, data: bytes) -> None:
        """A file that stands there."""
        chunk_bytes = default_chunk_bytes(len(data))
        self.files[path] = FileInfo(
            id=f"f{len(self.files)}",
            space="s",
            path=path,
            version=f"v{len(self.files)}",
            size=len(data),
            modified_ns=MODIFIED_NS,
            added_ns=0,
            chunk_bytes=chunk_bytes,
            digest_algorithm=BLAKE3,
            manifest_digest=manifest_of(data, chunk_bytes, BLAKE3).digest().hex(),
        )
        self.contents[path] = data

    # -- what a sender asks

    def start(self, upload: StartUpload) -> UploadInfo:
        return self._call("start", lambda: self._start(upload))

    def upload(self, upload_id: str) -> UploadInfo:
        return self._call("upload", lambda: self._info(self._find(upload_id)))

    def upload_manifest(self, upload_id: str) -> UploadManifest:
        def work() -> UploadManifest:
            found = self._find(upload_id)
            numbers = sorted(found.chunks)
            return UploadManifest(
                size=found.words.size,
                chunk_bytes=found.chunk_bytes,
                digest_algorithm=found.words.digest_algorithm,
                received=RangeSet.of(numbers).pairs(),
                digests=b"".join(self._digest(found, found.chunks[n]) for n in numbers),
            )

        return self._call("upload_manifest", work)

    def have(self, upload_id: str, have: Have) -> HaveAnswer:
        def work() -> HaveAnswer:
            found = self._find(upload_id)
            missing = RangeSet()
            for at in range(len(have.digests) // 32):
                wanted = have.digests[32 * at : 32 * at + 32]
                if wanted in self.known:
                    found.chunks[have.first + at] = self.known[wanted]
                else:
                    missing.add(have.first + at)
            return HaveAnswer(missing=missing.pairs())

        return self._call("have", work)

    def send_chunks(
        self, upload_id: str, body: Iterable[bytes | memoryview], length: int
    ) -> ChunksAnswer:
        happening = self._happening("send_chunks", after=False)
        self._arrive("send_chunks")
        if happening is not None and happening.chunks is None:
            raise happening.problem
        stored = self._take(self._taken_up(upload_id), body, length, happening)
        lost = self._happening("send_chunks", after=True)
        if lost is not None:
            raise lost.problem
        return ChunksAnswer(stored=stored.pairs())

    def batch(self, body: Iterable[bytes | memoryview], length: int) -> BatchAnswer:
        if not self.knows_batches:
            raise ProblemError("not_found")
        data = b"".join(bytes(block) for block in body)
        assert len(data) == length

        def work() -> BatchAnswer:
            items = [self._small(head, content) for head, content in files_of(data)]
            self.batch_sizes.append(len(items))
            return BatchAnswer(items=items)

        return self._call("batch", work)

    def complete(self, upload_id: str, complete: Complete) -> UploadInfo | None:
        return self._call("complete", lambda: self._complete(self._taken_up(upload_id), complete))

    def cancel(self, upload_id: str) -> None:
        def work() -> None:
            self._find(upload_id).state = "cancelled"
            self.cancelled.append(upload_id)

        self._call("cancel", work)

    def list(self, path: str, page: int = 1, per_page: int = 500) -> FileList:
        def work() -> FileList:
            items: list[FileInfo | FolderInfo] = []
            if path in self.files:
                items.append(self.files[path])
            elif path:
                below = [name for name in self.files if name.startswith(f"{path}/")]
                if not below:
                    raise ProblemError("file_not_found")
                items += [self.files[name] for name in sorted(below, key=str.encode)]
            kind: Any = "file" if path in self.files else "folder"
            part = items[(page - 1) * per_page : page * per_page]
            return FileList(kind=kind, items=part, page=page, per_page=per_page, total=len(items))

        return self._call("list", work)

    @contextmanager
    def fetch_files(self, wanted: FetchFiles) -> Iterator[Iterator[ContentFrame]]:
        """Breaks off where a happening of that name has `chunks`: after so many frames."""
        if not self.knows_batches:
            raise ProblemError("method_not_allowed")
        happening = self._happening("fetch_files", after=False)
        self._arrive("fetch_files")
        if happening is not None and happening.chunks is None:
            raise happening.problem
        self.batch_sizes.append(len(wanted.files))
        yield self._frames(wanted, happening)

    def _frames(self, wanted: FetchFiles, breaks: _Happening | None) -> Iterator[ContentFrame]:
        for number, one in enumerate(wanted.files):
            if breaks is not None and number == breaks.chunks:
                raise breaks.problem
            problem = self.refuses.pop(one.path, None)
            if problem is None and one.path not in self.files:
                problem = ProblemError("file_not_found")
            if problem is not None:
                yield ContentFrame(refused(problem))
                continue
            data = self.given_wrong.pop(one.path, self.contents[one.path])
            yield ContentFrame(BatchItem(status=200, file=self.files[one.path]), data)

    def file(self, file_id: str) -> FileInfo:
        return self._call("file", lambda: self._by_id(file_id))

    def file_manifest(self, file_id: str) -> FileManifest:
        def work() -> FileManifest:
            file = self._by_id(file_id)
            data = self.contents[file.path]
            return FileManifest(
                version=file.version,
                size=file.size,
                chunk_bytes=file.chunk_bytes,
                digest_algorithm=file.digest_algorithm,
                manifest_digest=file.manifest_digest,
                digests=manifest_of(data, file.chunk_bytes, file.digest_algorithm).digests,
            )

        return self._call("file_manifest", work)

    @contextmanager
    def content(
        self, file_id: str, version: str, first: int, last: int
    ) -> Iterator[Iterator[bytes]]:
        def work() -> bytes:
            return self.contents[self._by_id(file_id).path][first : last + 1]

        yield iter((self._call("content", work),))

    def _by_id(self, file_id: str) -> FileInfo:
        for file in self.files.values():
            if file.id == file_id:
                return file
        raise ProblemError("file_not_found")

    def make_folder(self, path: str) -> FolderInfo:
        def work() -> FolderInfo:
            self.folders.append(path)
            return FolderInfo(space="s", path=path)

        return self._call("make_folder", work)

    def drop_connections(self) -> None:
        pass

    def unsent_bytes(self) -> int:
        return self.unsent

    def close(self) -> None:
        pass

    # -- inside

    def _call(self, name: str, work: Callable[[], Result]) -> Result:
        happening = self._happening(name, after=False)
        self._arrive(name)
        if happening is not None:
            raise happening.problem
        with self._lock:
            answer = work()
        lost = self._happening(name, after=True)
        if lost is not None:
            raise lost.problem
        return answer

    def _arrive(self, name: str) -> None:
        self.calls.append(name)
        if self.away:
            raise OFFLINE
        meanwhile = self.before.pop(name, None)
        if meanwhile is not None:
            meanwhile()

    def _happening(self, call: str, after: bool) -> _Happening | None:
        with self._lock:
            for at, happening in enumerate(self._happenings):
                if (happening.call, happening.after) == (call, after):
                    return self._happenings.pop(at)
        return None

    def _start(self, words: StartUpload) -> UploadInfo:
        for upload in self.uploads_by_id.values():
            if upload.words.client_id == words.client_id:
                if upload.words != words:
                    raise ProblemError("client_id_conflict")
                return self._info(upload)
        upload = Upload(
            f"u{len(self.uploads_by_id)}",
            words,
            words.chunk_bytes or default_chunk_bytes(words.size),
        )
        self.uploads_by_id[upload.id] = upload
        return self._info(upload)

    def _small(self, head: FileHead, content: bytes) -> BatchItem:
        """As an upload by itself."""
        problem = self.refuses.pop(head.path, None)
        if problem is not None:
            return refused(problem)
        try:
            begun = self._start(start_of(head))
            upload = self.uploads_by_id[begun.id]
            if content:
                upload.chunks[0] = content
            digests = digest(BLAKE3, content) if content else b""
            manifest = Manifest(head.size, upload.chunk_bytes, BLAKE3, digests)
            words = Complete(size=head.size, manifest_digest=manifest.digest().hex())
            if head.if_exists == "keep_both" and upload.state == "open":
                path, number = head.path, 1
                while path in self.files:
                    number += 1
                    path = numbered(head.path, number)
                words = msgspec.structs.replace(words, path=path)
            return BatchItem(status=201, file=self._complete(upload, words).file)
        except ProblemError as found:
            return refused(found)

    def _find(self, upload_id: str) -> Upload:
        try:
            return self.uploads_by_id[upload_id]
        except KeyError:
            raise ProblemError("upload_not_found") from None

    def _taken_up(self, upload_id: str) -> Upload:
        """Whoever goes on with one in recovery opens it again."""
        found = self._find(upload_id)
        if found.state == "expired":
            found.state = "open"
        return found

    def _take(
        self,
        upload: Upload,
        body: Iterable[bytes | memoryview],
        length: int,
        happening: _Happening | None,
    ) -> RangeSet:
        stored, wrong, counted = RangeSet(), RangeSet(), 0
        parser, number, payload = FrameParser(1 << 40), 0, bytearray()
        for block in body:
            counted += len(block)
            for event in parser.feed(bytes(block)):
                if isinstance(event, FrameStart):
                    number, payload = event.number, bytearray()
                    if happening is not None and stored.count() == happening.chunks:
                        raise happening.problem
                elif isinstance(event, Payload):
                    payload += event.data
                elif isinstance(event, FrameEnd):
                    if self._digest(upload, bytes(payload)) != event.digest:
                        wrong.add(number)
                        continue
                    with self._lock:
                        upload.chunks[number] = bytes(payload)
                        self.chunk_bytes_received += len(payload)
                    stored.add(number)
        if counted != length:
            raise FrameError(f"{counted} bytes came where {length} were announced")
        parser.finish()
        if wrong:
            raise ProblemError("chunk_mismatch", "", {"chunks": wrong.pairs()})
        return stored

    def _complete(self, upload: Upload, words: Complete) -> UploadInfo:
        if upload.state == "published":
            return self._info(upload)
        if upload.state != "open":
            raise ProblemError("upload_not_open")
        plan = ChunkPlan(words.size, upload.chunk_bytes)
        missing = RangeSet.of(upload.chunks).missing(plan.total_chunks)
        if missing:
            raise ProblemError("upload_incomplete", "", {"missing": missing.pairs()})
        content = upload.content()
        algorithm = upload.words.digest_algorithm
        digests = b"".join(self._digest(upload, upload.chunks[n]) for n in sorted(upload.chunks))
        manifest = Manifest(len(content), upload.chunk_bytes, algorithm, digests).digest().hex()
        if len(content) != words.size or manifest != words.manifest_digest:
            raise ProblemError("manifest_mismatch")
        path = words.path or upload.words.path
        if words.if_version == "none" and path in self.files:
            raise ProblemError("version_conflict")
        upload.state = "published"
        upload.file = self.files[path] = FileInfo(
            id=f"f{len(self.files)}",
            space="s",
            path=path,
            version=upload.id,
            size=words.size,
            modified_ns=upload.words.modified_ns,
            added_ns=0,
            chunk_bytes=upload.chunk_bytes,
            digest_algorithm=algorithm,
            manifest_digest=manifest,
        )
        self.contents[path] = content
        return self._info(upload)

    def _info(self, upload: Upload) -> UploadInfo:
        size = upload.words.size
        known = size is not None and any(f.size == size for f in self.files.values())
        state: Any = upload.state
        return UploadInfo(
            id=upload.id,
            client_id=upload.words.client_id,
            space="s",
            path=upload.words.path,
            state=state,
            size=size,
            chunk_bytes=upload.chunk_bytes,
            total_chunks=None if size is None else -(-size // upload.chunk_bytes),
            digest_algorithm=upload.words.digest_algorithm,
            received=RangeSet.of(upload.chunks).pairs(),
            received_bytes=sum(map(len, upload.chunks.values())),
            started_ns=0,
            expires_ns=0,
            known=known or bool(self.known),
            file=upload.file,
        )

    @staticmethod
    def _digest(upload: Upload, data: bytes) -> bytes:
        return digest(upload.words.digest_algorithm, data)
