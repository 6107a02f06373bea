"""Small files as another program would send them, many in one request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from howdah_common.chunks import default_chunk_bytes
from howdah_common.digests import BLAKE3, digest
from howdah_common.file_frames import (
    MEDIA_TYPE,
    FileFrameParser,
    FileHead,
    FileStart,
    IfExists,
    file_head,
)
from howdah_common.messages import API, StartUpload
from kit.native import MODIFIED_NS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kit.native import Answer, Native


@dataclass(frozen=True)
class Small:
    """One file of a batch."""

    path: str
    data: bytes = field(default_factory=lambda: secrets.token_bytes(100))
    client_id: str = field(default_factory=lambda: secrets.token_hex(16))
    modified_ns: int = MODIFIED_NS
    if_exists: IfExists = "version"
    if_version: str | None = None
    algorithm: str = BLAKE3

    @property
    def head(self) -> FileHead:
        return FileHead(
            self.client_id,
            self.path,
            len(self.data),
            self.modified_ns,
            self.if_exists,
            self.if_version,
        )

    def frame(self, said: bytes | None = None) -> bytes:
        """`said`: what it claims to be its digest."""
        return file_head(self.head) + self.data + (said or digest(self.algorithm, self.data))


def files_of(data: bytes) -> list[tuple[FileHead, bytes]]:
    """The files of a batch, each whole and as it was hashed."""
    parser, found = FileFrameParser(), []
    starts: list[FileStart] = []
    for event in parser.feed(data):
        if isinstance(event, FileStart):
            starts.append(event)
        else:
            head, offset = starts[-1].head, starts[-1].offset
            content = data[offset : offset + head.size]
            assert digest(BLAKE3, content) == event.digest
            found.append((head, content))
    parser.finish()
    return found


def start_of(head: FileHead) -> StartUpload:
    """The words that would begin it by itself."""
    return StartUpload(
        client_id=head.client_id,
        path=head.path,
        size=head.size,
        modified_ns=head.modified_ns,
        digest_algorithm=BLAKE3,
        chunk_bytes=default_chunk_bytes(head.size),
    )


def stream(files: Iterable[Small]) -> bytes:
    return b"".join(file.frame() for file in files)


def send_batch(native: Native, files: Iterable[Small], **query: Any) -> Answer:
    return send_stream(native, stream(files), **query)


def send_stream(native: Native, body: bytes, **query: Any) -> Answer:
    return native.ask(
        "POST",
        f"{API}/batch",
        body=body,
        query={"digest_algorithm": BLAKE3, **query},
        headers={"Content-Type": MEDIA_TYPE},
    )


def taken(answer: Answer) -> list[dict[str, Any]]:
    """The files of an answer in which all were taken."""
    assert answer.status == 200, answer
    items = answer.json["items"]
    assert [item["status"] for item in items] == [201] * len(items), items
    return [item["file"] for item in items]


def codes(answer: Answer) -> list[str]:
    """Of each file, `taken` or the code of its problem."""
    assert answer.status == 200, answer
    return [
        item["problem"]["code"] if "problem" in item else "taken" for item in answer.json["items"]
    ]
