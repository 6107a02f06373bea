"""The calls of the upload protocol, as data; and how each of them stands on the wire."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from howdah_common.digests import digest, to_field
from howdah_common.frames import MEDIA_TYPE
from howdah_common.messages import API
from kit.native import frame

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Start:
    key: str
    path: str
    size: int | None
    modified_ns: int
    algorithm: str


@dataclass(frozen=True)
class Frame:
    number: int
    data: bytes
    honest: bool = True
    """Whether its digest is that of its data."""


@dataclass(frozen=True)
class Stream:
    key: str
    algorithm: str
    frames: tuple[Frame, ...]
    torn: Frame | None = None
    """The body ends in the middle of this one."""


@dataclass(frozen=True)
class Put:
    key: str
    algorithm: str
    frame: Frame


@dataclass(frozen=True)
class Have:
    key: str
    first: int
    digests: tuple[bytes, ...]


@dataclass(frozen=True)
class Complete:
    key: str
    size: int
    manifest_digest: str
    sha256: str | None = None
    if_version: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Cancel:
    key: str


Call = Start | Stream | Put | Have | Complete | Cancel


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


def request(call: Call, uploads: Mapping[str, str], versions: Mapping[str, str]) -> Request:
    """The call as HTTP. `uploads` and `versions`: the receiver's ids for the model's names."""
    if isinstance(call, Start):
        message: dict[str, Any] = {
            "client_id": call.key,
            "path": call.path,
            "size": call.size,
            "modified_ns": call.modified_ns,
            "digest_algorithm": call.algorithm,
            "chunk_bytes": CHUNK,
        }
        return _json(f"{API}/uploads", message)
    upload = f"{API}/uploads/{uploads[call.key]}"
    match call:
        case Stream():
            body = b"".join(_frame(one, call.algorithm) for one in call.frames)
            if call.torn:
                body += _frame(call.torn, call.algorithm)[: 20 + len(call.torn.data) // 2]
            return Request("POST", f"{upload}/chunks", {"Content-Type": MEDIA_TYPE}, body)
        case Put():
            field = to_field(call.algorithm, _digest(call.frame, call.algorithm))
            path = f"{upload}/chunks/{call.frame.number}"
            return Request("PUT", path, {"Content-Digest": field}, call.frame.data)
        case Have():
            digests = base64.b64encode(b"".join(call.digests)).decode()
            return _json(f"{upload}/have", {"first": call.first, "digests": digests})
        case Complete():
            optional = {"sha256": call.sha256, "if_version": call.if_version, "path": call.path}
            if call.if_version is not None:
                optional["if_version"] = versions.get(call.if_version, call.if_version)
            message = {"size": call.size, "manifest_digest": call.manifest_digest}
            given = {name: value for name, value in optional.items() if value is not None}
            return _json(f"{upload}/complete", message | given)
        case Cancel():
            return Request("DELETE", upload, {})


def _json(path: str, message: Mapping[str, Any]) -> Request:
    body = json.dumps(message).encode()
    return Request("POST", path, {"Content-Type": "application/json"}, body)


def _digest(one: Frame, algorithm: str) -> bytes:
    return digest(algorithm, one.data if one.honest else one.data + b"!")


def _frame(one: Frame, algorithm: str) -> bytes:
    return frame(one.number, one.data, algorithm, _digest(one, algorithm))
