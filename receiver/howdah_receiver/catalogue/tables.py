"""The tables. Ids are 128 random bits in hex, times nanoseconds since 1970, sizes bytes.

A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

spaces = Table(
    "spaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    # The folder below files/ that holds the space's tree.
    Column("folder", Text, nullable=False, unique=True),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("token_sha256", LargeBinary, nullable=False, unique=True),
    Column("created_ns", BigInteger, nullable=False),
)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("code_sha256", LargeBinary, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    # Null: the one of a first start, good until it is used.
    Column("expires_ns", BigInteger),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("client_id", Text, nullable=False),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger),
    Column("modified_ns", BigInteger, nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("chunk_bytes", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    # The words of the start and of the completion, so that a repetition is told from another request.
    Column("start_body", LargeBinary, nullable=False),
    Column("completion_body", LargeBinary),
    Column("version_id", Text),
    Column("problem", Text),
    Column("started_ns", BigInteger, nullable=False),
    # The receiver was not stopped cleanly since these chunks came: read them again before use.
    Column("suspect", Boolean, nullable=False, default=False),
    UniqueConstraint("account_id", "client_id"),
)
Index("uploads_by_state", uploads.c.state, uploads.c.account_id)

chunks = Table(
    "chunks",
    metadata,
    Column("upload_id", ForeignKey("uploads.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    # A later fdatasync succeeded: survives a power cut.
    Column("durable", Boolean, nullable=False, default=False),
    sqlite_with_rowid=False,
)

folders = Table(
    "folders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("parent", Text, nullable=False),
    UniqueConstraint("space_id", "path"),
)
Index("folders_by_parent", folders.c.space_id, folders.c.parent, folders.c.path)

files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("version_id", Text, nullable=False),
    UniqueConstraint("space_id", "path"),
)
Index("files_by_parent", files.c.space_id, files.c.parent, files.c.path)

versions = Table(
    "versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False),
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
    # As fstat gave them when the content was last known to match.
    Column("device", BigInteger, nullable=False),
    Column("inode", BigInteger, nullable=False),
    Column("disk_modified_ns", BigInteger, nullable=False),
)
Index("versions_by_file", versions.c.file_id)
Index("versions_by_size", versions.c.size)
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

intents = Table(
    "intents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    # JSON; what it holds is up to the kind (see storage.tree).
    Column("body", LargeBinary, nullable=False),
)
