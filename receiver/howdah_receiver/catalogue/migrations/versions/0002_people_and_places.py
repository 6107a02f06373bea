"""Accounts with passwords, shared spaces, a trash, links, and a history of what happened.

Files and folders get new tables: their paths are unique only while they are not in the trash, a folder
knows what stands directly in it, and a file knows its folder.
"""

from __future__ import annotations

import secrets
import unicodedata

from alembic import op
from sqlalchemy import Connection, text

revision = "0002"
down_revision = "0001"

ACCOUNTS = (
    "ALTER TABLE accounts ADD COLUMN email TEXT",
    "ALTER TABLE accounts ADD COLUMN password_hash TEXT",
    "ALTER TABLE accounts ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN quota_bytes BIGINT",
    "ALTER TABLE accounts ADD COLUMN quota_files BIGINT",
    "CREATE UNIQUE INDEX accounts_by_email ON accounts (email)",
    "ALTER TABLE spaces ADD COLUMN kind TEXT NOT NULL DEFAULT 'home'",
    "ALTER TABLE spaces ADD COLUMN created_ns BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN case_fold BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN quota_bytes BIGINT",
    "ALTER TABLE spaces ADD COLUMN quota_files BIGINT",
    "ALTER TABLE spaces ADD COLUMN used_bytes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN used_files BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN number INTEGER",
    "UPDATE spaces SET number = (SELECT count(*) FROM spaces s WHERE s.id <= spaces.id)",
    "CREATE UNIQUE INDEX spaces_by_number ON spaces (number)",
    """CREATE TRIGGER spaces_numbered AFTER INSERT ON spaces BEGIN
        UPDATE spaces SET number = (SELECT coalesce(max(number), 0) + 1 FROM spaces)
            WHERE id = NEW.id;
        END""",
    "ALTER TABLE spaces ADD COLUMN kept_bytes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN kept_versions BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN trash_bytes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE spaces ADD COLUMN trash_files BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX spaces_by_account ON spaces (account_id)",
    """CREATE TABLE memberships (
        space_id TEXT NOT NULL, account_id TEXT NOT NULL, role TEXT NOT NULL,
        PRIMARY KEY (space_id, account_id),
        FOREIGN KEY (space_id) REFERENCES spaces (id),
        FOREIGN KEY (account_id) REFERENCES accounts (id)) WITHOUT ROWID""",
    "CREATE INDEX memberships_by_account ON memberships (account_id)",
    "INSERT INTO memberships SELECT id, account_id, 'owner' FROM spaces",
    "ALTER TABLE devices ADD COLUMN kind TEXT NOT NULL DEFAULT 'paired'",
    "ALTER TABLE devices ADD COLUMN previous_sha256 BLOB",
    "ALTER TABLE devices ADD COLUMN rotated_ns BIGINT",
    "ALTER TABLE devices ADD COLUMN seen_ns BIGINT",
    "ALTER TABLE devices ADD COLUMN address TEXT",
    "ALTER TABLE devices ADD COLUMN expires_ns BIGINT",
    "ALTER TABLE devices ADD COLUMN revoked_ns BIGINT",
    "ALTER TABLE devices ADD COLUMN space_id TEXT REFERENCES spaces (id)",
    "ALTER TABLE devices ADD COLUMN send_only BOOLEAN NOT NULL DEFAULT 0",
    "ALTER TABLE devices ADD COLUMN arrived_ns BIGINT",
    "ALTER TABLE devices ADD COLUMN alarm_hours INTEGER",
    "ALTER TABLE devices ADD COLUMN alarmed_ns BIGINT",
    "CREATE INDEX devices_by_account ON devices (account_id)",
    "CREATE INDEX devices_by_previous ON devices (previous_sha256)",
    "ALTER TABLE pairing_codes ADD COLUMN space_id TEXT REFERENCES spaces (id)",
    "ALTER TABLE pairing_codes ADD COLUMN send_only BOOLEAN NOT NULL DEFAULT 0",
    """CREATE TABLE invitations (
        id TEXT NOT NULL, code_sha256 BLOB NOT NULL, account_id TEXT, email TEXT,
        role TEXT NOT NULL, space_id TEXT, space_role TEXT,
        created_ns BIGINT NOT NULL, expires_ns BIGINT NOT NULL,
        PRIMARY KEY (id), UNIQUE (code_sha256),
        FOREIGN KEY (account_id) REFERENCES accounts (id),
        FOREIGN KEY (space_id) REFERENCES spaces (id))""",
)

UPLOADS = (
    "ALTER TABLE uploads ADD COLUMN device_id TEXT",
    "ALTER TABLE uploads ADD COLUMN link_id TEXT",
    "ALTER TABLE uploads ADD COLUMN active_ns BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE uploads ADD COLUMN ended_ns BIGINT",
    "ALTER TABLE uploads ADD COLUMN expired_ns BIGINT",
    "ALTER TABLE uploads ADD COLUMN reserved_bytes BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE uploads ADD COLUMN media_type TEXT",
    "ALTER TABLE uploads ADD COLUMN received_bytes BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX uploads_by_end ON uploads (ended_ns)",
    # Idle since now, not since they began: none expires because of an upgrade.
    """UPDATE uploads SET active_ns = CAST(strftime('%s') AS INTEGER) * 1000000000,
        reserved_bytes = CASE WHEN state IN ('open', 'completing') THEN coalesce(size,
            (SELECT coalesce(sum(length), 0) FROM chunks WHERE upload_id = uploads.id)) ELSE 0 END,
        ended_ns = CASE WHEN state IN ('open', 'completing') THEN NULL ELSE coalesce(
            (SELECT added_ns FROM versions WHERE versions.id = uploads.version_id), started_ns) END""",
)

WATCHING = (
    """CREATE TABLE arrivals (
        day INTEGER NOT NULL, account_id TEXT NOT NULL, files BIGINT NOT NULL, bytes BIGINT NOT NULL,
        PRIMARY KEY (day, account_id),
        FOREIGN KEY (account_id) REFERENCES accounts (id)) WITHOUT ROWID""",
    """INSERT INTO arrivals SELECT ended_ns / 86400000000000, account_id, count(*),
        coalesce(sum(size), 0) FROM uploads WHERE state = 'published' GROUP BY 1, 2""",
    """CREATE TABLE notices (
        number INTEGER NOT NULL, time_ns BIGINT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
        tries INTEGER NOT NULL, next_ns BIGINT NOT NULL,
        PRIMARY KEY (number))""",
)

FOLDERS = (
    """CREATE TABLE new_folders (
        number INTEGER NOT NULL, id TEXT NOT NULL, space_id TEXT NOT NULL, path TEXT NOT NULL, parent_id TEXT,
        name TEXT NOT NULL, folded TEXT NOT NULL, created_ns BIGINT NOT NULL,
        own_bytes BIGINT NOT NULL, own_files BIGINT NOT NULL, own_folders BIGINT NOT NULL,
        trash_id TEXT,
        PRIMARY KEY (number), UNIQUE (id), FOREIGN KEY (space_id) REFERENCES spaces (id),
        FOREIGN KEY (parent_id) REFERENCES folders (id))""",
    """CREATE TABLE new_files (
        number INTEGER NOT NULL, id TEXT NOT NULL, space_id TEXT NOT NULL, path TEXT NOT NULL,
        folder_id TEXT, name TEXT NOT NULL, folded TEXT NOT NULL, version_id TEXT NOT NULL,
        size BIGINT NOT NULL, modified_ns BIGINT NOT NULL, added_ns BIGINT NOT NULL,
        since_ns BIGINT NOT NULL, trash_id TEXT,
        PRIMARY KEY (number), UNIQUE (id), FOREIGN KEY (space_id) REFERENCES spaces (id),
        FOREIGN KEY (folder_id) REFERENCES folders (id))""",
)

TREES = (
    "DROP TABLE folders",
    "ALTER TABLE new_folders RENAME TO folders",
    "DROP TABLE files",
    "ALTER TABLE new_files RENAME TO files",
    """CREATE INDEX folders_by_path ON folders (space_id, path, own_bytes, own_files, trash_id)
        WHERE trash_id IS NULL""",
    "CREATE UNIQUE INDEX folders_once ON folders (space_id, path) WHERE trash_id IS NULL",
    "CREATE INDEX folders_by_parent ON folders (parent_id, name)",
    "CREATE INDEX folders_by_folded ON folders (parent_id, folded)",
    "CREATE INDEX folders_by_trash ON folders (trash_id) WHERE trash_id IS NOT NULL",
    "CREATE UNIQUE INDEX files_once ON files (space_id, path) WHERE trash_id IS NULL",
    "CREATE INDEX files_by_name ON files (folder_id, name)",
    "CREATE INDEX files_by_size ON files (folder_id, size, name)",
    "CREATE INDEX files_by_modified ON files (folder_id, modified_ns, name)",
    "CREATE INDEX files_by_added ON files (folder_id, added_ns, name)",
    "CREATE INDEX files_by_folded ON files (folder_id, folded)",
    "CREATE INDEX files_by_trash ON files (trash_id) WHERE trash_id IS NOT NULL",
    "ALTER TABLE versions ADD COLUMN space_id TEXT NOT NULL DEFAULT '' REFERENCES spaces (id)",
    """UPDATE versions SET space_id =
        (SELECT files.space_id FROM files WHERE files.id = versions.file_id)""",
    "ALTER TABLE versions ADD COLUMN account_id TEXT",
    "ALTER TABLE versions ADD COLUMN device_id TEXT",
    "ALTER TABLE versions ADD COLUMN kept_ns BIGINT",
    "ALTER TABLE versions ADD COLUMN media_type TEXT",
    "ALTER TABLE versions ADD COLUMN flagged BOOLEAN NOT NULL DEFAULT 0",
    """UPDATE versions SET account_id = (SELECT account_id FROM spaces WHERE id = versions.space_id)
        WHERE origin = 'upload'""",
    # When it was replaced is not known: it is kept for its whole time from now on.
    """UPDATE versions SET kept_ns = CAST(strftime('%s') AS INTEGER) * 1000000000
        WHERE place <> 'current'""",
    "CREATE INDEX versions_kept_by_file ON versions (file_id) WHERE place = 'kept'",
    "CREATE INDEX versions_by_kept ON versions (kept_ns) WHERE place = 'kept'",
    """CREATE TABLE placements (
        number INTEGER NOT NULL, version_id TEXT NOT NULL, space_id TEXT NOT NULL,
        path TEXT NOT NULL, from_ns BIGINT NOT NULL, to_ns BIGINT NOT NULL,
        PRIMARY KEY (number), FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    "CREATE INDEX placements_by_path ON placements (space_id, path)",
    "CREATE INDEX placements_by_version ON placements (version_id)",
    "CREATE INDEX placements_by_end ON placements (to_ns)",
    """INSERT INTO placements (version_id, space_id, path, from_ns, to_ns)
        SELECT v.id, v.space_id, f.path, v.added_ns,
            coalesce((SELECT min(n.added_ns) FROM versions n
                WHERE n.file_id = v.file_id AND n.added_ns > v.added_ns), v.added_ns)
        FROM versions v JOIN files f ON f.id = v.file_id WHERE v.place = 'kept'""",
    """CREATE TABLE trash (
        id TEXT NOT NULL, space_id TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,
        trashed_ns BIGINT NOT NULL, account_id TEXT, device_id TEXT, bytes BIGINT NOT NULL,
        files BIGINT NOT NULL,
        PRIMARY KEY (id), FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    "CREATE INDEX trash_by_space ON trash (space_id, trashed_ns)",
    """CREATE TABLE changes (
        number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, space_id TEXT NOT NULL,
        time_ns BIGINT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, from_path TEXT,
        file_id TEXT, version_id TEXT, account_id TEXT, device_id TEXT,
        FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    "CREATE INDEX changes_by_space ON changes (space_id, number)",
    """CREATE TABLE links (
        id TEXT NOT NULL, secret_sha256 BLOB NOT NULL, kind TEXT NOT NULL, account_id TEXT NOT NULL,
        space_id TEXT NOT NULL, file_id TEXT, version_id TEXT, folder_id TEXT, label TEXT NOT NULL,
        password_hash TEXT, created_ns BIGINT NOT NULL, expires_ns BIGINT, revoked_ns BIGINT,
        most_uses INTEGER, uses INTEGER NOT NULL, most_bytes BIGINT, bytes BIGINT NOT NULL,
        asks_name BOOLEAN NOT NULL,
        PRIMARY KEY (id), UNIQUE (secret_sha256),
        FOREIGN KEY (account_id) REFERENCES accounts (id),
        FOREIGN KEY (space_id) REFERENCES spaces (id))""",
    "CREATE INDEX links_by_account ON links (account_id)",
    "CREATE INDEX links_by_space ON links (space_id)",
    """CREATE TABLE audit (
        number INTEGER NOT NULL, time_ns BIGINT NOT NULL, what TEXT NOT NULL, account_id TEXT,
        device_id TEXT, address TEXT, detail TEXT NOT NULL,
        PRIMARY KEY (number))""",
    "CREATE INDEX audit_by_time ON audit (time_ns)",
    "CREATE INDEX audit_by_what ON audit (what, number)",
)

# What is counted often is counted once, where it changes.
TALLIES = (
    """UPDATE folders SET
        own_bytes = (SELECT coalesce(sum(size), 0) FROM files WHERE folder_id = folders.id),
        own_files = (SELECT count(*) FROM files WHERE folder_id = folders.id),
        own_folders = (SELECT count(*) FROM folders f WHERE f.parent_id = folders.id)""",
    """UPDATE spaces SET
        used_bytes = (SELECT coalesce(sum(size), 0) FROM versions
                WHERE space_id = spaces.id AND place IN ('current', 'kept'))
            + (SELECT coalesce(sum(reserved_bytes), 0) FROM uploads WHERE space_id = spaces.id),
        used_files = (SELECT count(*) FROM files WHERE space_id = spaces.id),
        kept_bytes = (SELECT coalesce(sum(size), 0) FROM versions
                WHERE space_id = spaces.id AND place = 'kept'),
        kept_versions = (SELECT count(*) FROM versions
                WHERE space_id = spaces.id AND place = 'kept')""",
    """UPDATE uploads SET received_bytes = (SELECT coalesce(sum(length), 0) FROM chunks
        WHERE upload_id = uploads.id)""",
    """CREATE TRIGGER files_added AFTER INSERT ON files BEGIN
        UPDATE folders SET own_bytes = own_bytes + NEW.size, own_files = own_files + 1
            WHERE id = NEW.folder_id;
        UPDATE spaces SET used_files = used_files + 1 WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER files_removed AFTER DELETE ON files BEGIN
        UPDATE folders SET own_bytes = own_bytes - OLD.size, own_files = own_files - 1
            WHERE id = OLD.folder_id;
        UPDATE spaces SET used_files = used_files - 1 WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER files_changed AFTER UPDATE OF folder_id, size ON files
        WHEN NEW.folder_id IS NOT OLD.folder_id OR NEW.size <> OLD.size BEGIN
        UPDATE folders SET own_bytes = own_bytes - OLD.size, own_files = own_files - 1
            WHERE id = OLD.folder_id;
        UPDATE folders SET own_bytes = own_bytes + NEW.size, own_files = own_files + 1
            WHERE id = NEW.folder_id;
        END""",
    """CREATE TRIGGER folders_added AFTER INSERT ON folders BEGIN
        UPDATE folders SET own_folders = own_folders + 1 WHERE id = NEW.parent_id;
        END""",
    """CREATE TRIGGER folders_removed AFTER DELETE ON folders BEGIN
        UPDATE folders SET own_folders = own_folders - 1 WHERE id = OLD.parent_id;
        END""",
    """CREATE TRIGGER folders_moved AFTER UPDATE OF parent_id ON folders
        WHEN NEW.parent_id IS NOT OLD.parent_id BEGIN
        UPDATE folders SET own_folders = own_folders - 1 WHERE id = OLD.parent_id;
        UPDATE folders SET own_folders = own_folders + 1 WHERE id = NEW.parent_id;
        END""",
    """CREATE TRIGGER versions_added AFTER INSERT ON versions WHEN NEW.place <> 'lost' BEGIN
        UPDATE spaces SET used_bytes = used_bytes + NEW.size WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER versions_removed AFTER DELETE ON versions WHEN OLD.place <> 'lost' BEGIN
        UPDATE spaces SET used_bytes = used_bytes - OLD.size WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER versions_lost AFTER UPDATE OF place ON versions
        WHEN NEW.place = 'lost' AND OLD.place <> 'lost' BEGIN
        UPDATE spaces SET used_bytes = used_bytes - OLD.size WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER versions_found AFTER UPDATE OF place ON versions
        WHEN NEW.place <> 'lost' AND OLD.place = 'lost' BEGIN
        UPDATE spaces SET used_bytes = used_bytes + NEW.size WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER uploads_begun AFTER INSERT ON uploads WHEN NEW.reserved_bytes <> 0 BEGIN
        UPDATE spaces SET used_bytes = used_bytes + NEW.reserved_bytes WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER uploads_reserve AFTER UPDATE OF reserved_bytes ON uploads
        WHEN NEW.reserved_bytes <> OLD.reserved_bytes BEGIN
        UPDATE spaces SET used_bytes = used_bytes + NEW.reserved_bytes - OLD.reserved_bytes
            WHERE id = NEW.space_id;
        END""",
    # What came by a request link counts from its start on, until it was given up.
    """CREATE TRIGGER uploads_by_link AFTER INSERT ON uploads WHEN NEW.link_id IS NOT NULL BEGIN
        UPDATE links SET uses = uses + 1, bytes = bytes + coalesce(NEW.size, 0)
            WHERE id = NEW.link_id;
        END""",
    """CREATE TRIGGER uploads_given_up AFTER UPDATE OF state ON uploads
        WHEN NEW.link_id IS NOT NULL AND NEW.state IN ('cancelled', 'rejected', 'gone')
            AND OLD.state NOT IN ('cancelled', 'rejected', 'gone') BEGIN
        UPDATE links SET uses = uses - 1, bytes = bytes - coalesce(OLD.size, 0)
            WHERE id = NEW.link_id;
        END""",
    """CREATE TRIGGER chunks_added AFTER INSERT ON chunks BEGIN
        UPDATE uploads SET received_bytes = received_bytes + NEW.length WHERE id = NEW.upload_id;
        END""",
    """CREATE TRIGGER chunks_removed AFTER DELETE ON chunks BEGIN
        UPDATE uploads SET received_bytes = received_bytes - OLD.length WHERE id = OLD.upload_id;
        END""",
    """CREATE TRIGGER versions_kept_added AFTER INSERT ON versions WHEN NEW.place = 'kept' BEGIN
        UPDATE spaces SET kept_bytes = kept_bytes + NEW.size, kept_versions = kept_versions + 1
            WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER versions_kept_removed AFTER DELETE ON versions WHEN OLD.place = 'kept' BEGIN
        UPDATE spaces SET kept_bytes = kept_bytes - OLD.size, kept_versions = kept_versions - 1
            WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER versions_kept AFTER UPDATE OF place ON versions
        WHEN NEW.place = 'kept' AND OLD.place <> 'kept' BEGIN
        UPDATE spaces SET kept_bytes = kept_bytes + NEW.size, kept_versions = kept_versions + 1
            WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER versions_kept_no_more AFTER UPDATE OF place ON versions
        WHEN OLD.place = 'kept' AND NEW.place <> 'kept' BEGIN
        UPDATE spaces SET kept_bytes = kept_bytes - OLD.size, kept_versions = kept_versions - 1
            WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER trash_added AFTER INSERT ON trash BEGIN
        UPDATE spaces SET trash_bytes = trash_bytes + NEW.bytes, trash_files = trash_files + NEW.files
            WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER trash_removed AFTER DELETE ON trash BEGIN
        UPDATE spaces SET trash_bytes = trash_bytes - OLD.bytes, trash_files = trash_files - OLD.files
            WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER trash_changed AFTER UPDATE OF bytes, files ON trash BEGIN
        UPDATE spaces SET trash_bytes = trash_bytes + NEW.bytes - OLD.bytes,
            trash_files = trash_files + NEW.files - OLD.files WHERE id = NEW.space_id;
        END""",
)

# All names that are not in the trash, by their trigrams. The row is SPACE NUMBER << 40 | NUMBER, so that
# what is found in one space lies side by side. Two slashes, which no name has, say where a name begins.
# One trigger takes the old name out and puts the new one in: between triggers there is no order.
SEARCH = (
    """CREATE VIRTUAL TABLE {names} USING fts5
        (name, content='', columnsize=0, tokenize='trigram case_sensitive 1')""",
    """INSERT INTO {names} (rowid, name)
        SELECT spaces.number << 40 | {table}.number AS place, '//' || folded
        FROM {table} JOIN spaces ON spaces.id = space_id
        WHERE trash_id IS NULL AND folded <> '' ORDER BY place""",
    """CREATE TRIGGER {names}_added AFTER INSERT ON {table}
        WHEN NEW.trash_id IS NULL AND NEW.folded <> '' BEGIN
        INSERT INTO {names} (rowid, name)
            SELECT number << 40 | NEW.number, '//' || NEW.folded FROM spaces WHERE id = NEW.space_id;
        END""",
    """CREATE TRIGGER {names}_removed AFTER DELETE ON {table}
        WHEN OLD.trash_id IS NULL AND OLD.folded <> '' BEGIN
        INSERT INTO {names} ({names}, rowid, name)
            SELECT 'delete', number << 40 | OLD.number, '//' || OLD.folded FROM spaces
            WHERE id = OLD.space_id;
        END""",
    """CREATE TRIGGER {names}_changed AFTER UPDATE OF folded, space_id, trash_id ON {table}
        WHEN (NEW.trash_id IS NULL) <> (OLD.trash_id IS NULL)
            OR NEW.folded <> OLD.folded OR NEW.space_id <> OLD.space_id BEGIN
        INSERT INTO {names} ({names}, rowid, name)
            SELECT 'delete', number << 40 | OLD.number, '//' || OLD.folded FROM spaces
            WHERE id = OLD.space_id AND OLD.trash_id IS NULL AND OLD.folded <> '';
        INSERT INTO {names} (rowid, name)
            SELECT number << 40 | NEW.number, '//' || NEW.folded FROM spaces
            WHERE id = NEW.space_id AND NEW.trash_id IS NULL AND NEW.folded <> '';
        END""",
)


def upgrade() -> None:
    for statement in (*ACCOUNTS, *UPLOADS, *WATCHING, *FOLDERS):
        op.execute(statement)
    connection = op.get_bind()
    for (space_id,) in connection.execute(text("SELECT id FROM spaces")).all():
        _copy_tree(connection, str(space_id))
    for statement in (*TREES, *TALLIES):
        op.execute(text(statement))
    for table in ("files", "folders"):
        for statement in SEARCH:
            op.execute(text(statement.format(table=table, names=f"{table[:-1]}_names")))


def _copy_tree(connection: Connection, space_id: str) -> None:
    """Folders and files of a space into the new tables, each with its place in a folder."""
    root = secrets.token_hex(16)
    ids = {"": root}
    found = connection.execute(
        text("SELECT id, path FROM folders WHERE space_id = :space ORDER BY path"),
        {"space": space_id},
    ).all()
    ids |= {str(path): str(id_) for id_, path in found}
    _insert(
        connection,
        """INSERT INTO new_folders (id, space_id, path, parent_id, name, folded, created_ns, own_bytes,
            own_files, own_folders) VALUES (:id, :space, :path, :folder, :name, :folded, 0, 0, 0, 0)""",
        [{"id": ids[path], **_place(ids, space_id, path)} for path in ids],
    )
    found = connection.execute(
        text("""SELECT f.id, f.path, v.id AS version, v.size, v.modified_ns, v.added_ns
            FROM files f JOIN versions v ON v.id = f.version_id WHERE f.space_id = :space"""),
        {"space": space_id},
    ).all()
    _insert(
        connection,
        """INSERT INTO new_files (id, space_id, path, folder_id, name, folded, version_id, size,
            modified_ns, added_ns, since_ns, trash_id)
            VALUES (:id, :space, :path, :folder, :name, :folded, :version, :size, :modified_ns,
                :added_ns, :added_ns, NULL)""",
        [{**row._mapping, **_place(ids, space_id, str(row.path))} for row in found],
    )


def _insert(connection: Connection, statement: str, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(text(statement), rows)


def _place(ids: dict[str, str], space_id: str, path: str) -> dict[str, object]:
    parent, _, name = path.rpartition("/")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return {
        "space": space_id,
        "path": path,
        "folder": ids[parent] if path else None,
        "name": name,
        "folded": folded,
    }
