"""The JSON messages of the native protocol, as they stand on the wire.

Fields that are not given are left out. Unknown fields are passed over by a reader, so that an older
program understands a newer one. Bytes are base64; single digests are hex, as people compare them.

Docstrings and descriptions are what a receiver's `/docs` says about them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

API = "/api/v1"
CATALOGUE_HEADER = "Howdah-Catalogue"
"""Random id of the receiver's catalogue: another one means another receiver, or one begun anew."""
CHANGE_HEADER = "Howdah-Change"
"""Counts the changes of the catalogue's trees: a lower one means that it was restored from a copy."""

MOST_JSON_BYTES = 8 * 1024 * 1024
MOST_HAVE_DIGESTS = 8_192
MOST_PER_PAGE = 1_000

SortBy = Literal["name", "size", "changed", "added"]
SortOrder = Literal["asc", "desc"]
UploadStateName = Literal[
    "open", "completing", "published", "rejected", "cancelled", "expired", "gone"
]
Ranges = Annotated[
    list[tuple[int, int]],
    Meta(description="Ranges of chunk numbers, both ends included, ascending."),
]
# The lengths stand beside the patterns because $ lets a newline pass at the end.
HexDigest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
Nanoseconds = Annotated[
    int, Meta(ge=-(2**63), le=2**63 - 1, description="Nanoseconds since 1970; may be negative.")
]
"""What a signed 64-bit column holds, from 1677 to 2262."""
ClientId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32)]


class Message(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    pass


class StartUpload(Message, frozen=True):
    """`client_id`: 128 random bits in hex, written down before they are sent.

    `size`: null for what has no known end; it is said at completion.
    """

    client_id: ClientId
    path: str
    size: int | None
    modified_ns: Annotated[Nanoseconds, Meta(description="Of the source, in ns since 1970.")]
    digest_algorithm: str
    chunk_bytes: int | None = None
    space: str | None = None
    media_type: str | None = None
    metadata: dict[str, str] | None = None


class FileInfo(Message, frozen=True, tag_field="kind", tag="file"):
    """A file as it stands now, with its version."""

    id: str
    space: str
    path: str
    version: str
    size: int
    modified_ns: Nanoseconds
    added_ns: int
    chunk_bytes: int
    digest_algorithm: str
    manifest_digest: HexDigest
    sha256: Annotated[
        HexDigest | None, Meta(description="Of the whole file; known a while after publication.")
    ] = None
    media_type: Annotated[
        str | None, Meta(description="As its first bytes tell, for what came by an upload.")
    ] = None
    flagged: Annotated[
        bool, Meta(description="Its name says another type than its first bytes.")
    ] = False


class FolderInfo(Message, frozen=True, tag_field="kind", tag="folder"):
    """A folder. `bytes`, `files` and `folders`, where a folder is listed: what is in it and all below it."""

    space: str
    path: str
    bytes: int | None = None
    files: int | None = None
    folders: int | None = None
    id: str | None = None


class UploadInfo(Message, frozen=True):
    """What the receiver knows about an upload."""

    id: str
    client_id: str
    space: str
    path: str
    state: UploadStateName
    size: int | None
    chunk_bytes: int
    total_chunks: int | None
    digest_algorithm: str
    received: Ranges
    received_bytes: int
    started_ns: int
    expires_ns: Annotated[
        int | None,
        Meta(
            description="When it goes into recovery if nothing comes, or, in recovery, when it is let go;"
            " absent where that never happens by itself."
        ),
    ] = None
    media_type: Annotated[
        str | None, Meta(description="As its first bytes tell; absent until they are there.")
    ] = None
    device: Annotated[str | None, Meta(description="Name of the device that began it.")] = None
    account: Annotated[
        str | None, Meta(description="Name of its account, where those of all are listed.")
    ] = None
    bytes_per_second: Annotated[
        int | None, Meta(description="Of the last ten seconds; absent where nothing came.")
    ] = None
    seconds_left: Annotated[
        int | None, Meta(description="At that speed; absent where that cannot be said.")
    ] = None
    known: Annotated[
        bool,
        Meta(
            description="Something of this size or at this path is there: "
            "asking with `have` may save the way."
        ),
    ] = False
    problem: Annotated[
        str | None,
        Meta(description="Code of what a completion in the background came to, where it failed."),
    ] = None
    file: FileInfo | None = None


class UploadList(Message, frozen=True):
    """Uploads that are open or completing, and in recovery where that is asked for; oldest first."""

    uploads: list[UploadInfo]


class Have(Message, frozen=True):
    """The digests of the chunks from number `first` on, one after the other."""

    first: int
    digests: bytes


class HaveAnswer(Message, frozen=True):
    """Of the asked run, what is to be sent."""

    missing: Ranges


class ChunksAnswer(Message, frozen=True):
    """What a chunk stream brought: the chunks of this request that count now."""

    stored: Ranges


class UploadManifest(Message, frozen=True):
    """Digests of what was received: those of the chunks in `received`, ascending, one after the other."""

    size: int | None
    chunk_bytes: int
    digest_algorithm: str
    received: Ranges
    digests: bytes


class FileManifest(Message, frozen=True):
    """Digests of all chunks of a version, in order, one after the other."""

    version: str
    size: int
    chunk_bytes: int
    digest_algorithm: str
    manifest_digest: HexDigest
    digests: bytes


class Complete(Message, frozen=True):
    """What the client sent: its size, and what the manifest of all chunks hashes to.

    `if_version`: the version that must stand at the path, or `none`: nothing may.
    `path`: publish there instead of where the upload was begun for.
    """

    size: int
    manifest_digest: HexDigest
    sha256: HexDigest | None = None
    if_version: str | None = None
    path: str | None = None


class VerifyAnswer(Message, frozen=True):
    """What was read again: `damaged` chunks are to be sent again."""

    ok: bool
    checked_bytes: int
    damaged: Ranges


class FileList(Message, frozen=True):
    """What stands at a path: a page of a folder's entries, folders first, or one file; or what was found.

    `bytes`, `files` and `folders`: of the folder itself and all below it.
    """

    kind: Literal["folder", "file"]
    items: list[FileInfo | FolderInfo]
    page: int
    per_page: int
    total: int
    total_is_at_least: Annotated[
        bool,
        Meta(description="A search found more than `total`, which is all that has page numbers."),
    ] = False
    sort_by: Annotated[
        SortBy | None,
        Meta(
            description="Absent where too much was found to be sorted: what is new is first then."
        ),
    ] = None
    sort_order: SortOrder | None = None
    next: Annotated[
        str | None,
        Meta(
            description="What to send as `after` for the entries after these, where there are more."
        ),
    ] = None
    bytes: int | None = None
    files: int | None = None
    folders: int | None = None


class NewFolder(Message, frozen=True):
    """The folder and those above it are made."""

    path: str
    space: str | None = None


class Pair(Message, frozen=True):
    """The one-time code of a pairing link, and what the device shall be called."""

    code: str
    device_name: str


class Paired(Message, frozen=True):
    """The device's token is shown this once; the receiver keeps only its SHA-256.

    `account` and `receiver_name` are names, for people.
    """

    token: str
    device: str
    account: str
    receiver_name: str
    catalogue: str


class ProblemDocument(Message, frozen=True):
    """RFC 9457. What a code brings along stands beside these members."""

    type: str
    title: str
    status: int
    detail: str = ""
    remedy: str = ""
    code: str = ""


def encode(message: Any) -> bytes:
    return msgspec.json.encode(message)
