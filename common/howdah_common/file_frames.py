"""The stream of small files (`application/vnd.howdah.files`): frames of one file each, one after the other.

    offset  bytes  what
         0      4  "HBF1"
         4      1  flags: 1 keep both; 2 nothing may stand at the path; 4 a version must stand there
         5      1  zero
         6      2  path length in bytes, unsigned big-endian
         8      4  payload length in bytes, unsigned big-endian
        12      8  time of the source's last change, ns since 1970, signed big-endian
        20     16  client_id
        36     16  the version that must stand there; zero without flag 4
        52      p  path, UTF-8
      52+p      n  payload
    52+p+n     32  digest of the payload, by the algorithm of the request

At most one of the flags is set; without any, what stands at the path becomes a version. The digest comes
last, so that a sender can read, hash and send in one pass. The parser takes bytes as they come and gives
events; of its own it keeps a head, a path or a digest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from howdah_common.digests import DIGEST_BYTES
from howdah_common.remote_path import MOST_PATH_BYTES

MEDIA_TYPE = "application/vnd.howdah.files"
MOST_FILES = 1_000
"""In one request."""
MOST_FILE_BYTES = 1024 * 1024
"""Of one payload: one chunk of the grid that such a file gets."""
NOTHING = "none"
"""As `if_version`: nothing may stand at the path."""

IfExists = Literal["version", "keep_both"]

_MAGIC = b"HBF1"
_HEAD = struct.Struct(">4sBBHIq16s16s")
HEAD_BYTES = _HEAD.size
_KEEP_BOTH, _IF_NOTHING, _IF_VERSION = 1, 2, 4
_NO_VERSION = bytes(16)


class FileFrameError(ValueError):
    """The stream is not made of frames; the message says where it went wrong."""


@dataclass(frozen=True, slots=True)
class FileHead:
    """What is said of a file before its bytes.

    `client_id` and versions are 128 bits in hex; `if_version`: what must stand at the path, `none` for
    nothing, None for whatever does.
    """

    client_id: str
    path: str
    size: int
    modified_ns: int
    if_exists: IfExists = "version"
    if_version: str | None = None


@dataclass(frozen=True, slots=True)
class FileStart:
    """A file begins; `offset` of its payload in the stream."""

    head: FileHead
    offset: int


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file is whole; the sender's digest of it."""

    digest: bytes


Event = FileStart | FileEnd


def file_head(head: FileHead) -> bytes:
    """What stands before the payload. Raises ValueError for what no frame can say."""
    path = head.path.encode()
    flags, version = _KEEP_BOTH if head.if_exists == "keep_both" else 0, _NO_VERSION
    if head.if_version == NOTHING:
        flags |= _IF_NOTHING
    elif head.if_version is not None:
        flags, version = flags | _IF_VERSION, _id_bytes(head.if_version)
    if flags not in _FLAGS or not 0 <= head.size <= MOST_FILE_BYTES:
        raise ValueError(f"no frame says that of {head.path!r}")
    if not 0 < len(path) <= MOST_PATH_BYTES:
        raise ValueError(f"a path has 1 to {MOST_PATH_BYTES} bytes, not {len(path)}")
    return (
        _HEAD.pack(
            _MAGIC, flags, 0, len(path), head.size, head.modified_ns,
            _id_bytes(head.client_id), version,
        )
        + path
    )  # fmt: skip


_FLAGS = frozenset({0, _KEEP_BOTH, _IF_NOTHING, _IF_VERSION})


def _id_bytes(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != 16:
        raise ValueError(f"{text!r} is not an id of 128 bits")
    return found


class FileFrameParser:
    """Bytes in, events out; payloads are passed over, as whoever feeds it has them.

    Feed it whatever arrives; call `finish` at the end of the stream.
    """

    def __init__(
        self, most_files: int = MOST_FILES, most_payload_bytes: int = MOST_FILE_BYTES
    ) -> None:
        """What is beyond these is refused as soon as a head says it."""
        self._most_files = most_files
        self._most_bytes = most_payload_bytes
        self._held = bytearray()
        self._head: tuple[int, ...] | None = None
        self._raw_ids = (b"", b"")
        self._in_frame = False
        self._payload_left = 0
        self._wanted = HEAD_BYTES
        self._files = 0
        self.offset = 0
        """Bytes of the stream so far."""

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        """Events of `data`. Raises FileFrameError."""
        view = memoryview(data)
        while view:
            if self._payload_left:
                step = min(self._payload_left, len(view))
                self._payload_left -= step
                self.offset += step
                view = view[step:]
                continue
            step = min(self._wanted - len(self._held), len(view))
            self._held += view[:step]
            self.offset += step
            view = view[step:]
            if len(self._held) == self._wanted:
                whole = bytes(self._held)
                self._held.clear()
                event = self._step(whole)
                if event is not None:
                    yield event

    def finish(self) -> None:
        """The stream has ended. Raises FileFrameError in the middle of a frame."""
        if self._in_frame or self._held or self._head is not None:
            raise FileFrameError("the stream ends in the middle of a frame")

    def _step(self, whole: bytes) -> Event | None:
        if self._in_frame:
            self._in_frame, self._wanted = False, HEAD_BYTES
            return FileEnd(whole)
        if self._head is None:
            self._read_head(whole)
            return None
        return FileStart(self._start(whole), self.offset)

    def _read_head(self, whole: bytes) -> None:
        magic, flags, zero, path_bytes, size, modified_ns, client_id, version = _HEAD.unpack(whole)
        self._files += 1
        which = f"file {self._files}"
        if magic != _MAGIC or zero:
            raise FileFrameError(f"{which} does not begin with its mark")
        if self._files > self._most_files:
            raise FileFrameError(f"there are more than {self._most_files} files")
        if flags not in _FLAGS or (version != _NO_VERSION) != (flags == _IF_VERSION):
            raise FileFrameError(f"{which} has the flags {flags}, which are not known here")
        if not 0 < path_bytes <= MOST_PATH_BYTES:
            raise FileFrameError(f"{which} announces a path of {path_bytes} bytes")
        if size > self._most_bytes:
            raise FileFrameError(f"{which} announces {size} bytes; {self._most_bytes} are the most")
        self._head = (flags, size, modified_ns)
        self._raw_ids = client_id, version
        self._wanted = path_bytes

    def _start(self, path: bytes) -> FileHead:
        assert self._head is not None
        (flags, size, modified_ns), (client_id, version) = self._head, self._raw_ids
        try:
            text = path.decode()
        except UnicodeDecodeError as error:
            raise FileFrameError(f"the path of file {self._files} is not UTF-8") from error
        self._head = None
        self._in_frame, self._payload_left, self._wanted = True, size, DIGEST_BYTES
        wanted = {_IF_NOTHING: NOTHING, _IF_VERSION: version.hex()}.get(flags)
        return FileHead(
            client_id=client_id.hex(),
            path=text,
            size=size,
            modified_ns=modified_ns,
            if_exists="keep_both" if flags == _KEEP_BOTH else "version",
            if_version=wanted,
        )
