"""The ledger's tables, and how one of an older version gets them."""

from __future__ import annotations

VERSION = 3

SCHEMA = """
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    if_exists TEXT NOT NULL,
    sha256 INTEGER NOT NULL,
    created REAL NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,    -- 1: is being counted, 2: waits for a yes
    newest INTEGER NOT NULL DEFAULT 0   -- id of the newest transfer when it was given: those came over
);
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL REFERENCES groups,
    local BLOB NOT NULL,
    remote TEXT NOT NULL,
    listed REAL,                        -- NULL: not all of its files are in the queue yet
    paused INTEGER NOT NULL DEFAULT 0   -- what is found in it comes in paused; above 1: until that moment
);
CREATE TABLE transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL REFERENCES groups,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    local BLOB NOT NULL,      -- names need not be UTF-8
    remote TEXT NOT NULL,
    relative TEXT NOT NULL,
    if_exists TEXT NOT NULL,
    sha256 INTEGER NOT NULL,
    size INTEGER,
    large INTEGER AS (size IS NULL OR size >= 8388608) VIRTUAL,  -- its lane, see scheduler.py
    code TEXT,
    detail TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0,
    next_try REAL,
    client_id TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    upload_id TEXT,
    chunk_bytes INTEGER,
    dev INTEGER, inode INTEGER, source_bytes INTEGER, mtime_ns INTEGER,
    digest TEXT,
    final_path TEXT,
    done_bytes INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    finished REAL,
    root INTEGER REFERENCES roots,      -- the folder that it was given with
    hidden INTEGER NOT NULL DEFAULT 0   -- not in the list any more
);
CREATE UNIQUE INDEX transfers_once ON transfers (group_id, local, remote, relative);
CREATE INDEX transfers_state ON transfers (state, large, id);
CREATE INDEX transfers_local ON transfers (local, id);
CREATE TABLE line (carried_bytes INTEGER, good INTEGER NOT NULL);
"""

TALLIES = """
CREATE INDEX transfers_listed ON transfers (root, id) WHERE hidden = 0;
CREATE INDEX transfers_troubled ON transfers (root, state, id) WHERE state IN ('failed', 'waiting');

-- How many rows are in which state, so that nobody has to count them. Root 0: none.
CREATE TABLE tallies (
    group_id INTEGER NOT NULL,
    root INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    state TEXT NOT NULL,
    files INTEGER NOT NULL,
    size INTEGER NOT NULL,
    done_bytes INTEGER NOT NULL,
    PRIMARY KEY (group_id, root, hidden, state)
) WITHOUT ROWID;
INSERT INTO tallies
    SELECT group_id, coalesce(root, 0), hidden, state, count(*), sum(coalesce(size, 0)), sum(done_bytes)
    FROM transfers GROUP BY 1, 2, 3, 4;

CREATE TRIGGER tally_added AFTER INSERT ON transfers BEGIN
    INSERT INTO tallies VALUES
        (new.group_id, coalesce(new.root, 0), new.hidden, new.state, 1, coalesce(new.size, 0), new.done_bytes)
    ON CONFLICT (group_id, root, hidden, state) DO UPDATE SET
        files = files + 1, size = size + excluded.size, done_bytes = done_bytes + excluded.done_bytes;
END;
CREATE TRIGGER tally_grown AFTER UPDATE OF size, done_bytes ON transfers
WHEN (new.group_id, new.root, new.hidden, new.state) IS (old.group_id, old.root, old.hidden, old.state)
    AND (new.size, new.done_bytes) IS NOT (old.size, old.done_bytes)
BEGIN
    UPDATE tallies SET
        size = size + coalesce(new.size, 0) - coalesce(old.size, 0),
        done_bytes = done_bytes + new.done_bytes - old.done_bytes
    WHERE group_id = old.group_id AND root = coalesce(old.root, 0) AND hidden = old.hidden
        AND state = old.state;
END;
CREATE TRIGGER tally_moved AFTER UPDATE OF group_id, root, hidden, state ON transfers
WHEN (new.group_id, new.root, new.hidden, new.state)
    IS NOT (old.group_id, old.root, old.hidden, old.state)
BEGIN
    UPDATE tallies SET
        files = files - 1, size = size - coalesce(old.size, 0), done_bytes = done_bytes - old.done_bytes
    WHERE group_id = old.group_id AND root = coalesce(old.root, 0) AND hidden = old.hidden
        AND state = old.state;
    INSERT INTO tallies VALUES
        (new.group_id, coalesce(new.root, 0), new.hidden, new.state, 1, coalesce(new.size, 0), new.done_bytes)
    ON CONFLICT (group_id, root, hidden, state) DO UPDATE SET
        files = files + 1, size = size + excluded.size, done_bytes = done_bytes + excluded.done_bytes;
END;
"""

ORDER = """
-- Lower goes first, then by id. Who drops a file waits for it; what is watched may take its time.
ALTER TABLE transfers ADD COLUMN place REAL NOT NULL DEFAULT 0;
DROP INDEX transfers_state;
CREATE INDEX transfers_state ON transfers (state, large, place, id);
"""

FOLDERS = """
CREATE TABLE watched (
    id INTEGER PRIMARY KEY,
    local BLOB NOT NULL UNIQUE,         -- the folder, as os.path.realpath gives it
    target TEXT NOT NULL,               -- as it was given: may hold {date}, {host}, {name}
    mirror INTEGER NOT NULL,            -- what is deleted here goes to the trash there
    settings TEXT NOT NULL,             -- JSON, see folders/watched.py
    group_id INTEGER NOT NULL REFERENCES groups,
    root INTEGER NOT NULL REFERENCES roots,
    marker TEXT NOT NULL DEFAULT '',    -- what the marker file holds; empty: there is none
    dev INTEGER,                        -- of the folder itself
    state TEXT NOT NULL,                -- see folders/watched.py
    detail TEXT NOT NULL DEFAULT '',
    until REAL,                         -- paused: goes on by itself then
    compared REAL,                      -- when the last full comparison ended
    rules TEXT NOT NULL DEFAULT '',     -- fingerprint of the ignore rules then
    added REAL NOT NULL,
    removed REAL                        -- not watched any more; what is known of its files stays
);
-- What both sides had when they last agreed. Folders stand here too: to know them again by their inode.
CREATE TABLE known (
    folder INTEGER NOT NULL REFERENCES watched,
    dir BLOB NOT NULL,                  -- below the watched folder, "/" between its parts
    name BLOB NOT NULL,
    is_dir INTEGER NOT NULL,
    dev INTEGER NOT NULL, inode INTEGER NOT NULL,
    size INTEGER, mtime_ns INTEGER,
    remote TEXT NOT NULL,               -- where it is at the receiver
    file_id TEXT, version TEXT, digest TEXT,
    agreed REAL NOT NULL,
    gone REAL,                          -- deleted here then, and kept there
    clash TEXT,                         -- where the other version is that somebody else put there
    moving BLOB, moving_to TEXT,        -- its path below the folder and there, where it is told to move to:
                                        -- until the answer is known
    PRIMARY KEY (folder, dir, name)
) WITHOUT ROWID;
CREATE INDEX known_inode ON known (inode, folder);
CREATE INDEX known_moving ON known (folder) WHERE moving IS NOT NULL;
-- The receiver as it was last heard of: another catalogue, or a lower count, and all is compared again.
CREATE TABLE there (catalogue TEXT NOT NULL, change INTEGER NOT NULL);
-- What was skipped or cannot be sent, by rule; never an error.
CREATE TABLE left_out (
    folder INTEGER NOT NULL REFERENCES watched,
    dir BLOB NOT NULL,
    name BLOB NOT NULL,
    is_dir INTEGER NOT NULL,
    rule TEXT NOT NULL,                 -- symlink, special, ignored, ...
    source TEXT NOT NULL,               -- of an ignore rule: the file that it stands in
    line INTEGER NOT NULL,
    pattern TEXT NOT NULL,
    seen REAL NOT NULL,
    PRIMARY KEY (folder, dir, name)
) WITHOUT ROWID;
-- What was done in the tree there without sending anything: moves and deletions.
CREATE TABLE acts (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES watched,
    at REAL NOT NULL,
    kind TEXT NOT NULL,                 -- move, trash, stays:CODE (was not freed)
    is_dir INTEGER NOT NULL,
    remote TEXT NOT NULL,
    moved_to TEXT,
    files INTEGER NOT NULL DEFAULT 1
);
ALTER TABLE transfers ADD COLUMN watched INTEGER REFERENCES watched;
ALTER TABLE transfers ADD COLUMN expected TEXT;     -- the version that must stand there; none: nothing may
ALTER TABLE transfers ADD COLUMN file_id TEXT;      -- of the file that it became
ALTER TABLE transfers ADD COLUMN version TEXT;
DROP INDEX transfers_once;
CREATE UNIQUE INDEX transfers_once ON transfers (group_id, local, remote, relative) WHERE watched IS NULL;
-- One at a time for each watched file.
CREATE UNIQUE INDEX transfers_watched ON transfers (watched, relative)
    WHERE watched IS NOT NULL AND state NOT IN ('done', 'skipped', 'cancelled', 'superseded');
CREATE INDEX transfers_of_watched ON transfers (watched, relative, id) WHERE watched IS NOT NULL;
CREATE INDEX transfers_history ON transfers (finished) WHERE finished IS NOT NULL;
"""

PIECES = """
-- The pieces that a version was last cut into, to find them again in the next one.
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY,
    file_id TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    list BLOB NOT NULL,                 -- see engine/pieces.py
    bytes INTEGER NOT NULL,             -- its length
    used REAL NOT NULL
);
"""

FREED = """
-- What was taken away here because the receiver has it: an intent until `removed` is set, so that a start
-- puts back what a kill left aside; then history.
CREATE TABLE freed (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    local BLOB NOT NULL,
    size INTEGER NOT NULL,
    remote TEXT NOT NULL,
    file_id TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
    how TEXT NOT NULL,                  -- trash, delete
    aside BLOB NOT NULL,                -- the folder that it was moved into first; empty: it is not there
    removed REAL
);
CREATE INDEX freed_local ON freed (local, id);
CREATE INDEX freed_unfinished ON freed (id) WHERE removed IS NULL;
"""

AHEAD = """
-- What is sent of files while they grow: an upload of its own, cancelled when the row is at an end.
CREATE TABLE ahead (
    transfer INTEGER PRIMARY KEY,
    client_id TEXT NOT NULL,
    remote TEXT NOT NULL,
    began_ns INTEGER NOT NULL,
    chunk_bytes INTEGER NOT NULL,
    first INTEGER NOT NULL,             -- number of its first chunk: what comes before was sent earlier
    upload_id TEXT                      -- NULL: nobody knows yet whether it was begun
);
"""

FROM_VERSION_2 = ORDER + FOLDERS + PIECES + FREED + AHEAD

# What ended before there was a window, or folders in the ledger, is history and not its list.
FROM_VERSION_1 = f"""
ALTER TABLE groups ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE groups ADD COLUMN newest INTEGER NOT NULL DEFAULT 0;
ALTER TABLE roots ADD COLUMN listed REAL;
ALTER TABLE roots ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN root INTEGER REFERENCES roots;
ALTER TABLE transfers ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
UPDATE transfers SET hidden = 1 WHERE state IN ('done', 'skipped', 'cancelled');
{TALLIES}
"""

AS_VERSION_3 = """
CREATE TEMP VIEW transfers AS SELECT *, 0 AS place, NULL AS watched, NULL AS expected, NULL AS file_id,
    NULL AS version FROM main.transfers;
"""
"""For who may only read a ledger of version 2: our words, which only their connection sees."""

AS_VERSION_2 = """
CREATE TEMP VIEW groups AS SELECT *, 0 AS held, 0 AS newest FROM main.groups;
CREATE TEMP VIEW roots AS SELECT *, NULL AS listed, 0 AS paused FROM main.roots;
CREATE TEMP VIEW transfers AS SELECT *, NULL AS root, 0 AS hidden, 0 AS place, NULL AS watched,
    NULL AS expected, NULL AS file_id, NULL AS version FROM main.transfers;
CREATE TEMP VIEW tallies AS
    SELECT group_id, 0 AS root, 0 AS hidden, state, count(*) AS files, sum(coalesce(size, 0)) AS size,
        sum(done_bytes) AS done_bytes
    FROM main.transfers GROUP BY group_id, state;
"""
"""The same of version 1."""
