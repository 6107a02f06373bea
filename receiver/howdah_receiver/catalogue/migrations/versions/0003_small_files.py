"""Small files that came in a batch: where their bytes are as long as their own file is not synced."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """CREATE TABLE unsynced (
        version_id TEXT NOT NULL, file_id TEXT NOT NULL, journal_id TEXT NOT NULL,
        "offset" BIGINT NOT NULL,
        PRIMARY KEY (version_id)) WITHOUT ROWID""",
    "CREATE INDEX unsynced_by_journal ON unsynced (journal_id)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
