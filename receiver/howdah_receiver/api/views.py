"""Rows as messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from howdah_common.messages import FileInfo, FolderInfo, UploadInfo
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.api.context import Context
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.uploads.service import UploadView
from howdah_receiver.uploads.states import UploadState


def file_info(row: FileRow) -> FileInfo:
    return FileInfo(
        id=row.id,
        space=row.space_id,
        path=row.path,
        version=row.version_id,
        size=row.size,
        modified_ns=row.modified_ns,
        added_ns=row.added_ns,
        chunk_bytes=row.chunk_bytes,
        digest_algorithm=row.algorithm,
        manifest_digest=row.manifest_digest.hex(),
        sha256=row.sha256.hex() if row.sha256 else None,
        media_type=row.media_type,
        flagged=row.flagged,
    )


def folder_info(row: FolderRow, **totals: int) -> FolderInfo:
    return FolderInfo(space=row.space_id, path=row.path, id=row.id, **totals)


def item_info(row: FileRow | FolderRow) -> FileInfo | FolderInfo:
    return file_info(row) if isinstance(row, FileRow) else folder_info(row)


def upload_info(
    context: Context, caller: Caller, upload_id: str, *, known: bool = False
) -> UploadInfo:
    """Synchronous. Raises ProblemError: upload_not_found, and what checking it again may raise."""
    view = context.uploads.view(caller, upload_id)
    return _info(context, view, context.uploads.names([view.row]), known=known)


def upload_list(
    context: Context, caller: Caller, *, everyones: bool, resting: bool
) -> list[UploadInfo]:
    """What is on its way. Synchronous. Raises ProblemError: not_allowed, and what `upload_info` raises."""
    found = context.uploads.live(caller, everyones=everyones, resting=resting)
    names = context.uploads.names(found)
    look = context.uploads.view_of_any if everyones else partial(_view, context, caller)
    return [
        _info(context, look(row), names, account=names.get(row.account_id) if everyones else None)
        for row in found
    ]


def _view(context: Context, caller: Caller, row: UploadRow) -> UploadView:
    return context.uploads.view(caller, row.id)


def _info(
    context: Context,
    view: UploadView,
    names: Mapping[str, str],
    *,
    known: bool = False,
    account: str | None = None,
) -> UploadInfo:
    row = view.row
    speed = 0
    if row.state is UploadState.OPEN:
        speed = round(context.sessions.activity.bytes_per_second(row.id))
    left = None if row.size is None else row.size - view.received_bytes
    file = context.files.of_version(row.version_id) if row.version_id else None
    return UploadInfo(
        id=row.id,
        client_id=row.client_id,
        space=row.space_id,
        path=row.path,
        state=row.state.value,
        size=row.size,
        chunk_bytes=row.chunk_bytes,
        total_chunks=row.plan.total_chunks if row.plan else None,
        digest_algorithm=row.algorithm,
        received=view.received.pairs(),
        received_bytes=view.received_bytes,
        started_ns=row.started_ns,
        expires_ns=context.expiry.ends_ns(row),
        media_type=row.media_type,
        device=names.get(row.device_id or ""),
        account=account,
        bytes_per_second=speed or None,
        seconds_left=None if left is None or not speed else math.ceil(left / speed),
        known=known,
        problem=row.problem,
        file=file_info(file) if file else None,
    )
