"""Quotas: whether a space, and the account that it counts for, have room for something more.

What is used stands in `spaces.used_bytes` and `used_files`, which triggers keep in the very transaction that
changes a row: files, versions, trash, uploads in recovery and what uploads reserve. So a check counts
atomically where it stands in the write transaction of what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, select

from howdah_common.messages import Complete
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue.files import LIVE as LIVE_FILES
from howdah_receiver.catalogue.tables import accounts, files, spaces, uploads
from howdah_receiver.catalogue.uploads import UploadRow, is_in
from howdah_receiver.uploads.states import HOLDING, UploadState


@dataclass(frozen=True, slots=True)
class Quota:
    """Of a space or an account: what it may hold, None for no limit, and what it holds."""

    of: str
    bytes: int | None
    files: int | None
    used_bytes: int
    used_files: int
    spaces: tuple[str, ...]
    """Ids of those that count for it."""


def of_space(connection: Connection, space_id: str) -> list[Quota]:
    """The quotas that hold for a space, where there are any: its own, and that of its account."""
    limits = connection.execute(
        select(
            spaces.c.account_id,
            spaces.c.quota_bytes.label("space_bytes"),
            spaces.c.quota_files.label("space_files"),
            accounts.c.quota_bytes.label("account_bytes"),
            accounts.c.quota_files.label("account_files"),
        )
        .join(accounts, accounts.c.id == spaces.c.account_id)
        .where(spaces.c.id == space_id)
    ).one()
    found = []
    if limits.space_bytes is not None or limits.space_files is not None:
        counted = _counted(connection, spaces.c.id == space_id)
        found.append(_of("space", limits.space_bytes, limits.space_files, counted))
    if limits.account_bytes is not None or limits.account_files is not None:
        counted = _counted(connection, spaces.c.account_id == limits.account_id)
        found.append(_of("account", limits.account_bytes, limits.account_files, counted))
    return found


def _counted(connection: Connection, which: ColumnElement[bool]) -> Sequence[Any]:
    query = select(spaces.c.id, spaces.c.used_bytes, spaces.c.used_files).where(which)
    return connection.execute(query).all()


def _of(
    what: str, most_bytes: int | None, most_files: int | None, counted: Sequence[Row[Any]]
) -> Quota:
    return Quota(
        of=what,
        bytes=most_bytes,
        files=most_files,
        used_bytes=sum(space.used_bytes for space in counted),
        used_files=sum(space.used_files for space in counted),
        spaces=tuple(space.id for space in counted),
    )


def check_bytes(connection: Connection, space_id: str, more_bytes: int = 0) -> None:
    """Whether the space has room for so much more than is counted already.

    Raises ProblemError (quota_exceeded).
    """
    _check_bytes(of_space(connection, space_id), more_bytes)


def check_start(connection: Connection, upload: UploadRow, more_bytes: int = 0) -> None:
    """Whether there is room for an upload's bytes, and a place for its file beside those begun already.

    Raises ProblemError (quota_exceeded).
    """
    quotas = of_space(connection, upload.space_id)
    _check_bytes(quotas, more_bytes)
    _check_file(connection, quotas, upload, upload.path, completing=False)


def admit(
    connection: Connection, space_id: str, coming: Sequence[tuple[str, int]]
) -> list[ProblemError | None]:
    """For files that are to come at once, paths where nothing stands and sizes, in their order: what stands
    against each, those before it counted. None where there is room."""
    quotas = of_space(connection, space_id)
    if not quotas:
        return [None] * len(coming)
    taken = {
        quota.of: _coming(connection, quota, "", completing=False)
        for quota in quotas
        if quota.files is not None
    }
    more_bytes, found = 0, []
    for path, size in coming:
        problem = _against(quotas, taken, (space_id, path), more_bytes + size)
        found.append(problem)
        if problem is None:
            more_bytes += size
            for targets in taken.values():
                targets.add((space_id, path))
    return found


def _against(
    quotas: Sequence[Quota],
    taken: Mapping[str, set[tuple[str, str]]],
    target: tuple[str, str],
    more_bytes: int,
) -> ProblemError | None:
    for quota in quotas:
        if quota.bytes is not None and quota.used_bytes + more_bytes > quota.bytes:
            return _exceeded(quota, "bytes")
        if quota.files is not None:
            targets = taken[quota.of]
            if quota.used_files + len(targets) + (target not in targets) > quota.files:
                return _exceeded(quota, "files")
    return None


def check_completion(connection: Connection, upload: UploadRow, path: str) -> None:
    """Whether its file has a place at `path` now, beside those that are being published.

    Raises ProblemError (quota_exceeded).
    """
    quotas = of_space(connection, upload.space_id)
    _check_file(connection, quotas, upload, path, completing=True)


def _check_bytes(quotas: Sequence[Quota], more_bytes: int) -> None:
    for quota in quotas:
        if quota.bytes is not None and quota.used_bytes + more_bytes > quota.bytes:
            raise _exceeded(quota, "bytes")


def _check_file(
    connection: Connection,
    quotas: Sequence[Quota],
    upload: UploadRow,
    path: str,
    *,
    completing: bool,
) -> None:
    limited = [quota for quota in quotas if quota.files is not None]
    if not limited or _stands(connection, upload.space_id, path):
        return  # what is replaced counts already
    for quota in limited:
        coming = _coming(connection, quota, upload.id, completing=completing)
        if quota.used_files + len(coming | {(upload.space_id, path)}) > (quota.files or 0):
            raise _exceeded(quota, "files")


def _stands(connection: Connection, space_id: str, path: str) -> bool:
    query = select(files.c.number).where(
        files.c.space_id == space_id, files.c.path == path, LIVE_FILES
    )
    return connection.execute(query).first() is not None


def _coming(
    connection: Connection, quota: Quota, but: str, *, completing: bool
) -> set[tuple[str, str]]:
    """Where other uploads put a file that is not there yet: all that hold room, or those completing."""
    others = (uploads.c.space_id.in_(quota.spaces), uploads.c.id != but)
    if completing:  # which may say another path than they were begun for; there are few
        found = connection.execute(select(uploads).where(is_in({UploadState.COMPLETING}), *others))
        targets = {(row.space_id, _target(row.path, row.completion_body)) for row in found}
        return {target for target in targets if not _stands(connection, *target)}
    there = (
        select(files.c.number)
        .where(files.c.space_id == uploads.c.space_id, files.c.path == uploads.c.path, LIVE_FILES)
        .exists()
    )
    query = select(uploads.c.space_id, uploads.c.path).where(is_in(HOLDING), *others, ~there)
    return {(row.space_id, row.path) for row in connection.execute(query)}


def _target(path: str, completion: bytes | None) -> str:
    said = msgspec.json.decode(completion, type=Complete).path if completion else None
    return said or path


def _exceeded(quota: Quota, what: str) -> ProblemError:
    detail = f"It is the {quota.of}'s quota of {what}."
    return ProblemError("quota_exceeded", detail, {"of": quota.of, "what": what})


def open_uploads(connection: Connection, account_id: str) -> int:
    """How many uploads of the account are open or completing."""
    query = select(func.count()).where(
        is_in({UploadState.OPEN, UploadState.COMPLETING}), uploads.c.account_id == account_id
    )
    return int(connection.execute(query).scalar_one())
