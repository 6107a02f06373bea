"""The queries behind `get_statistics`, in one place. Each takes a connection, and the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from howdah_receiver.catalogue.tables import chunks, folders, uploads
from howdah_receiver.embedded.results import Statistics
from howdah_receiver.uploads.states import UploadState

_LIVE = (UploadState.OPEN.value, UploadState.COMPLETING.value)


def statistics(connection: Connection, account_id: str, space_id: str, now: datetime) -> Statistics:
    """Of an account's uploads and of a space. `now` with its time zone."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    active, announced = _active(connection, account_id)
    today, _, _ = _published(connection, account_id, midnight)
    week, week_bytes, week_ns = _published(connection, account_id, monday)
    stored_files, stored_bytes = _stored(connection, space_id)
    return Statistics(
        active_uploads=active,
        active_bytes=announced,
        active_bytes_received=_received(connection, account_id),
        average_speed=week_bytes * 1e9 / week_ns if week_ns else None,
        uploads_today=today,
        uploads_this_week=week,
        bytes_stored=stored_bytes,
        files_stored=stored_files,
    )


def _active(connection: Connection, account_id: str) -> tuple[int, int]:
    """How many uploads are on their way, and the bytes that they announced."""
    query = select(func.count(), func.coalesce(func.sum(uploads.c.size), 0)).where(
        uploads.c.account_id == account_id, uploads.c.state.in_(_LIVE)
    )
    count, size = connection.execute(query).one()
    return count, size


def _received(connection: Connection, account_id: str) -> int:
    """Bytes that came of what is on its way."""
    query = (
        select(func.coalesce(func.sum(chunks.c.length), 0))
        .join(uploads, uploads.c.id == chunks.c.upload_id)
        .where(uploads.c.account_id == account_id, uploads.c.state.in_(_LIVE))
    )
    return int(connection.execute(query).scalar_one())


def _published(connection: Connection, account_id: str, since: datetime) -> tuple[int, int, int]:
    """How many uploads were published since then, their bytes, and the nanoseconds that they took."""
    query = select(
        func.count(),
        func.coalesce(func.sum(uploads.c.size), 0),
        func.coalesce(func.sum(uploads.c.ended_ns - uploads.c.started_ns), 0),
    ).where(
        uploads.c.account_id == account_id,
        uploads.c.state == UploadState.PUBLISHED.value,
        uploads.c.ended_ns >= int(since.timestamp()) * 10**9,
    )
    count, size, took_ns = connection.execute(query).one()
    return count, size, took_ns


def _stored(connection: Connection, space_id: str) -> tuple[int, int]:
    """Files and bytes that stand in the space: sums that triggers keep for each folder."""
    query = select(
        func.coalesce(func.sum(folders.c.own_files), 0),
        func.coalesce(func.sum(folders.c.own_bytes), 0),
    ).where(folders.c.space_id == space_id, folders.c.trash_id.is_(None))
    count, size = connection.execute(query).one()
    return count, size
