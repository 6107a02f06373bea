"""Whether a data folder holds what its receiver has promised, and nothing that it should not hold.

:func:`complaints` looks at the disk and into the catalogue with eyes of its own (SQL and hashes, no code
of the receiver) and says in sentences what is wrong: an empty list is what every test wants.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import DIGEST_BYTES, digest
from kit.workload import Load, NewFolder, Promise

SPACE = "owner"
BELONGS = {
    "trash",
    "files", "versions", "parts", "lock", "clean", "control.sock",
    "catalogue.sqlite3", "catalogue.sqlite3-wal", "catalogue.sqlite3-shm",
}  # fmt: skip


@dataclass(frozen=True)
class Version:
    id: str
    path: str
    place: str
    current: bool
    content: bytes | None
    """None where the disk has nothing for it."""


def complaints(data: Path, clients: Iterable[Sequence[Promise]], *, done: bool) -> list[str]:
    """What is wrong on `data`, whose receiver has recovered and rests.

    `clients`: what each client wanted, in its order. `done`: all of it came to its end.
    """
    catalogue = sqlite3.connect(f"file:{data / 'catalogue.sqlite3'}?mode=ro", uri=True)
    try:
        catalogue.row_factory = sqlite3.Row
        catalogue.execute("BEGIN")
        found = list(_of_catalogue(catalogue))
        if found:
            return found
        versions = _versions(catalogue, data)
        return [
            *_of_versions(catalogue, data, versions),
            *_of_parts(catalogue, data),
            *_of_folders(catalogue, data),
            *_of_promises(catalogue, data, versions, clients, done=done),
        ]
    finally:
        catalogue.close()


def _of_catalogue(catalogue: sqlite3.Connection) -> Iterator[str]:
    if (told := catalogue.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
        yield f"integrity: {told}"
    elif catalogue.execute("PRAGMA foreign_key_check").fetchone():
        yield "a row points to nothing"
    else:
        for row in catalogue.execute("SELECT kind FROM intents"):
            yield f"an intent is left: {row['kind']}"
        for row in catalogue.execute("SELECT path FROM uploads WHERE state = 'completing'"):
            yield f"still completing: {row['path']}"


def _versions(catalogue: sqlite3.Connection, data: Path) -> list[Version]:
    found = []
    for row in catalogue.execute(
        "SELECT v.id, v.place, f.path, f.version_id = v.id AS current"
        " FROM versions v JOIN files f ON f.id = v.file_id"
    ):
        place = data / "files" / SPACE / row["path"]
        if row["place"] != "current":
            place = data / "versions" / row["id"]
        content = place.read_bytes() if place.is_file() and not place.is_symlink() else None
        found.append(Version(row["id"], row["path"], row["place"], bool(row["current"]), content))
    return found


def _of_versions(
    catalogue: sqlite3.Connection, data: Path, versions: list[Version]
) -> Iterator[str]:
    by_id = {version.id: version for version in versions}
    for row in catalogue.execute(
        "SELECT v.*, m.digests, f.path FROM versions v JOIN files f ON f.id = v.file_id"
        " LEFT JOIN manifests m ON m.version_id = v.id"
    ):
        yield from _of_version(row, by_id[row["id"]])
    for path in _files_below(data / "files" / SPACE):
        if not any(version.current and version.path == path for version in versions):
            yield f"{path} stands on the disk, but not in the catalogue"
    for name in os.listdir(data / "versions"):
        if name not in by_id or by_id[name].place != "kept":
            yield f"versions/{name} belongs to no version"
    strange = set(os.listdir(data)) - BELONGS
    if strange or set(os.listdir(data / "files")) - {SPACE}:
        yield f"strangers in the data folder: {strange}"


def _of_version(row: sqlite3.Row, version: Version) -> Iterator[str]:
    name = f"{row['path']} ({row['id']}, {row['place']})"
    content = version.content
    if version.current != (row["place"] == "current") or row["place"] == "lost":
        yield f"{name} is at no place where it should be"
    elif content is None:
        yield f"{name} has no content on the disk"
    elif row["damaged"]:
        yield f"{name} is called damaged"
    elif len(content) != row["size"] or row["digests"] is None:
        yield f"{name} has {len(content)} bytes, not {row['size']}"
    else:
        plan = ChunkPlan(row["size"], row["chunk_bytes"])
        found = b"".join(
            digest(row["algorithm"], content[span.offset : span.end]) for span in plan.spans()
        )
        if found != bytes(row["digests"]):
            yield f"{name} differs from its digests"
        if row["sha256"] is not None and bytes(row["sha256"]) != digest("sha-256", content):
            yield f"{name} differs from its SHA-256"


def _of_parts(catalogue: sqlite3.Connection, data: Path) -> Iterator[str]:
    live = {row["id"]: row for row in catalogue.execute("SELECT * FROM uploads WHERE state='open'")}
    for name in os.listdir(data / "parts"):
        if name not in live:
            yield f"parts/{name} belongs to no upload"
    for chunk in catalogue.execute("SELECT * FROM chunks"):
        upload = live.get(chunk["upload_id"])
        if upload is None:
            yield f"chunk {chunk['number']} belongs to no open upload"
            continue
        part = data / "parts" / upload["id"]
        at = chunk["number"] * upload["chunk_bytes"]
        piece = part.read_bytes()[at : at + chunk["length"]] if part.exists() else b""
        assert len(chunk["digest"]) == DIGEST_BYTES
        if digest(upload["algorithm"], piece) != chunk["digest"]:
            yield f"chunk {chunk['number']} of {upload['path']} is not what was received"


def _of_folders(catalogue: sqlite3.Connection, data: Path) -> Iterator[str]:
    rows = {row["path"] for row in catalogue.execute("SELECT path FROM folders WHERE path <> ''")}
    base = data / "files" / SPACE
    for path in rows:
        if not (base / path).is_dir():
            yield f"the folder {path} is not on the disk"
    for path in _files_below(base):
        for parent in Path(path).parents:
            if str(parent) not in {".", *rows}:
                yield f"the folder {parent} is not in the catalogue"


def _of_promises(
    catalogue: sqlite3.Connection,
    data: Path,
    versions: list[Version],
    clients: Iterable[Sequence[Promise]],
    *,
    done: bool,
) -> Iterator[str]:
    wanted: defaultdict[str, list[bytes]] = defaultdict(list)
    clients = list(clients)
    shared = _shared_paths(clients)
    for client in clients:
        for promise in client:
            if done and not promise.acknowledged:
                yield f"{promise} did not come to its end"
            if isinstance(promise, NewFolder) and promise.acknowledged:
                yield from _of_folder(catalogue, data, promise)
            if isinstance(promise, Load):
                if promise.completing and not promise.cancelled:
                    wanted[promise.path].append(promise.content)
                yield from _of_load(catalogue, data, versions, promise)
        yield from _of_order(client, versions, shared)
    for version in versions:
        if version.content is not None and version.content not in wanted[version.path]:
            yield f"{version.path} holds what nobody completed"


def _of_folder(catalogue: sqlite3.Connection, data: Path, folder: NewFolder) -> Iterator[str]:
    row = catalogue.execute("SELECT 1 FROM folders WHERE path = ?", [folder.path]).fetchone()
    if row is None or not (data / "files" / SPACE / folder.path).is_dir():
        yield f"the folder {folder.path} was acknowledged"


def _of_load(
    catalogue: sqlite3.Connection, data: Path, versions: list[Version], load: Load
) -> Iterator[str]:
    if not load.acknowledged:
        return
    row = catalogue.execute("SELECT * FROM uploads WHERE id = ?", [load.upload]).fetchone()
    state = row["state"] if row else "nowhere"
    if load.cancelled:
        if state != "cancelled" or (data / "parts" / load.upload).exists():
            yield f"{load.path} was cancelled, and is {state}"
        return
    version = next((v for v in versions if v.id == load.version), None)
    if state != "published" or version is None or row["version_id"] != load.version:
        yield f"{load.path}: its completion was acknowledged, and it is {state}"
    elif version.content != load.content or version.path != load.path:
        yield f"{load.path}: what was acknowledged is not what stands there"


def _shared_paths(clients: Sequence[Sequence[Promise]]) -> set[str]:
    """Where several clients put something, nobody knows whose came last."""
    paths = [{p.path for p in client if isinstance(p, Load)} for client in clients]
    return {path for mine in paths for path in mine if sum(path in other for other in paths) > 1}


def _of_order(
    client: Sequence[Promise], versions: list[Version], shared: set[str]
) -> Iterator[str]:
    """What stands at a path is the last thing that was acknowledged, or what came after it."""
    at_path: defaultdict[str, list[Load]] = defaultdict(list)
    for promise in client:
        if isinstance(promise, Load) and not promise.cancelled and promise.path not in shared:
            at_path[promise.path].append(promise)
    for path, loads in at_path.items():
        last = max((n for n, load in enumerate(loads) if load.acknowledged), default=-1)
        if last < 0:
            continue
        current = [v.content for v in versions if v.path == path and v.current]
        if len(current) != 1 or current[0] not in [load.content for load in loads[last:]]:
            yield f"{path}: an older content is back"


def _files_below(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield str((Path(place) / name).relative_to(folder))
