"""A whole receiver in memory: files and folders with ids, versions, uploads, a trash, and a memory of every
content that it ever had. By chance it is away, fails, loses answers and lies, as long as `trouble` holds.

It has the methods of `howdah_desktop.remote.receiver.Receiver` and answers as docs/protocol.md says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from howdah_common import remote_path
from howdah_common.chunks import ChunkPlan, default_chunk_bytes
from howdah_common.digests import BLAKE3, digest
from howdah_common.file_frames import FileHead
from howdah_common.frames import FrameEnd, FrameParser, FrameStart, Payload
from howdah_common.manifest import Manifest
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
from howdah_common.messages_batch import BatchAnswer, BatchItem, refused
from howdah_common.messages_trees import TrashEntry
from howdah_common.problems import ProblemError
from howdah_common.ranges import RangeSet
from kit.small_files import files_of, start_of

Result = TypeVar("Result")

MOST_LIES = 2
"""To one upload: one that hears five times that a chunk is wrong gives up."""


@dataclass
class SimFile:
    id: str
    path: str
    version: str
    content: bytes
    modified_ns: int
    chunk_bytes: int
    versions: set[str] = field(default_factory=set)
    """All that it had, and those of files that were moved over it."""

    def is_like(self, other: SimFile) -> bool:
        """The very same: another version of it would tell nothing."""
        return (self.content, self.modified_ns, self.chunk_bytes) == (
            other.content,
            other.modified_ns,
            other.chunk_bytes,
        )

    def digests(self) -> bytes:
        step = self.chunk_bytes
        parts = [self.content[at : at + step] for at in range(0, len(self.content), step)]
        return b"".join(digest(BLAKE3, part) for part in parts)

    def manifest_digest(self) -> str:
        manifest = Manifest(len(self.content), self.chunk_bytes, BLAKE3, self.digests())
        return manifest.digest().hex()

    def info(self) -> FileInfo:
        return FileInfo(
            id=self.id,
            space="s",
            path=self.path,
            version=self.version,
            size=len(self.content),
            modified_ns=self.modified_ns,
            added_ns=0,
            chunk_bytes=self.chunk_bytes,
            digest_algorithm=BLAKE3,
            manifest_digest=self.manifest_digest(),
        )


@dataclass
class _Upload:
    id: str
    words: StartUpload
    chunk_bytes: int
    state: Any = "open"
    chunks: dict[int, bytes] = field(default_factory=dict)
    completed: Complete | None = None
    published: FileInfo | None = None
    lies: int = 0


class SimReceiver:
    paired = None
    retry_after_seconds: float | None = None

    def __init__(
        self, chance: random.Random, switch: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self._chance = chance
        self._switch = switch
        self._say = say
        self.trouble = 0.0
        """How often a call goes wrong."""
        self.away = False
        self.before: dict[str, Callable[[], None]] = {}
        """Called before the next call of that name."""
        self.meanwhile: Callable[[str], None] = lambda _: None
        """Told of every path for which bytes or a completion arrive, before they count."""
        self.lose: set[str] = set()
        """Calls of which the next answer is lost."""
        self.late: set[str] = set()
        """Calls whose next request is on its way until `catch_up`; nobody waits for its answer by then."""
        self.delayed: list[Callable[[], object]] = []
        self.files: dict[str, SimFile] = {}
        self.folders: dict[str, str] = {}
        self.uploads: dict[str, _Upload] = {}
        self.trash: list[SimFile] = []
        self.ever: dict[str, set[bytes]] = {}
        """Every content that stood at a path, by uploads of the client."""
        self.lies: dict[str, int] = {}
        """By client_id of small files: each gives up as well."""
        self.acts: list[str] = []
        """Calls that changed the tree, in order."""
        self.puts = 0
        """How often a file came to a path."""
        self._chunks: dict[bytes, bytes] = {}
        self._numbers = 0

    # -- somebody else

    def others_write(self, path: str, content: bytes) -> bool:
        """Whether they could."""
        if path in self.folders or any(above in self.files for above in remote_path.parents(path)):
            return False
        self._put(path, content, 1, default_chunk_bytes(len(content)))
        self._say(f"others: {path}")
        return True

    # -- uploads

    def start(self, words: StartUpload) -> UploadInfo:
        return self._call("start", words.path, lambda: self._start(words))

    def upload(self, upload_id: str) -> UploadInfo:
        return self._call("upload", "", lambda: self._info(self._find(upload_id)))

    def upload_manifest(self, upload_id: str) -> UploadManifest:
        def work() -> UploadManifest:
            found = self._find(upload_id)
            numbers = sorted(found.chunks)
            return UploadManifest(
                size=found.words.size,
                chunk_bytes=found.chunk_bytes,
                digest_algorithm=found.words.digest_algorithm,
                received=RangeSet.of(numbers).pairs(),
                digests=b"".join(digest(BLAKE3, found.chunks[n]) for n in numbers),
            )

        return self._call("upload_manifest", "", work)

    def have(self, upload_id: str, have: Have) -> HaveAnswer:
        def work() -> HaveAnswer:
            found, missing = self._open(upload_id), RangeSet()
            for at in range(len(have.digests) // 32):
                wanted = have.digests[32 * at : 32 * at + 32]
                if wanted in self._chunks:
                    found.chunks[have.first + at] = self._chunks[wanted]
                elif have.first + at not in found.chunks:
                    missing.add(have.first + at)
            return HaveAnswer(missing=missing.pairs())

        return self._call("have", "", work)

    def send_chunks(
        self, upload_id: str, body: Iterable[bytes | memoryview], length: int
    ) -> ChunksAnswer:
        def work() -> ChunksAnswer:
            upload = self._open(upload_id)
            self.meanwhile(upload.words.path)
            frames = _frames(body, length)
            numbers = RangeSet.of(number for number, _, _ in frames)
            lies = upload.lies < MOST_LIES and self._chance.random() < self.trouble
            if lies:
                upload.lies += 1
            if lies or any(digest(BLAKE3, payload) != said for _, payload, said in frames):
                raise ProblemError("chunk_mismatch", "", {"chunks": numbers.pairs()})
            for number, payload, said in frames:
                before = upload.chunks.setdefault(number, payload)
                if before != payload:
                    raise ProblemError("chunk_conflict")
                self._chunks[said] = payload
            return ChunksAnswer(stored=numbers.pairs())

        return self._call("send_chunks", "", work)

    def complete(self, upload_id: str, words: Complete) -> UploadInfo | None:
        what = f"{words.path or ''} over {'it' if words.if_version != 'none' else 'none'}"
        return self._call("complete", what, lambda: self._complete(upload_id, words))

    def cancel(self, upload_id: str) -> None:
        def work() -> None:
            found = self._find(upload_id)
            if found.state == "published":
                raise ProblemError("upload_not_open")
            found.state = "cancelled"

        self._call("cancel", "", work)

    @property
    def catalogue(self) -> str:
        return "c"

    @property
    def change(self) -> int:
        return len(self.acts) + self.puts

    def batch(self, body: Iterable[bytes | memoryview], length: int) -> BatchAnswer:
        data = b"".join(bytes(block) for block in body)
        assert len(data) == length

        def work() -> BatchAnswer:
            return BatchAnswer([self._small(head, content) for head, content in files_of(data)])

        return self._call("batch", "", work)

    # -- the tree

    def list(self, path: str, page: int = 1, per_page: int = 500) -> FileList:
        return self._call("list", path, lambda: self._list(path, page, per_page))

    def file(self, file_id: str) -> FileInfo:
        return self._call("file", "", lambda: self._by_id(file_id).info())

    def file_manifest(self, file_id: str) -> FileManifest:
        def work() -> FileManifest:
            found = self._by_id(file_id)
            return FileManifest(
                version=found.version,
                size=len(found.content),
                chunk_bytes=found.chunk_bytes,
                digest_algorithm=BLAKE3,
                manifest_digest=found.manifest_digest(),
                digests=found.digests(),
            )

        return self._call("file_manifest", "", work)

    def make_folder(self, path: str) -> FolderInfo:
        def work() -> FolderInfo:
            self._check_above(path)
            if path in self.files:
                raise ProblemError("path_conflict")
            self._make_folders([*remote_path.parents(path), path])
            return FolderInfo(space="s", path=path, id=self.folders[path])

        return self._call("make_folder", path, work)

    def move_file(
        self, file_id: str, path: str, if_version: str | None, *, over: bool = False
    ) -> FileInfo:
        def work() -> FileInfo:
            found = self._by_id(file_id)
            if if_version not in (None, found.version):
                raise ProblemError("version_conflict", extra={"version": found.version})
            if found.path == path:
                return found.info()
            self._check_above(path)
            target = self.files.get(path)
            if path in self.folders or (target is not None and not over):
                raise ProblemError("path_conflict")
            del self.files[found.path]
            self._make_folders(remote_path.parents(path))
            if target is not None:  # it goes on with this content
                found.id = target.id
                found.versions |= target.versions
            found.path = path
            self.files[path] = found
            self.acts.append("move")
            return found.info()

        return self._call("move_file", f"{path}{' over' if over else ''}", work)

    def move_folder(self, folder_id: str, path: str) -> FolderInfo:
        def work() -> FolderInfo:
            old = self._folder(folder_id)
            if old == path:
                return FolderInfo(space="s", path=path, id=folder_id)
            self._check_above(path)
            if path in self.folders or path in self.files or path.startswith(f"{old}/"):
                raise ProblemError("path_conflict")
            self._make_folders(remote_path.parents(path))
            for one in [f for f in self.folders if f == old or f.startswith(f"{old}/")]:
                self.folders[path + one[len(old) :]] = self.folders.pop(one)
            for name in [f for f in self.files if f.startswith(f"{old}/")]:
                file = self.files.pop(name)
                file.path = path + name[len(old) :]
                self.files[file.path] = file
            self.acts.append("move")
            return FolderInfo(space="s", path=path, id=folder_id)

        return self._call("move_folder", path, work)

    def trash_file(self, file_id: str, if_version: str | None) -> TrashEntry:
        def work() -> TrashEntry:
            found = self._by_id(file_id)
            if if_version not in (None, found.version):
                raise ProblemError("version_conflict", extra={"version": found.version})
            self.trash.append(self.files.pop(found.path))
            self.acts.append("trash")
            return self._entry(found.path, "file", 1)

        return self._call("trash_file", self._path_of(file_id), work)

    def trash_folder(self, folder_id: str) -> TrashEntry:
        def work() -> TrashEntry:
            path = self._folder(folder_id)
            for one in [f for f in self.folders if f == path or f.startswith(f"{path}/")]:
                del self.folders[one]
            below = [f for f in self.files if f.startswith(f"{path}/")]
            self.trash += [self.files.pop(f) for f in below]
            self.acts.append("trash")
            return self._entry(path, "folder", len(below))

        return self._call("trash_folder", "", work)

    # -- the line

    def drop_connections(self) -> None:
        pass

    def unsent_bytes(self) -> int:
        return 0

    def catch_up(self) -> None:
        """What was late gets through."""
        while self.delayed:
            self.delayed.pop(0)()

    def close(self) -> None:
        pass

    # -- inside

    def _call(self, name: str, what: str, work: Callable[[], Result]) -> Result:
        self._switch()
        said = f"{name} {what}"
        if meanwhile := self.before.pop(name, None):
            meanwhile()
        if name in self.late:
            self.late.discard(name)
            self.delayed.append(work)
            raise ProblemError("offline", "(the line broke)")
        try:
            lost = self._goes_wrong() or name in self.lose
            self.lose.discard(name)
            answer = work()
        except ProblemError as problem:
            self._say(f"{said}: {problem.code}")
            raise
        if lost:
            self._say(f"{said}: answer lost")
            raise ProblemError("offline", "(the line broke)")
        self._say(said)
        self._switch()
        return answer

    def _goes_wrong(self) -> bool:
        """Raises, or says whether the answer is to be lost."""
        if self.away:
            raise ProblemError("offline", "(it is away)")
        if self.trouble and self._chance.random() < self.trouble:
            how = self._chance.randrange(4)
            if how == 0:
                raise ProblemError("offline", "(the line broke)")
            if how == 1:
                raise ProblemError("storage_failed")
            return True
        return False

    def _number(self, kind: str) -> str:
        self._numbers += 1
        return f"{kind}{self._numbers}"

    def _put(self, path: str, content: bytes, modified_ns: int, chunk_bytes: int) -> SimFile:
        self._make_folders(remote_path.parents(path))
        self.puts += 1
        there = self.files.get(path)
        version = self._number("v")
        file_id = there.id if there is not None else self._number("f")
        self.files[path] = new = SimFile(file_id, path, version, content, modified_ns, chunk_bytes)
        new.versions = {version} | (there.versions if there is not None else set())
        return new

    def _make_folders(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path not in self.folders:
                self.folders[path] = self._number("d")

    def _check_above(self, path: str) -> None:
        if any(above in self.files for above in remote_path.parents(path)):
            raise ProblemError("path_conflict", "A file stands above.")

    def _by_id(self, file_id: str) -> SimFile:
        for file in self.files.values():
            if file.id == file_id:
                return file
        raise ProblemError("file_not_found")

    def _path_of(self, file_id: str) -> str:
        return next((f.path for f in self.files.values() if f.id == file_id), "?")

    def _folder(self, folder_id: str) -> str:
        for path, one in self.folders.items():
            if one == folder_id:
                return path
        raise ProblemError("file_not_found")

    def _start(self, words: StartUpload) -> UploadInfo:
        for upload in self.uploads.values():
            if upload.words.client_id == words.client_id:
                if upload.words != words:
                    raise ProblemError("client_id_conflict")
                return self._info(upload)
        chunk_bytes = words.chunk_bytes or default_chunk_bytes(words.size)
        new = _Upload(self._number("u"), words, chunk_bytes)
        self.uploads[new.id] = new
        return self._info(new)

    def _find(self, upload_id: str) -> _Upload:
        if upload_id not in self.uploads:
            raise ProblemError("upload_not_found")
        return self.uploads[upload_id]

    def _open(self, upload_id: str) -> _Upload:
        found = self._find(upload_id)
        if found.state != "open":
            raise ProblemError("upload_not_open")
        return found

    def _complete(self, upload_id: str, words: Complete) -> UploadInfo:
        upload = self._find(upload_id)
        self.meanwhile(upload.words.path)
        if upload.state == "published":
            if upload.completed != words:
                raise ProblemError("completion_conflict")
            if self._info(upload).file is None:
                raise ProblemError("file_not_found")
            return self._info(upload)
        if upload.state != "open":
            raise ProblemError("upload_not_open")
        total = ChunkPlan(words.size, upload.chunk_bytes).total_chunks
        if missing := RangeSet.of(upload.chunks).missing(total):
            raise ProblemError("upload_incomplete", "", {"missing": missing.pairs()})
        content = b"".join(upload.chunks[n] for n in sorted(upload.chunks))
        path = words.path or upload.words.path
        new = SimFile("", path, "", content, upload.words.modified_ns, upload.chunk_bytes)
        if len(content) != words.size or new.manifest_digest() != words.manifest_digest:
            raise ProblemError("manifest_mismatch")
        self._check_above(path)
        if path in self.folders:
            raise ProblemError("path_conflict", "It is a folder.")
        there = self.files.get(path)
        standing = there.version if there is not None else "none"
        if words.if_version not in (None, standing):
            raise ProblemError("version_conflict", extra={"version": standing})
        if there is None or not there.is_like(new):
            there = self._put(path, content, new.modified_ns, new.chunk_bytes)
        self.ever.setdefault(path, set()).add(content)
        upload.state, upload.completed, upload.published = "published", words, there.info()
        upload.chunks = {}
        return self._info(upload)

    def _small(self, head: FileHead, content: bytes) -> BatchItem:
        """As an upload by itself, of which nothing is left where it is refused."""
        words, new = start_of(head), False
        try:
            if self.lies.get(head.client_id, 0) < MOST_LIES and self._lies():
                self.lies[head.client_id] = self.lies.get(head.client_id, 0) + 1
                raise ProblemError("chunk_mismatch")
            begun = [one for one in self.uploads.values() if one.words.client_id == head.client_id]
            if begun:  # on whatever grid
                grid = begun[0].words.chunk_bytes
                words = msgspec.structs.replace(words, chunk_bytes=grid)
            new = not begun
            upload = self._find(self._start(words).id)
            if upload.state == "open":
                step = upload.chunk_bytes
                parts = [content[at : at + step] for at in range(0, len(content), step)]
                if any(upload.chunks.setdefault(n, part) != part for n, part in enumerate(parts)):
                    raise ProblemError("chunk_conflict")
            complete = self._completion(upload, head, content)
            if upload.completed is not None:
                if upload.completed.manifest_digest != complete.manifest_digest:
                    raise ProblemError("client_id_conflict")
                complete = upload.completed
            return BatchItem(status=201, file=self._complete(upload.id, complete).file)
        except ProblemError as problem:
            if new:
                self.uploads = {
                    id_: one
                    for id_, one in self.uploads.items()
                    if one.words.client_id != head.client_id
                }
            return refused(problem)

    def _completion(self, upload: _Upload, head: FileHead, content: bytes) -> Complete:
        whole = SimFile("", head.path, "", content, head.modified_ns, upload.chunk_bytes)
        return Complete(
            size=head.size,
            manifest_digest=whole.manifest_digest(),
            if_version=head.if_version,
        )

    def _lies(self) -> bool:
        return bool(self.trouble) and self._chance.random() < self.trouble

    def _info(self, upload: _Upload) -> UploadInfo:
        size, path, file = upload.words.size, upload.words.path, upload.published
        if file is not None:
            is_of = [one for one in self.files.values() if file.version in one.versions]
            now = (is_of[0].id, is_of[0].path) if is_of else None
            file = msgspec.structs.replace(file, id=now[0], path=now[1]) if now else None
        return UploadInfo(
            id=upload.id,
            client_id=upload.words.client_id,
            space="s",
            path=path,
            state=upload.state,
            size=size,
            chunk_bytes=upload.chunk_bytes,
            total_chunks=None if size is None else -(-size // upload.chunk_bytes),
            digest_algorithm=upload.words.digest_algorithm,
            received=RangeSet.of(upload.chunks).pairs(),
            received_bytes=sum(map(len, upload.chunks.values())),
            started_ns=0,
            known=path in self.files or any(len(f.content) == size for f in self.files.values()),
            file=file,
        )

    def _list(self, path: str, page: int, per_page: int) -> FileList:
        if path in self.files:
            items: list[FileInfo | FolderInfo] = [self.files[path].info()]
            return FileList(kind="file", items=items, page=1, per_page=per_page, total=1)
        if path and path not in self.folders:
            raise ProblemError("file_not_found")
        top = f"{path}/" if path else ""
        below = sorted(f for f in self.files if f.startswith(top))
        folders = sorted(f for f in self.folders if f.startswith(top))
        direct: list[FileInfo | FolderInfo] = [
            FolderInfo(space="s", path=f, id=self.folders[f])
            for f in folders
            if "/" not in f[len(top) :]
        ]
        direct += [self.files[f].info() for f in below if "/" not in f[len(top) :]]
        return FileList(
            kind="folder",
            items=direct[(page - 1) * per_page : page * per_page],
            page=page,
            per_page=per_page,
            total=len(direct),
            files=len(below),
            folders=len(folders),
        )

    def _entry(self, path: str, kind: Any, files: int) -> TrashEntry:
        return TrashEntry(
            id=self._number("t"),
            space="s",
            path=path,
            kind=kind,
            trashed_ns=0,
            bytes=0,
            files=files,
        )


def _frames(body: Iterable[bytes | memoryview], length: int) -> list[tuple[int, bytes, bytes]]:
    parser, counted = FrameParser(1 << 40), 0
    number, payload, found = 0, bytearray(), []
    for block in body:
        counted += len(block)
        for event in parser.feed(bytes(block)):
            if isinstance(event, FrameStart):
                number, payload = event.number, bytearray()
            elif isinstance(event, Payload):
                payload += event.data
            elif isinstance(event, FrameEnd):
                found.append((number, bytes(payload), event.digest))
    parser.finish()
    assert counted == length
    return found
