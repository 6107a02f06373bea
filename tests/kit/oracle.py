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
from kit import tallies
from kit.workload import Load, NewFolder, Promise

SPACE = "owner"
BELONGS = {
    "trash", "journal",
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
    lies: Path
    """Where it is on the disk."""
    trashed: bool


def complaints(
    data: Path, clients: Iterable[Sequence[Promise]], *, done: bool, edited: bool = False
) -> list[str]:
    """What is wrong on `data`, whose receiver has recovered and rests.

    `clients`: what each client wanted, in its order. `done`: all of it came to its end. `edited`: other
    hands have changed a file that nobody has asked for since; without clients, they may have at any time.
    """
    journals = set(os.listdir(data / "journal"))  # before the rows: both may go while this looks
    catalogue = sqlite3.connect(f"file:{data / 'catalogue.sqlite3'}?mode=ro", uri=True)
    try:
        catalogue.row_factory = sqlite3.Row
        catalogue.execute("BEGIN")
        found = list(_of_catalogue(catalogue))
        if found:
            return found
        versions = _versions(catalogue, data)
        return [
            *_of_versions(catalogue, data, versions, edited=edited, by_hand=not clients),
            *_of_trash(catalogue, data, versions),
            *tallies.complaints(catalogue),
            *_of_parts(catalogue, data),
            *_of_journals(catalogue, journals),
            *_of_folders(catalogue, data, empty_too=not clients),
            *(_of_promises(catalogue, data, versions, clients, done=done) if clients else ()),
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
        "SELECT v.id, v.place, f.path, f.version_id = v.id AS current, f.trash_id, t.path AS top"
        " FROM versions v JOIN files f ON f.id = v.file_id LEFT JOIN trash t ON t.id = f.trash_id"
    ):
        place = place_of(data, row["path"], row["trash_id"], row["top"])
        if row["place"] != "current":
            place = data / "versions" / row["id"]
        content = place.read_bytes() if place.is_file() and not place.is_symlink() else None
        found.append(
            Version(row["id"], row["path"], row["place"], bool(row["current"]), content, place,
                    row["trash_id"] is not None)
        )  # fmt: skip
    return found


def place_of(data: Path, path: str, trash_id: str | None, top: str | None) -> Path:
    """Where what stands at a path lies, or what stood there and is in the trash as part of an entry."""
    if trash_id is None:
        return data / "files" / SPACE / path
    return data / "trash" / trash_id / path[len(top or "") :].lstrip("/")


def _of_trash(catalogue: sqlite3.Connection, data: Path, versions: list[Version]) -> Iterator[str]:
    lying = {version.lies for version in versions if version.place == "current"}
    entries = {row["id"] for row in catalogue.execute("SELECT id FROM trash")}
    for name in set(os.listdir(data / "trash")) ^ entries:
        yield f"trash/{name} is there without its row, or the other way about"
    for path in _files_below(data / "trash"):
        if data / "trash" / path not in lying:
            yield f"trash/{path} belongs to no file"
    for row in catalogue.execute(
        "SELECT f.path, f.trash_id, t.path AS top FROM folders f JOIN trash t ON t.id = f.trash_id"
    ):
        if not place_of(data, row["path"], row["trash_id"], row["top"]).is_dir():
            yield f"the folder {row['path']} is not in the trash on the disk"
    for table in ("files", "folders"):
        query = f"""SELECT path FROM {table}
            WHERE trash_id IS NOT NULL AND trash_id NOT IN (SELECT id FROM trash)"""
        for row in catalogue.execute(query):
            yield f"{row['path']} is in an entry of the trash that there is not"


def _of_versions(
    catalogue: sqlite3.Connection,
    data: Path,
    versions: list[Version],
    *,
    edited: bool,
    by_hand: bool,
) -> Iterator[str]:
    by_id = {version.id: version for version in versions}
    for row in catalogue.execute(
        "SELECT v.*, m.digests, f.path FROM versions v JOIN files f ON f.id = v.file_id"
        " LEFT JOIN manifests m ON m.version_id = v.id"
    ):
        if not (edited and by_id[row["id"]].place == "current"):
            yield from _of_version(row, by_id[row["id"]], lost_is_fine=by_hand)
    for path in _files_below(data / "files" / SPACE):
        if not any(v.current and not v.trashed and v.path == path for v in versions):
            yield f"{path} stands on the disk, but not in the catalogue"
    for name in os.listdir(data / "versions"):
        if name not in by_id or by_id[name].place != "kept":
            yield f"versions/{name} belongs to no version"
    strange = set(os.listdir(data)) - BELONGS
    if strange or set(os.listdir(data / "files")) - {SPACE}:
        yield f"strangers in the data folder: {strange}"


def _of_version(row: sqlite3.Row, version: Version, *, lost_is_fine: bool) -> Iterator[str]:
    name = f"{row['path']} ({row['id']}, {row['place']})"
    content = version.content
    if row["place"] == "lost" and lost_is_fine:
        return  # other hands have taken it
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


def _of_journals(catalogue: sqlite3.Connection, there: set[str]) -> Iterator[str]:
    for row in catalogue.execute(
        "SELECT DISTINCT f.path, u.journal_id FROM unsynced u JOIN files f ON f.id = u.file_id"
    ):
        if row["journal_id"] not in there:
            yield f"{row['path']} is not synced, and its journal is gone"


def _of_folders(catalogue: sqlite3.Connection, data: Path, *, empty_too: bool) -> Iterator[str]:
    """Not `empty_too`: a folder that was just asked for may stand there, and be asked for again."""
    query = "SELECT path FROM folders WHERE path <> '' AND trash_id IS NULL"
    rows = {row["path"] for row in catalogue.execute(query)}
    base = data / "files" / SPACE
    for path in rows:
        if not (base / path).is_dir():
            yield f"the folder {path} is not on the disk"
    if empty_too:
        there = {str(path.relative_to(base)) for path in base.rglob("*") if path.is_dir()}
    else:
        above = (parent for path in _files_below(base) for parent in Path(path).parents)
        there = {str(parent) for parent in above} - {"."}
    for path in there - rows:
        yield f"the folder {path} is not in the catalogue"


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


@dataclass(frozen=True)
class Snapshot:
    """What people can have, without ids and times."""

    files: dict[str, bytes]
    kept: dict[str, list[bytes]]
    """By path, what is kept of the file there."""
    trash: list[tuple[str, dict[str, bytes], dict[str, list[bytes]]]]
    """For each entry: where it stood, what it holds by paths below, and what is kept of these."""


def snapshot(data: Path) -> Snapshot:
    """Of a receiver that rests. Files by the disk, the rest by the catalogue."""
    catalogue = sqlite3.connect(f"file:{data / 'catalogue.sqlite3'}?mode=ro", uri=True)
    try:
        catalogue.row_factory = sqlite3.Row
        catalogue.execute("BEGIN")
        versions = _versions(catalogue, data)
        base = data / "files" / SPACE
        entries = [
            (row["path"], _contents(data / "trash" / row["id"]), _kept(
                version for version in versions
                if version.trashed and _entry_of(catalogue, version) == row["id"]
            ))
            for row in catalogue.execute("SELECT id, path FROM trash ORDER BY trashed_ns, id")
        ]  # fmt: skip
        live = _kept(version for version in versions if not version.trashed)
        return Snapshot(_contents(base), live, sorted(entries, key=repr))
    finally:
        catalogue.close()


def _contents(top: Path) -> dict[str, bytes]:
    if top.is_file():
        return {"": top.read_bytes()}
    return {path: (top / path).read_bytes() for path in sorted(_files_below(top))}


def _kept(versions: Iterable[Version]) -> dict[str, list[bytes]]:
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for version in versions:
        if version.place == "kept":
            found[version.path].append(version.content or b"(nothing)")
    return {path: sorted(contents) for path, contents in sorted(found.items())}


def _entry_of(catalogue: sqlite3.Connection, version: Version) -> str:
    row = catalogue.execute(
        "SELECT f.trash_id FROM versions v JOIN files f ON f.id = v.file_id WHERE v.id = ?",
        [version.id],
    ).fetchone()
    return str(row["trash_id"])
