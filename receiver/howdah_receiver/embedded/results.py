"""What the face answers: frozen values with the names that docs/embedding.md lists.

Sizes are bytes, numbers of chunks 0-based, spans of time seconds, speeds bytes per second, progress runs
from 0.0 to 1.0. What is not known is None.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


class Result:
    """One that can be answered as JSON."""

    def as_dict(self) -> dict[str, Any]:
        """For `json.dumps`: times as ISO 8601. Where files lie on this machine's disk (every `path` that is a
        `pathlib.Path`) is left out, as that is nobody's business at the other end of a line."""
        return {
            field.name: _plain(value)
            for field in dataclasses.fields(self)  # type: ignore[arg-type]  # they all are
            if not isinstance(value := getattr(self, field.name), Path)
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class PublishedFile(Result):
    """A file that an upload came to. It was on stable storage before this was answered."""

    path: Path
    """Where it stands on the disk. Of a version that was replaced since: where that is kept."""
    remote_path: str
    """Its path in the space."""
    size: int
    duration: float
    """Seconds from the start of the upload to the publication."""
    sha256: str | None
    """Of the whole file, hex; None until the background has computed it, where nobody gave it."""
    version: str
    """The id of this content."""
    file_id: str
    """The id of the file, which stays the same when its content is replaced."""


@dataclass(frozen=True, slots=True)
class StartedUpload(Result):
    """An upload that may be filled, and how it is cut."""

    upload_id: str
    client_id: str
    """32 hex digits: the same start under them answers the same upload."""
    chunk_size: int
    """Every chunk has so many bytes, but the last one."""
    total_chunks: int
    """0 for an empty file."""
    algorithm: str
    """Of the digests of its chunks: `sha-256` or `blake3`."""
    complete: bool
    """It is published: an empty file is at once, and so may be one that was started before."""
    result: PublishedFile | None
    """The file, where it is published."""


@dataclass(frozen=True, slots=True)
class ChunkReceived(Result):
    """A chunk that counts. It survives the death of the process; with `result`, a power cut too."""

    upload_id: str
    chunk_number: int
    chunks_received: int
    """How many count by now, this one included."""
    chunks_needed: int
    """How many are still missing."""
    progress: float
    complete: bool
    """The upload is published."""
    result: PublishedFile | None
    """The file, where this was the chunk that made it whole (or came again after it was)."""


@dataclass(frozen=True, slots=True)
class ResumedUpload(Result):
    """Where an upload stands: what is to be sent."""

    upload_id: str
    chunk_size: int
    total_chunks: int
    missing: tuple[int, ...]
    """The numbers of the chunks that are to be sent, ascending."""
    chunks_received: int
    progress: float
    complete: bool
    result: PublishedFile | None


@dataclass(frozen=True, slots=True)
class UploadStatus(Result):
    """An upload as it stands."""

    upload_id: str
    filename: str
    remote_path: str
    """Where in the space it is to stand, or stands."""
    status: str
    """`open`, `completing`, `published`, `rejected`, `cancelled`, `expired` or `gone` (docs/states.md)."""
    total_size: int | None
    """None where another door began it without one (docs/protocol.md, `size: null`)."""
    size_uploaded: int
    chunks_received: int
    total_chunks: int | None
    progress: float | None
    speed: float | None
    """Of the last ten seconds; None where nothing came."""
    time_remaining: float | None
    """Seconds at that speed; 0.0 once it is published."""
    started: datetime
    """With the time zone UTC."""
    expires: datetime | None
    """When it is put into recovery, or let go from there, if nothing comes; with the time zone UTC."""
    metadata: dict[str, str]
    """As it was given at the start."""
    path: Path | None
    """Where the file stands on the disk, once it is published and while it is not deleted."""
    problem: str | None
    """Why it was rejected: a code of docs/problems.md."""


@dataclass(frozen=True, slots=True)
class ChunkVerified(Result):
    """A chunk that was read again from the disk."""

    upload_id: str
    chunk_number: int
    ok: bool
    """What stands there is what was asked about, and what was received."""
    expected: str
    """The digest that was asked about, else the one it was received with; hex."""
    actual: str | None
    """The digest of what stands there, hex; None where the disk cannot read it."""


@dataclass(frozen=True, slots=True)
class Statistics(Result):
    """Of the account's uploads, whichever door they came through, and of the face's space. Days and weeks
    are those of UTC; a week begins on Monday."""

    active_uploads: int
    """Open or completing."""
    active_bytes: int
    """Their sizes, in all."""
    active_bytes_received: int
    average_speed: float | None
    """Of the uploads published this week: their bytes by the seconds from their start to their end."""
    uploads_today: int
    """Published since midnight."""
    uploads_this_week: int
    """Published since Monday."""
    bytes_stored: int
    """In the files of the space, without earlier versions."""
    files_stored: int
