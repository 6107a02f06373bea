"""Rows of uploads and their chunks. Every step of an upload's state is a compare-and-set."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, exists, func, select, update
from sqlalchemy.dialects import sqlite

from howdah_common.chunks import ChunkPlan
from howdah_common.ranges import RangeSet
from howdah_receiver.catalogue.tables import accounts, arrivals, chunks, devices, uploads
from howdah_receiver.catalogue.values import rows_of
from howdah_receiver.uploads.states import HOLDING, LIVE, TRANSITIONS, UploadState, may_become

DAY_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload. Sizes in bytes, times in nanoseconds; `size` is None while it is not known."""

    id: str
    account_id: str
    client_id: str
    space_id: str
    path: str
    size: int | None
    modified_ns: int
    algorithm: str
    chunk_bytes: int
    state: UploadState
    start_body: bytes
    completion_body: bytes | None
    version_id: str | None
    problem: str | None
    started_ns: int
    suspect: bool
    device_id: str | None = None
    link_id: str | None = None
    active_ns: int = 0
    ended_ns: int | None = None
    expired_ns: int | None = None
    reserved_bytes: int = 0
    media_type: str | None = None
    received_bytes: int = 0
    """Of the chunks that count, kept by triggers: 0 once they are a file."""

    @property
    def plan(self) -> ChunkPlan | None:
        return None if self.size is None else ChunkPlan(self.size, self.chunk_bytes)


@dataclass(frozen=True, slots=True)
class ChunkRow:
    number: int
    length: int
    digest: bytes
    durable: bool


def _upload(row: object) -> UploadRow:
    fields = dict(row._mapping)  # type: ignore[attr-defined]
    fields["state"] = UploadState(fields["state"])
    return UploadRow(**fields)


def insert(connection: Connection, row: UploadRow) -> None:
    values = {name: getattr(row, name) for name in UploadRow.__slots__}
    connection.execute(uploads.insert().values(values | {"state": row.state.value}))


def by_id(connection: Connection, upload_id: str) -> UploadRow | None:
    row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).first()
    return None if row is None else _upload(row)


def existing(connection: Connection, upload_id: str) -> UploadRow:
    """The upload of that id, which is there."""
    return _upload(connection.execute(select(uploads).where(uploads.c.id == upload_id)).one())


def by_client_ids(
    connection: Connection, account_id: str, client_ids: Sequence[str]
) -> dict[str, UploadRow]:
    """The account's uploads under these, by client_id."""
    query = select(uploads).where(
        uploads.c.account_id == account_id,
        uploads.c.client_id.in_(select(rows_of(client_ids).c.value)),
    )
    return {row.client_id: row for row in map(_upload, connection.execute(query))}


def insert_many(connection: Connection, rows: Sequence[UploadRow]) -> None:
    """Uploads that were begun and published in one go."""
    names = [name for name in UploadRow.__slots__ if name != "received_bytes"]
    connection.execute(
        uploads.insert(),
        [
            {name: getattr(row, name) for name in names}
            | {"state": row.state.value, "received_bytes": 0}
            for row in rows
        ],
    )


def by_client_id(connection: Connection, account_id: str, client_id: str) -> UploadRow | None:
    query = select(uploads).where(
        uploads.c.account_id == account_id, uploads.c.client_id == client_id
    )
    row = connection.execute(query).first()
    return None if row is None else _upload(row)


def is_in(states: Collection[UploadState]) -> ColumnElement[bool]:
    """Whether an upload is in one of these states."""
    return uploads.c.state.in_(sorted(state.value for state in states))


def live(
    connection: Connection,
    account_id: str | None = None,
    states: Collection[UploadState] = LIVE,
) -> list[UploadRow]:
    """Uploads that are open or completing, oldest first; of one account or of all."""
    query = select(uploads).where(is_in(states)).order_by(uploads.c.started_ns, uploads.c.id)
    if account_id is not None:
        query = query.where(uploads.c.account_id == account_id)
    return [_upload(row) for row in connection.execute(query)]


def of_unknown_size(
    connection: Connection, upload: UploadRow, device_id: str | None = None, most: int = 4
) -> list[str]:
    """Other uploads of the account to the same path and on the same grid that have chunks and no size yet,
    newest first; of one device where that is said."""
    query = select(uploads.c.id).where(
        is_in(HOLDING),
        uploads.c.account_id == upload.account_id,
        uploads.c.space_id == upload.space_id,
        uploads.c.path == upload.path,
        uploads.c.size.is_(None),
        uploads.c.link_id.is_(None),
        uploads.c.chunk_bytes == upload.chunk_bytes,
        uploads.c.algorithm == upload.algorithm,
        uploads.c.received_bytes > 0,
        uploads.c.id != upload.id,
    )
    if device_id is not None:
        query = query.where(uploads.c.device_id == device_id)
    query = query.order_by(uploads.c.started_ns.desc()).limit(most)
    return list(connection.execute(query).scalars())


def names(connection: Connection, found: Sequence[UploadRow]) -> dict[str, str]:
    """Of the devices that began these uploads, and of their accounts, by id."""
    named: dict[str, str] = {}
    for table, ids in (
        (devices, {row.device_id for row in found}),
        (accounts, {row.account_id for row in found}),
    ):
        query = select(table.c.id, table.c.name).where(table.c.id.in_(ids - {None}))
        named |= {row.id: row.name for row in connection.execute(query)}
    return named


def advance(
    connection: Connection,
    upload_id: str,
    before: UploadState,
    after: UploadState,
    *,
    completion_body: bytes | None = None,
    problem: str | None = None,
    also: Mapping[str, object] | None = None,
    only_if: Sequence[ColumnElement[bool]] = (),
) -> bool:
    """Whether the upload was in `before`, and all of `only_if` held, and it is now in `after`."""
    if not may_become(before, after):
        raise ValueError(f"an upload never goes from {before.value} to {after.value}")
    values: dict[str, object] = {"state": after.value, "problem": problem, **(also or {})}
    if completion_body is not None:
        values["completion_body"] = completion_body
    if not TRANSITIONS[after]:  # the end: it holds no room any more
        values |= {"ended_ns": time.time_ns(), "reserved_bytes": 0}
    result = connection.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == before.value, *only_if)
        .values(values)
    )
    return result.rowcount == 1


def set_published(connection: Connection, upload_id: str, version_id: str, size: int) -> None:
    """The last step of a publication, in the transaction that commits it. Its chunks' rows go."""
    if not advance(connection, upload_id, UploadState.COMPLETING, UploadState.PUBLISHED):
        raise AssertionError(f"upload {upload_id} is published without completing")
    connection.execute(
        update(uploads).where(uploads.c.id == upload_id).values(version_id=version_id, size=size)
    )
    drop_all_chunks(connection, upload_id)
    _count_published(connection, upload_id, size)


def _count_published(connection: Connection, upload_id: str, size: int) -> None:
    upload = existing(connection, upload_id)
    count_arrivals(connection, upload.account_id, upload.device_id, 1, size)


def count_arrivals(
    connection: Connection, account_id: str, device_id: str | None, files: int, size: int
) -> None:
    """What is counted a day, and when the device was last heard of: see `watching`."""
    now = time.time_ns()
    counted = sqlite.insert(arrivals).values(
        day=now // DAY_NS, account_id=account_id, files=files, bytes=size
    )
    connection.execute(
        counted.on_conflict_do_update(
            index_elements=(arrivals.c.day, arrivals.c.account_id),
            set_={"files": arrivals.c.files + files, "bytes": arrivals.c.bytes + size},
        )
    )
    connection.execute(update(devices).where(devices.c.id == device_id).values(arrived_ns=now))


def reopen_empty(connection: Connection, upload_id: str) -> None:
    """All that was received is gone: back to open, to be sent again."""
    advance(connection, upload_id, UploadState.COMPLETING, UploadState.OPEN)
    drop_all_chunks(connection, upload_id)


def remove(connection: Connection, upload_id: str) -> None:
    """The row of an upload that came to nothing."""
    connection.execute(
        uploads.delete().where(
            uploads.c.id == upload_id, is_in({UploadState.CANCELLED, UploadState.REJECTED})
        )
    )


def is_open(connection: Connection, upload_id: str) -> bool:
    query = select(uploads.c.state).where(uploads.c.id == upload_id)
    return connection.execute(query).scalar() == UploadState.OPEN.value


def received_bytes(connection: Connection, upload_id: str) -> int:
    """Of the chunks that count."""
    query = select(uploads.c.received_bytes).where(uploads.c.id == upload_id)
    return int(connection.execute(query).scalar_one())


def put_chunks(connection: Connection, upload_id: str, rows: Sequence[ChunkRow]) -> None:
    connection.execute(
        chunks.insert(),
        [
            {
                "upload_id": upload_id,
                "number": row.number,
                "length": row.length,
                "digest": row.digest,
                "durable": row.durable,
            }
            for row in rows
        ],
    )


def note_arrival(
    connection: Connection, upload_id: str, now_ns: int, media_type: str | None, more_bytes: int
) -> None:
    """Chunks were put: it is not idle, and where its size is not known it holds so much more room.

    `media_type`: None where these chunks do not tell.
    """
    values: dict[str, object] = {"active_ns": now_ns}
    if media_type is not None:
        values["media_type"] = media_type
    if more_bytes:
        values["reserved_bytes"] = uploads.c.reserved_bytes + more_bytes
    connection.execute(update(uploads).where(uploads.c.id == upload_id).values(values))


def reserve_what_came(connection: Connection, upload_id: str | None = None) -> None:
    """An upload of unknown size holds room for the chunks it has; this one, or all of them."""
    came = (
        select(func.coalesce(func.sum(chunks.c.length), 0))
        .where(chunks.c.upload_id == uploads.c.id)
        .scalar_subquery()
    )
    growing = update(uploads).where(uploads.c.size.is_(None), is_in(HOLDING))
    if upload_id is not None:
        growing = growing.where(uploads.c.id == upload_id)
    connection.execute(growing.values(reserved_bytes=came))


def places_of(
    connection: Connection, upload_id: str, digests: Collection[bytes]
) -> dict[bytes, int]:
    """The numbers of an upload's chunks that have these digests."""
    query = select(chunks.c.digest, chunks.c.number).where(
        chunks.c.upload_id == upload_id, chunks.c.digest.in_(digests)
    )
    return {row.digest: row.number for row in connection.execute(query)}


def all_chunks(connection: Connection, upload_id: str) -> list[ChunkRow]:
    """Ascending by number."""
    query = (
        select(chunks.c.number, chunks.c.length, chunks.c.digest, chunks.c.durable)
        .where(chunks.c.upload_id == upload_id)
        .order_by(chunks.c.number)
    )
    return [ChunkRow(*row) for row in connection.execute(query)]


def chunk(connection: Connection, upload_id: str, number: int) -> ChunkRow | None:
    query = select(chunks.c.number, chunks.c.length, chunks.c.digest, chunks.c.durable).where(
        chunks.c.upload_id == upload_id, chunks.c.number == number
    )
    row = connection.execute(query).first()
    return None if row is None else ChunkRow(*row)


def all_digests(connection: Connection, upload_id: str) -> bytes:
    return b"".join(row.digest for row in all_chunks(connection, upload_id))


def drop_chunks(connection: Connection, upload_id: str, numbers: Iterable[int]) -> None:
    for first, last in RangeSet.of(numbers):
        connection.execute(
            chunks.delete().where(
                chunks.c.upload_id == upload_id, chunks.c.number.between(first, last)
            )
        )
    reserve_what_came(connection, upload_id)


def drop_all_chunks(connection: Connection, upload_id: str) -> None:
    connection.execute(chunks.delete().where(chunks.c.upload_id == upload_id))
    reserve_what_came(connection, upload_id)


def set_durable(connection: Connection, upload_id: str, numbers: Iterable[int]) -> None:
    for first, last in RangeSet.of(numbers):
        connection.execute(
            update(chunks)
            .where(chunks.c.upload_id == upload_id, chunks.c.number.between(first, last))
            .values(durable=True)
        )


def suspect_all(connection: Connection) -> None:
    """After an unclean stop: uploads with chunks that were not durable are to be read again."""
    unsafe = exists().where(chunks.c.upload_id == uploads.c.id, chunks.c.durable.is_(False))
    connection.execute(update(uploads).where(is_in(HOLDING), unsafe).values(suspect=True))


def clear_suspicion(connection: Connection, upload_id: str) -> None:
    connection.execute(update(uploads).where(uploads.c.id == upload_id).values(suspect=False))
