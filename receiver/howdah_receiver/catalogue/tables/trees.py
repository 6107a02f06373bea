"""Tables of what stands in the spaces, what stood there, and what is about to."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from howdah_receiver.catalogue.tables.metadata import metadata

SEARCH_TABLES = ("file_names", "folder_names")
"""Indexes of trigrams (FTS5), kept by triggers; what they are made of stands in the migration. SQLite keeps
tables of its own for each, whose names begin with these."""

folders = Table(
    "folders",
    metadata,
    # For the index of names: it stays the same as long as the folder does.
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    # Empty for the space's own, which has no parent.
    Column("path", Text, nullable=False),
    # Null for the space's own, and for what was put into the trash by itself.
    Column("parent_id", ForeignKey("folders.id")),
    Column("name", Text, nullable=False),
    # The name as it clashes in a space that folds case.
    Column("folded", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False, default=0),
    # Kept by triggers: what stands directly in it.
    Column("own_bytes", BigInteger, nullable=False, default=0),
    Column("own_files", BigInteger, nullable=False, default=0),
    Column("own_folders", BigInteger, nullable=False, default=0),
    # In the trash, as part of that entry; `path` is then where it stood.
    Column("trash_id", Text),
)
_LIVE_FOLDERS = folders.c.trash_id.is_(None)
# What the tallies below a path are summed from, without touching the table.
Index(
    "folders_by_path",
    folders.c.space_id,
    folders.c.path,
    folders.c.own_bytes,
    folders.c.own_files,
    # The condition itself: without it, each row of the table is looked at after all.
    folders.c.trash_id,
    sqlite_where=_LIVE_FOLDERS,
)
Index(
    "folders_once",
    folders.c.space_id,
    folders.c.path,
    unique=True,
    sqlite_where=_LIVE_FOLDERS,
)
Index("folders_by_parent", folders.c.parent_id, folders.c.name)
Index("folders_by_folded", folders.c.parent_id, folders.c.folded)
Index("folders_by_trash", folders.c.trash_id, sqlite_where=folders.c.trash_id.is_not(None))

files = Table(
    "files",
    metadata,
    # For the index of names: it stays the same as long as the file does.
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    # Null for what was put into the trash by itself.
    Column("folder_id", ForeignKey("folders.id")),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("version_id", Text, nullable=False),
    # As in the version that stands there, to sort by.
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("added_ns", BigInteger, nullable=False),
    # Since when this version stands at this path.
    Column("since_ns", BigInteger, nullable=False),
    # In the trash, as part of that entry; `path` is then where it stood.
    Column("trash_id", Text),
)
_LIVE_FILES = files.c.trash_id.is_(None)
Index("files_once", files.c.space_id, files.c.path, unique=True, sqlite_where=_LIVE_FILES)
Index("files_by_name", files.c.folder_id, files.c.name)
Index("files_by_size", files.c.folder_id, files.c.size, files.c.name)
Index("files_by_modified", files.c.folder_id, files.c.modified_ns, files.c.name)
Index("files_by_added", files.c.folder_id, files.c.added_ns, files.c.name)
# Whether a name clashes in a space that folds case.
Index("files_by_folded", files.c.folder_id, files.c.folded)
Index("files_by_trash", files.c.trash_id, sqlite_where=files.c.trash_id.is_not(None))

versions = Table(
    "versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    # `current`: at the file's path. `kept`: in versions/ID. `lost`: taken away by other hands.
    Column("place", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("added_ns", BigInteger, nullable=False),
    Column("chunk_bytes", BigInteger, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("manifest_digest", LargeBinary, nullable=False),
    # Of the whole file; null until the background job has read it.
    Column("sha256", LargeBinary),
    # Read again and found to differ from its digests, though nobody touched it.
    Column("damaged", Boolean, nullable=False, default=False),
    # `upload`, or `outside`: found on the disk, put there by other hands.
    Column("origin", Text, nullable=False),
    # Who sent it; null for `outside`.
    Column("account_id", Text),
    Column("device_id", Text),
    # When it was replaced; null while it is current.
    Column("kept_ns", BigInteger),
    # As its first bytes tell, and whether its name says something else.
    Column("media_type", Text),
    Column("flagged", Boolean, nullable=False, default=False),
    # As fstat gave them when the content was last known to match.
    Column("device", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("disk_modified_ns", BigInteger, nullable=False),
)
Index("versions_by_file", versions.c.file_id)
Index("versions_by_size", versions.c.size)
Index("versions_kept_by_file", versions.c.file_id, sqlite_where=versions.c.place == "kept")
Index("versions_by_kept", versions.c.kept_ns, sqlite_where=versions.c.place == "kept")
Index(
    "versions_without_sha256",
    versions.c.added_ns,
    sqlite_where=versions.c.sha256.is_(None) & versions.c.damaged.is_(False),
)

manifests = Table(
    "manifests",
    metadata,
    Column("version_id", ForeignKey("versions.id"), primary_key=True),
    Column("digests", LargeBinary, nullable=False),
)

placements = Table(
    "placements",
    metadata,
    # Where a version once stood, and when: ended by a replacement, a move or the trash. Where it stands
    # now is in `files`.
    Column("number", Integer, primary_key=True),
    # It may be gone for good: that something stood there is remembered longer than what.
    Column("version_id", Text, nullable=False),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("to_ns", BigInteger, nullable=False),
)
Index("placements_by_path", placements.c.space_id, placements.c.path)
Index("placements_by_version", placements.c.version_id)
Index("placements_by_end", placements.c.to_ns)

trash = Table(
    "trash",
    metadata,
    # The name in trash/ too.
    Column("id", Text, primary_key=True),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    # Where it stood.
    Column("path", Text, nullable=False),
    # `file` or `folder`.
    Column("kind", Text, nullable=False),
    Column("trashed_ns", BigInteger, nullable=False),
    Column("account_id", Text),
    Column("device_id", Text),
    Column("bytes", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
)
Index("trash_by_space", trash.c.space_id, trash.c.trashed_ns)

changes = Table(
    "changes",
    metadata,
    # What happened to the trees, in order; written in the transaction that made it so.
    Column("number", Integer, primary_key=True),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    # One of `catalogue.changes.ChangeKind`.
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    # Where it was moved from.
    Column("from_path", Text),
    Column("file_id", Text),
    Column("version_id", Text),
    Column("account_id", Text),
    Column("device_id", Text),
    sqlite_autoincrement=True,
)
Index("changes_by_space", changes.c.space_id, changes.c.number)

intents = Table(
    "intents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    # JSON; what it holds is up to the kind (see storage.tree).
    Column("body", LargeBinary, nullable=False),
)

unsynced = Table(
    "unsynced",
    metadata,
    # Versions that came in a batch and whose file is not on stable storage yet by itself: their bytes are in
    # journal/JOURNAL_ID, so many from that offset on. A row holds for the version that is current alone.
    Column("version_id", Text, primary_key=True),
    Column("file_id", Text, nullable=False),
    Column("journal_id", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("unsynced_by_journal", unsynced.c.journal_id)
