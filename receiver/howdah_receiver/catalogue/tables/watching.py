"""Tables of what an owner watches: how much came each day, and what somebody is to be told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from howdah_receiver.catalogue.tables.metadata import metadata

arrivals = Table(
    "arrivals",
    metadata,
    # Since 1970, in UTC.
    Column("day", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    Column("files", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

notices = Table(
    "notices",
    metadata,
    # What the webhook is still to be told, in this order.
    Column("number", Integer, primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    # JSON.
    Column("body", Text, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("next_ns", BigInteger, nullable=False, default=0),
)
