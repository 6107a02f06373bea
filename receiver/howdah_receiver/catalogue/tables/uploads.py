"""Tables of what is on its way."""

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
    UniqueConstraint,
)

from howdah_receiver.catalogue.tables.metadata import metadata

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
    # Which device began it, and which request link, where it came by one.
    Column("device_id", Text),
    Column("link_id", Text),
    # When something last came of it; when it was published, or otherwise ended.
    Column("active_ns", BigInteger, nullable=False, default=0),
    Column("ended_ns", BigInteger),
    # When it went into recovery; kept once it was taken up again.
    Column("expired_ns", BigInteger),
    # What the quota counts for it: the size, or what has come where that is not known.
    Column("reserved_bytes", BigInteger, nullable=False, default=0),
    # As its first bytes tell; null while they are not there.
    Column("media_type", Text),
    # Of the chunks that count; kept by triggers.
    Column("received_bytes", BigInteger, nullable=False, default=0),
    UniqueConstraint("account_id", "client_id"),
)
Index("uploads_by_state", uploads.c.state, uploads.c.account_id)
Index("uploads_by_end", uploads.c.ended_ns)

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
