"""Whether what the catalogue counts is what there is, and whether what stood where makes sense."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

FOREVER = 2**63


def complaints(catalogue: sqlite3.Connection) -> Iterator[str]:
    """What is wrong, in sentences. Rows by name (`sqlite3.Row`)."""
    yield from _of_spaces(catalogue)
    yield from _of_folders(catalogue)
    yield from _of_trash(catalogue)
    yield from _of_places(catalogue)
    yield from _of_history(catalogue)


def _of_spaces(catalogue: sqlite3.Connection) -> Iterator[str]:
    for row in catalogue.execute(
        """SELECT name, used_bytes, used_files,
            (SELECT coalesce(sum(size), 0) FROM versions v
                WHERE v.space_id = s.id AND place <> 'lost')
            + (SELECT coalesce(sum(reserved_bytes), 0) FROM uploads u WHERE u.space_id = s.id)
                AS bytes,
            (SELECT count(*) FROM files f WHERE f.space_id = s.id) AS files FROM spaces s"""
    ):
        if (row["used_bytes"], row["used_files"]) != (row["bytes"], row["files"]):
            yield f"the space {row['name']} counts otherwise than there is: {tuple(row)}"


def _of_folders(catalogue: sqlite3.Connection) -> Iterator[str]:
    for row in catalogue.execute(
        """SELECT path, own_bytes, own_files, own_folders,
            (SELECT coalesce(sum(size), 0) FROM files WHERE folder_id = f.id) AS bytes,
            (SELECT count(*) FROM files WHERE folder_id = f.id) AS files,
            (SELECT count(*) FROM folders g WHERE g.parent_id = f.id) AS folders FROM folders f"""
    ):
        if tuple(row)[1:4] != tuple(row)[4:]:
            yield f"the folder {row['path']!r} counts otherwise than there is: {tuple(row)}"


def _of_trash(catalogue: sqlite3.Connection) -> Iterator[str]:
    for row in catalogue.execute(
        """SELECT path, bytes, files,
            (SELECT coalesce(sum(size), 0) FROM files f WHERE f.trash_id = t.id),
            (SELECT count(*) FROM files f WHERE f.trash_id = t.id) FROM trash t"""
    ):
        if tuple(row)[1:3] != tuple(row)[3:]:
            yield f"the entry {row['path']!r} counts otherwise than there is: {tuple(row)}"


def _of_places(catalogue: sqlite3.Connection) -> Iterator[str]:
    """Every row of the tree stands in the folder that its path says."""
    for table, above in (("files", "folder_id"), ("folders", "parent_id")):
        for row in catalogue.execute(
            f"""SELECT c.path, c.name, c.trash_id, p.path AS above, p.trash_id AS above_trash
                FROM {table} c JOIN folders p ON p.id = c.{above}"""
        ):
            wanted = f"{row['above']}/{row['name']}".lstrip("/")
            if row["path"] != wanted or row["trash_id"] != row["above_trash"]:
                yield f"{row['path']!r} stands in {row['above']!r}"
        query = f"""SELECT path FROM {table}
            WHERE {above} IS NULL AND trash_id IS NULL AND path <> ''"""
        for row in catalogue.execute(query):
            yield f"{row['path']!r} stands in no folder"
    for row in catalogue.execute(
        """SELECT f.path FROM files f JOIN versions v ON v.id = f.version_id
            WHERE f.size <> v.size OR f.modified_ns <> v.modified_ns OR v.file_id <> f.id
                OR v.place <> 'current'"""
    ):
        yield f"{row['path']!r} is told of otherwise than its version"


def _of_history(catalogue: sqlite3.Connection) -> Iterator[str]:
    """At no time did two contents stand at one path."""
    stood = defaultdict(list)
    for row in catalogue.execute("SELECT space_id, path, from_ns, to_ns FROM placements"):
        stood[row["space_id"], row["path"]].append((row["from_ns"], row["to_ns"]))
    for row in catalogue.execute(
        "SELECT space_id, path, since_ns FROM files WHERE trash_id IS NULL"
    ):
        stood[row["space_id"], row["path"]].append((row["since_ns"], FOREVER))
    for (_, path), times in stood.items():
        for (began, ended), (next_began, _) in pairwise(sorted(times)):
            if ended < began or next_began < ended:
                yield f"two contents stood at {path!r} at once"
