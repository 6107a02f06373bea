"""Rows of uploads of which nothing comes: into recovery, out of it again, or gone."""

from __future__ import annotations

from sqlalchemy import Connection, select

from howdah_receiver.catalogue.tables import uploads
from howdah_receiver.catalogue.uploads import advance, drop_all_chunks
from howdah_receiver.uploads.states import UploadState


def idle(connection: Connection, before_ns: int) -> list[str]:
    """Ids of the open uploads of which nothing came since `before_ns`."""
    query = select(uploads.c.id).where(
        uploads.c.state == UploadState.OPEN.value, uploads.c.active_ns < before_ns
    )
    return list(connection.execute(query).scalars())


def expire(connection: Connection, upload_id: str, before_ns: int, now_ns: int) -> bool:
    """Whether it is in recovery now; not where something came of it since `before_ns`."""
    return advance(
        connection,
        upload_id,
        UploadState.OPEN,
        UploadState.EXPIRED,
        also={"expired_ns": now_ns},
        only_if=[uploads.c.active_ns < before_ns],
    )


def take_up(connection: Connection, upload_id: str, now_ns: int) -> bool:
    """Whether it is open again, with all that it had."""
    return advance(
        connection,
        upload_id,
        UploadState.EXPIRED,
        UploadState.OPEN,
        also={"active_ns": now_ns},
    )


def over(connection: Connection, before_ns: int) -> list[str]:
    """Ids of the uploads that are in recovery since before `before_ns`."""
    query = select(uploads.c.id).where(
        uploads.c.state == UploadState.EXPIRED.value, uploads.c.expired_ns < before_ns
    )
    return list(connection.execute(query).scalars())


def let_go(connection: Connection, upload_id: str, before_ns: int) -> bool:
    """Whether it is gone now, with its chunks; its part is to be removed then."""
    done = advance(
        connection,
        upload_id,
        UploadState.EXPIRED,
        UploadState.GONE,
        only_if=[uploads.c.expired_ns < before_ns],
    )
    if done:
        drop_all_chunks(connection, upload_id)
    return done
