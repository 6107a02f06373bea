"""One example of each message, all of one story: `abc` goes to `notes/abc.txt`. The digests are true."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from howdah_common import digests
from howdah_common.chunks import SMALLEST_CHUNK_BYTES
from howdah_common.file_frames import FileHead, file_head
from howdah_common.frames import frame_header
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
    Message,
    NewFolder,
    Pair,
    Paired,
    StartUpload,
    UploadInfo,
    UploadList,
    UploadManifest,
    VerifyAnswer,
)
from howdah_common.messages_batch import BatchAnswer, BatchItem, FetchFiles, WantedFile
from howdah_receiver.api import examples_links, examples_people, examples_trees

CONTENT = b"abc"
_ALGORITHM = digests.SHA256
_DIGEST = digests.digest(_ALGORITHM, CONTENT)
CONTENT_DIGEST = digests.to_field(_ALGORITHM, _DIGEST)
FRAME = frame_header(0, len(CONTENT)) + CONTENT + _DIGEST
_MANIFEST_DIGEST = Manifest(len(CONTENT), SMALLEST_CHUNK_BYTES, _ALGORITHM, _DIGEST).digest().hex()
_PATH = "notes/abc.txt"
_SPACE, _UPLOAD, _FILE, _VERSION, _CLIENT_ID, _DEVICE, _CATALOGUE, _FOLDER, _OLD = (
    digest_of_name.hex()[:32]
    for digest_of_name in (
        digests.digest(_ALGORITHM, name)
        for name in (
            b"space",
            b"upload",
            b"file",
            b"version",
            b"client",
            b"device",
            b"catalogue",
            b"folder",
            b"old",
        )
    )
)
_MODIFIED_NS = 1_700_000_000_000_000_000
FILE_FRAME = file_head(FileHead(_CLIENT_ID, _PATH, len(CONTENT), _MODIFIED_NS)) + CONTENT + _DIGEST
_ADDED_NS = _MODIFIED_NS + 60 * 10**9

_FILE_INFO = FileInfo(
    id=_FILE,
    space=_SPACE,
    path=_PATH,
    version=_VERSION,
    size=len(CONTENT),
    modified_ns=_MODIFIED_NS,
    added_ns=_ADDED_NS,
    chunk_bytes=SMALLEST_CHUNK_BYTES,
    digest_algorithm=_ALGORITHM,
    manifest_digest=_MANIFEST_DIGEST,
    sha256=_DIGEST.hex(),
    media_type="text/plain",
)
_STARTED = UploadInfo(
    id=_UPLOAD,
    client_id=_CLIENT_ID,
    space=_SPACE,
    path=_PATH,
    state="open",
    size=len(CONTENT),
    chunk_bytes=SMALLEST_CHUNK_BYTES,
    total_chunks=1,
    digest_algorithm=_ALGORITHM,
    received=[],
    received_bytes=0,
    started_ns=_MODIFIED_NS + 30 * 10**9,
    expires_ns=_MODIFIED_NS + (30 + 7 * 24 * 3600) * 10**9,
    device="my laptop",
)
PUBLISHED = msgspec.structs.replace(
    _STARTED, state="published", received=[(0, 0)], received_bytes=len(CONTENT), file=_FILE_INFO
)

_ALL: tuple[Message, ...] = (
    StartUpload(
        client_id=_CLIENT_ID,
        path=_PATH,
        size=len(CONTENT),
        modified_ns=_MODIFIED_NS,
        digest_algorithm=_ALGORITHM,
        chunk_bytes=SMALLEST_CHUNK_BYTES,
    ),
    _STARTED,
    UploadList(uploads=[_STARTED]),
    Have(first=0, digests=_DIGEST),
    HaveAnswer(missing=[(0, 0)]),
    ChunksAnswer(stored=[(0, 0)]),
    BatchAnswer(items=[BatchItem(status=201, file=_FILE_INFO)]),
    FetchFiles(files=[WantedFile(path=_PATH)]),
    UploadManifest(
        size=len(CONTENT),
        chunk_bytes=SMALLEST_CHUNK_BYTES,
        digest_algorithm=_ALGORITHM,
        received=[(0, 0)],
        digests=_DIGEST,
    ),
    Complete(size=len(CONTENT), manifest_digest=_MANIFEST_DIGEST, sha256=_DIGEST.hex()),
    VerifyAnswer(ok=True, checked_bytes=len(CONTENT), damaged=[]),
    _FILE_INFO,
    FileManifest(
        version=_VERSION,
        size=len(CONTENT),
        chunk_bytes=SMALLEST_CHUNK_BYTES,
        digest_algorithm=_ALGORITHM,
        manifest_digest=_MANIFEST_DIGEST,
        digests=_DIGEST,
    ),
    FolderInfo(space=_SPACE, path="notes", id=_FOLDER),
    FileList(
        kind="folder",
        items=[
            FolderInfo(space=_SPACE, path="notes/old", id=_OLD, bytes=0, files=0, folders=0),
            _FILE_INFO,
        ],
        page=1,
        per_page=50,
        total=2,
        sort_by="name",
        sort_order="asc",
        bytes=len(CONTENT),
        files=1,
        folders=1,
    ),
    NewFolder(path="notes"),
    Pair(code="XXXX-XXXX-XXXX", device_name="my laptop"),
    Paired(
        token="the-token-of-this-device",
        device=_DEVICE,
        account="owner",
        receiver_name="nas",
        catalogue=_CATALOGUE,
    ),
    *examples_people.ALL,
    *examples_trees.examples(_FILE_INFO),
)
OF_TYPE: Mapping[type, Message] = {
    type(message): message for message in (*_ALL, *examples_links.ALL)
}
