"""The first shape of the catalogue."""

from __future__ import annotations

import secrets

from alembic import op

revision = "0001"
down_revision = None

# Spelled out, not taken from `tables`: those change with later versions, this does not.
STATEMENTS = (
    """CREATE TABLE meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))""",
    """CREATE TABLE accounts (
        id TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, created_ns BIGINT NOT NULL,
        PRIMARY KEY (id), UNIQUE (name))""",
    """CREATE TABLE spaces (
        id TEXT NOT NULL, name TEXT NOT NULL, account_id TEXT NOT NULL, folder TEXT NOT NULL,
        PRIMARY KEY (id), FOREIGN KEY (account_id) REFERENCES accounts (id), UNIQUE (folder))""",
    """CREATE TABLE devices (
        id TEXT NOT NULL, account_id TEXT NOT NULL, name TEXT NOT NULL,
        token_sha256 BLOB NOT NULL, created_ns BIGINT NOT NULL,
        PRIMARY KEY (id), FOREIGN KEY (account_id) REFERENCES accounts (id), UNIQUE (token_sha256))""",
    """CREATE TABLE pairing_codes (
        code_sha256 BLOB NOT NULL, account_id TEXT NOT NULL, expires_ns BIGINT,
        PRIMARY KEY (code_sha256), FOREIGN KEY (account_id) REFERENCES accounts (id))""",
    """CREATE TABLE uploads (
        id TEXT NOT NULL, account_id TEXT NOT NULL, client_id TEXT NOT NULL, space_id TEXT NOT NULL,
        path TEXT NOT NULL, size BIGINT, modified_ns BIGINT NOT NULL, algorithm TEXT NOT NULL,
        chunk_bytes BIGINT NOT NULL, state TEXT NOT NULL, start_body BLOB NOT NULL,
        completion_body BLOB, version_id TEXT, problem TEXT, started_ns BIGINT NOT NULL,
        suspect BOOLEAN NOT NULL,
        PRIMARY KEY (id), UNIQUE (account_id, client_id),
        FOREIGN KEY (account_id) REFERENCES accounts (id),
        FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    """CREATE INDEX uploads_by_state ON uploads (state, account_id)""",
    """CREATE TABLE chunks (
        upload_id TEXT NOT NULL, number INTEGER NOT NULL, length BIGINT NOT NULL,
        digest BLOB NOT NULL, durable BOOLEAN NOT NULL,
        PRIMARY KEY (upload_id, number),
        FOREIGN KEY (upload_id) REFERENCES uploads (id)) WITHOUT ROWID""",
    """CREATE TABLE folders (
        id TEXT NOT NULL, space_id TEXT NOT NULL, path TEXT NOT NULL, parent TEXT NOT NULL,
        PRIMARY KEY (id), UNIQUE (space_id, path), FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    """CREATE INDEX folders_by_parent ON folders (space_id, parent, path)""",
    """CREATE TABLE files (
        id TEXT NOT NULL, space_id TEXT NOT NULL, path TEXT NOT NULL, parent TEXT NOT NULL,
        version_id TEXT NOT NULL,
        PRIMARY KEY (id), UNIQUE (space_id, path), FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    """CREATE INDEX files_by_parent ON files (space_id, parent, path)""",
    """CREATE TABLE versions (
        id TEXT NOT NULL, file_id TEXT NOT NULL, place TEXT NOT NULL, size BIGINT NOT NULL,
        modified_ns BIGINT NOT NULL, added_ns BIGINT NOT NULL, chunk_bytes BIGINT NOT NULL,
        algorithm TEXT NOT NULL, manifest_digest BLOB NOT NULL, sha256 BLOB,
        damaged BOOLEAN NOT NULL, origin TEXT NOT NULL, device BIGINT NOT NULL,
        inode BIGINT NOT NULL, disk_modified_ns BIGINT NOT NULL,
        PRIMARY KEY (id), FOREIGN KEY (file_id) REFERENCES files (id))""",
    """CREATE INDEX versions_by_file ON versions (file_id)""",
    """CREATE INDEX versions_by_size ON versions (size)""",
    """CREATE INDEX versions_without_sha256 ON versions (added_ns)
        WHERE sha256 IS NULL AND damaged IS 0""",
    """CREATE TABLE manifests (
        version_id TEXT NOT NULL, digests BLOB NOT NULL,
        PRIMARY KEY (version_id), FOREIGN KEY (version_id) REFERENCES versions (id))""",
    """CREATE TABLE intents (
        id TEXT NOT NULL, kind TEXT NOT NULL, space_id TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (id), FOREIGN KEY (space_id) REFERENCES spaces (id))""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    op.execute(
        f"INSERT INTO meta VALUES ('catalogue', '{secrets.token_hex(16)}'), ('changes', '0')"
    )
