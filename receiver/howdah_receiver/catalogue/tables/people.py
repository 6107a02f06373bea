"""Tables of accounts, spaces and who may do what in them."""

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

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # Lower case; null where nobody signs in by password, as with the owner of a first start.
    Column("email", Text),
    # Argon2id, as argon2-cffi writes it.
    Column("password_hash", Text),
    # `admin` or `member`.
    Column("role", Text, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    # Over all spaces that count for the account; null: no limit.
    Column("quota_bytes", BigInteger),
    Column("quota_files", BigInteger),
)
Index("accounts_by_email", accounts.c.email, unique=True)

spaces = Table(
    "spaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # `home` or `shared`.
    Column("kind", Text, nullable=False, default="home"),
    # Whose quota it counts for. Who may do what in it is in `memberships`.
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    # The folder below files/ that holds the space's tree.
    Column("folder", Text, nullable=False, unique=True),
    Column("created_ns", BigInteger, nullable=False, default=0),
    # Names that differ by case or by Unicode form alone clash.
    Column("case_fold", Boolean, nullable=False, default=False),
    Column("quota_bytes", BigInteger),
    Column("quota_files", BigInteger),
    # Kept by triggers: files, versions, trash and what uploads reserve; files, those in the trash too.
    Column("used_bytes", BigInteger, nullable=False, default=0),
    Column("used_files", BigInteger, nullable=False, default=0),
    # Of those, by triggers as well: versions that were replaced, and what is in the trash.
    Column("kept_bytes", BigInteger, nullable=False, default=0),
    Column("kept_versions", BigInteger, nullable=False, default=0),
    Column("trash_bytes", BigInteger, nullable=False, default=0),
    Column("trash_files", BigInteger, nullable=False, default=0),
    # Given by a trigger: under which the index of names keeps the space's.
    Column("number", Integer),
)
Index("spaces_by_number", spaces.c.number, unique=True)
Index("spaces_by_account", spaces.c.account_id)

memberships = Table(
    "memberships",
    metadata,
    Column("space_id", ForeignKey("spaces.id"), primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
    # `owner`, `writer`, `reader` or `sender`.
    Column("role", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("memberships_by_account", memberships.c.account_id)

devices = Table(
    "devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    # `paired`: has a token of its own. `login`: signed in by password, has a refresh token.
    Column("kind", Text, nullable=False, default="paired"),
    Column("name", Text, nullable=False),
    # Of the token, or of the newest refresh token.
    Column("token_sha256", LargeBinary, nullable=False, unique=True),
    # Of the refresh token before: whoever shows it again has stolen one of the two.
    Column("previous_sha256", LargeBinary),
    # When the one before was replaced; null where it may not be shown again at all.
    Column("rotated_ns", BigInteger),
    Column("created_ns", BigInteger, nullable=False),
    # When and from where it last asked for something.
    Column("seen_ns", BigInteger),
    Column("address", Text),
    # Null: good until it is revoked.
    Column("expires_ns", BigInteger),
    Column("revoked_ns", BigInteger),
    # Limited to a space, and to putting things in.
    Column("space_id", ForeignKey("spaces.id")),
    Column("send_only", Boolean, nullable=False, default=False),
    # When a file last arrived from it; after how many hours of silence somebody is told, and was.
    Column("arrived_ns", BigInteger),
    Column("alarm_hours", Integer),
    Column("alarmed_ns", BigInteger),
)
Index("devices_by_account", devices.c.account_id)
Index("devices_by_previous", devices.c.previous_sha256)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("code_sha256", LargeBinary, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    # Null: the one of a first start, good until it is used.
    Column("expires_ns", BigInteger),
    # What the device will be limited to.
    Column("space_id", ForeignKey("spaces.id")),
    Column("send_only", Boolean, nullable=False, default=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code_sha256", LargeBinary, nullable=False, unique=True),
    # Who invites; null: the receiver's own command.
    Column("account_id", ForeignKey("accounts.id")),
    # For this address alone; null: for whoever has it.
    Column("email", Text),
    # Of the account to be: `admin` or `member`.
    Column("role", Text, nullable=False),
    # A space that the account becomes a member of, and as what.
    Column("space_id", ForeignKey("spaces.id")),
    Column("space_role", Text),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
)

links = Table(
    "links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("secret_sha256", LargeBinary, nullable=False, unique=True),
    # `version`, `file` (its newest), `folder`, or `request`: to put files into a folder.
    Column("kind", Text, nullable=False),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("space_id", ForeignKey("spaces.id"), nullable=False),
    Column("file_id", Text),
    Column("version_id", Text),
    Column("folder_id", Text),
    # What its maker calls it.
    Column("label", Text, nullable=False, default=""),
    Column("password_hash", Text),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger),
    Column("revoked_ns", BigInteger),
    # Downloads, or files put in; these, and their bytes, are kept by triggers.
    Column("most_uses", Integer),
    Column("uses", Integer, nullable=False, default=0),
    # Of a request: what may be put in at most, what has been, and whether a name is asked for.
    Column("most_bytes", BigInteger),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("asks_name", Boolean, nullable=False, default=False),
)
Index("links_by_account", links.c.account_id)
Index("links_by_space", links.c.space_id)

audit = Table(
    "audit",
    metadata,
    # Who did what that matters to an owner: signing in, accounts, devices, roles, links, deletions for good.
    Column("number", Integer, primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("account_id", Text),
    Column("device_id", Text),
    Column("address", Text),
    # JSON; never a secret.
    Column("detail", Text, nullable=False, default="{}"),
)
Index("audit_by_time", audit.c.time_ns)
Index("audit_by_what", audit.c.what, audit.c.number)
