"""Everything that a client asks of a receiver. See docs/protocol.md for what each call means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx

from howdah_common import content_frames, file_frames, frames
from howdah_common.content_frames import ContentFrame, ContentFrameError, ContentFrameParser
from howdah_common.digests import BLAKE3
from howdah_common.messages import (
    ChunksAnswer,
    Complete,
    FileInfo,
    FileList,
    FileManifest,
    FolderInfo,
    Have,
    HaveAnswer,
    NewFolder,
    StartUpload,
    UploadInfo,
    UploadList,
    UploadManifest,
    VerifyAnswer,
    encode,
)
from howdah_common.messages_batch import BatchAnswer, FetchFiles
from howdah_common.messages_links import MadeLink, NewLink
from howdah_common.messages_trees import MoveFile, MoveFolder, TrashEntry
from howdah_common.problems import ProblemError
from howdah_desktop.remote.door import Block, Door, translated
from howdah_desktop.remote.paired import PairedReceiver

LONG_IDLE_SECONDS = 60.0
"""For calls during which the receiver reads or flushes a whole file before it answers."""
SLOW_DISK_BYTES_PER_SECOND = 20_000_000

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Receiver:
    """One paired receiver. Any number of threads may use it at once; each call blocks its own
    thread.

    Every method raises ProblemError, and nothing else of its own.
    """

    def __init__(self, paired: PairedReceiver, *, connections: int = 4) -> None:
        self.paired = paired
        self._door = Door(paired.address, paired.pin, token=paired.token, connections=connections)

    @property
    def catalogue(self) -> str | None:
        """Id of the receiver's catalogue as of its last answer; None before the first."""
        return self._door.catalogue

    @property
    def change(self) -> int | None:
        """Counter of the catalogue's changes as of its last answer; None before the first."""
        return self._door.change

    @property
    def retry_after_seconds(self) -> float | None:
        """When the last answer to this thread wants to be asked again; 300 s at most."""
        return self._door.retry_after_seconds

    @property
    def clock_ahead_seconds(self) -> float | None:
        """How much later it is at the receiver, by its last answer, to about a second."""
        return self._door.clock_ahead_seconds

    # -- uploads

    def start(self, upload: StartUpload) -> UploadInfo:
        return self._door.ask("POST", "/uploads", UploadInfo, body=encode(upload))

    def upload(self, upload_id: str) -> UploadInfo:
        return self._door.ask("GET", f"/uploads/{_safe(upload_id)}", UploadInfo)

    def uploads(self) -> UploadList:
        return self._door.ask("GET", "/uploads", UploadList)

    def upload_manifest(self, upload_id: str) -> UploadManifest:
        path = f"/uploads/{_safe(upload_id)}/manifest"
        return self._door.ask("GET", path, UploadManifest, idle_seconds=LONG_IDLE_SECONDS)

    def have(self, upload_id: str, have: Have) -> HaveAnswer:
        path = f"/uploads/{_safe(upload_id)}/have"
        return self._door.ask(
            "POST", path, HaveAnswer, body=encode(have), idle_seconds=LONG_IDLE_SECONDS
        )

    def send_chunks(self, upload_id: str, body: Iterable[Block], length: int) -> ChunksAnswer:
        """Send a stream of frames (`howdah_common.frames`) of `length` bytes in all.

        `body` is read while it is sent. What it raises comes out as it is, and the connection is
        not used again. An answer that comes before the end of `body` stops it.
        """
        headers = {"Content-Type": frames.MEDIA_TYPE, "Content-Length": str(length)}
        path = f"/uploads/{_safe(upload_id)}/chunks"
        with self._door.open("POST", path, content=body, headers=headers) as response:
            return self._door.read(response, ChunksAnswer)

    def batch(self, body: Iterable[Block], length: int) -> BatchAnswer:
        """Send many small files, a stream of frames (`howdah_common.file_frames`) of `length` bytes in all,
        with digests by blake3. As with `send_chunks`."""
        headers = {"Content-Type": file_frames.MEDIA_TYPE, "Content-Length": str(length)}
        with self._door.open(
            "POST",
            "/batch",
            params={"digest_algorithm": BLAKE3},
            content=body,
            headers=headers,
            idle_seconds=LONG_IDLE_SECONDS,
        ) as response:
            return self._door.read(response, BatchAnswer)

    def complete(self, upload_id: str, complete: Complete) -> UploadInfo | None:
        """None: it is being published; ask the same again after `retry_after_seconds`."""
        path = f"/uploads/{_safe(upload_id)}/complete"
        with self._door.open(
            "POST",
            path,
            content=encode(complete),
            headers={"Content-Type": "application/json"},
            idle_seconds=LONG_IDLE_SECONDS,
        ) as response:
            if response.status_code == 202:
                return None
            done = self._door.read(response, UploadInfo)
            # Only these words promise that the file is there to stay.
            if response.status_code != 201 or done.state != "published" or done.file is None:
                raise ProblemError("answer_invalid", f"It answers {response.status_code}.")
            return done

    def cancel(self, upload_id: str) -> None:
        with self._door.open("DELETE", f"/uploads/{_safe(upload_id)}") as response:
            if response.status_code != 204:
                raise ProblemError("answer_invalid", f"It answers {response.status_code}.")

    def verify_upload(self, upload_id: str) -> VerifyAnswer:
        path = f"/uploads/{_safe(upload_id)}/verify"
        return self._door.ask("POST", path, VerifyAnswer, idle_seconds=LONG_IDLE_SECONDS)

    # -- files

    def list(self, path: str, page: int = 1, per_page: int = 500) -> FileList:
        """One page of what stands at `path`; the empty path is the home space's root."""
        params: dict[str, str | int] = {"path": path, "page": page, "per_page": per_page}
        return self._door.ask("GET", "/files", FileList, params=params)

    def sorted(
        self, path: str, sort_by: str, sort_order: str, search: str, after: str | None
    ) -> FileList:
        """A page of what stands at `path`, or of what is found in it and below it; `after`: the `next` of
        the page before, None for the first."""
        params: dict[str, str | int] = {"path": path, "per_page": 500}
        params |= {"sort_by": sort_by, "sort_order": sort_order}
        if search:
            params["search"] = search
        if after is not None:
            params["after"] = after
        return self._door.ask("GET", "/files", FileList, params=params)

    def file(self, file_id: str) -> FileInfo:
        return self._door.ask("GET", f"/files/{_safe(file_id)}", FileInfo)

    def file_manifest(self, file_id: str) -> FileManifest:
        return self._door.ask("GET", f"/files/{_safe(file_id)}/manifest", FileManifest)

    def verify_file(self, file_id: str, size: int = 0) -> VerifyAnswer:
        """`size` in bytes: the receiver reads them all before it answers, from a slow disk maybe."""
        path = f"/files/{_safe(file_id)}/verify"
        idle_seconds = LONG_IDLE_SECONDS + size / SLOW_DISK_BYTES_PER_SECOND
        return self._door.ask("POST", path, VerifyAnswer, idle_seconds=idle_seconds)

    def content(
        self, file_id: str, version: str, first: int, last: int
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes `first` to `last`, both included, of a version, in blocks as they arrive.

        Raises ProblemError("remote_changed") where the file has another version by now, and from
        the iterator "answer_invalid" for more bytes than asked for, "offline" for fewer.
        """
        headers = {
            "Range": f"bytes={first}-{last}",
            "If-Range": f'"{_safe(version)}"',
        }
        opened = self._door.open("GET", f"/files/{_safe(file_id)}/content", headers=headers)
        return _content(opened, version, first, last)

    @contextmanager
    def fetch_files(self, wanted: FetchFiles) -> Iterator[Iterator[ContentFrame]]:
        """Small files in one answer: a frame for each, in order, as they arrive; fewer where it ends early.

        Raises ProblemError, `method_not_allowed` where the receiver does not know this; from the iterator
        `answer_invalid` for what is no frame, `offline` where the line breaks.
        """
        with self._door.open(
            "POST",
            "/files/contents",
            content=encode(wanted),
            headers={"Content-Type": "application/json"},
            idle_seconds=LONG_IDLE_SECONDS,
        ) as response:
            media_type = response.headers.get("Content-Type", "")
            if response.status_code != 200 or media_type != content_frames.MEDIA_TYPE:
                raise ProblemError("answer_invalid", "Its answer is not of frames.")
            yield _frames(response, len(wanted.files))

    def make_folder(self, path: str) -> FolderInfo:
        body = encode(NewFolder(path=path))
        return self._door.ask("POST", "/folders", FolderInfo, body=body)

    # -- the tree

    def move_file(
        self, file_id: str, path: str, if_version: str | None, *, over: bool = False
    ) -> FileInfo:
        """`over`: what stands at `path` becomes a version of that file, which goes on with this content;
        else it is `path_conflict`."""
        words = MoveFile(path=path, if_version=if_version, if_exists="version" if over else "fail")
        return self._door.ask("PATCH", f"/files/{_safe(file_id)}", FileInfo, body=encode(words))

    def move_folder(self, folder_id: str, path: str) -> FolderInfo:
        body = encode(MoveFolder(path=path))
        return self._door.ask("PATCH", f"/folders/{_safe(folder_id)}", FolderInfo, body=body)

    def trash_file(self, file_id: str, if_version: str | None) -> TrashEntry:
        params: dict[str, str | int] = {} if if_version is None else {"if_version": if_version}
        return self._door.ask("DELETE", f"/files/{_safe(file_id)}", TrashEntry, params=params)

    def trash_folder(self, folder_id: str) -> TrashEntry:
        return self._door.ask("DELETE", f"/folders/{_safe(folder_id)}", TrashEntry)

    # -- links

    def make_link(self, link: NewLink) -> MadeLink:
        return self._door.ask("POST", "/links", MadeLink, body=encode(link))

    # -- the line

    def drop_connections(self) -> None:
        """After waking up or a change of network: who waits on a dead line gets `offline` now."""
        self._door.drop_connections()

    def unsent_bytes(self) -> int:
        """Of what is being sent: what has not reached the other side's kernel; 0 where nobody knows."""
        return self._door.unsent_bytes()

    def close(self) -> None:
        self._door.close()


def _safe(identifier: str) -> str:
    """An id that a receiver gave, before it goes into a URL or a header.

    Raises ProblemError("answer_invalid"): `../` in one would ask for something else.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise ProblemError("answer_invalid", "An id in it is not one.")
    return identifier


@contextmanager
def _content(
    opened: AbstractContextManager[httpx.Response], version: str, first: int, last: int
) -> Iterator[Iterator[bytes]]:
    with opened as response:
        if response.status_code != 206 or response.headers.get("ETag") != f'"{version}"':
            raise ProblemError("remote_changed")
        if not response.headers.get("Content-Range", "").startswith(f"bytes {first}-{last}/"):
            raise ProblemError("answer_invalid", "It is another range than asked for.")
        yield _exactly(response, last - first + 1)


def _frames(response: httpx.Response, most: int) -> Iterator[ContentFrame]:
    parser = ContentFrameParser(most)
    try:
        with translated():
            for block in response.iter_raw():
                yield from parser.feed(block)
        parser.finish()
    except ContentFrameError as error:
        raise ProblemError("answer_invalid", f"In it, {error}.") from error


def _exactly(response: httpx.Response, length: int) -> Iterator[bytes]:
    left = length
    with translated():
        for block in response.iter_raw():
            left -= len(block)
            if left < 0:
                raise ProblemError("answer_invalid", "It is longer than asked for.")
            yield block
    if left:
        raise ProblemError("offline", f"The answer ended {left} bytes early.")
