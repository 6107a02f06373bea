"""What a start does before the receiver listens, and before an upload of the last run is used again.

After a clean stop there is nothing to find. After anything else: intents are carried through, completions
that had not got to their intent are open again, parts and chunks that do not belong together are let go,
and chunks that were not durable are read again from the disk itself before they count.
"""

from __future__ import annotations

import logging
import os

from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.uploads import ChunkRow, UploadRow
from howdah_receiver.storage.disk import disk_errors, drop_cache
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.parts import Parts
from howdah_receiver.storage.reading import chunk_digest
from howdah_receiver.storage.tree import Tree
from howdah_receiver.uploads.states import HOLDING, UploadState

_log = logging.getLogger(__name__)


def recover(catalogue: Catalogue, folder: DataFolder, tree: Tree) -> None:
    """Before listening. Can itself be killed anywhere and done again."""
    clean = folder.take_clean_mark()
    if not clean:
        with catalogue.write() as connection:
            rows.suspect_all(connection)
    tree.recover()
    _reopen_completions(catalogue, tree.pending())
    _match_parts(catalogue, Parts(folder.parts), tree.pending_parts())
    with catalogue.write() as connection:
        rows.reserve_what_came(connection)


def _reopen_completions(catalogue: Catalogue, pending: set[str]) -> None:
    """Completing without an intent: nothing of it has happened, and the client asks again."""
    with catalogue.write() as connection:
        for upload in rows.live(connection):
            if upload.state is UploadState.COMPLETING and upload.id not in pending:
                rows.advance(connection, upload.id, UploadState.COMPLETING, UploadState.OPEN)


def _match_parts(catalogue: Catalogue, parts: Parts, pending: set[str]) -> None:
    """Parts without an upload go; an upload without its part has received nothing, unless its part has
    moved already, and the disk did not let its publication be carried through yet."""
    with catalogue.read() as connection:
        live = {upload.id for upload in rows.live(connection, states=HOLDING)}
    there = set(parts.names())
    for name in there - live - pending:
        parts.remove(name)
    for upload_id in live - there - pending:
        with catalogue.write() as connection:
            rows.drop_all_chunks(connection, upload_id)


def check_suspect(catalogue: Catalogue, parts: Parts, upload: UploadRow) -> None:
    """Read the chunks of `upload` that were not durable at an unclean stop; those that hold are durable now.

    From the disk, not from the page cache: after the death of the process alone the cache still has what
    the disk may have failed to take. Raises ProblemError (storage_failed).
    """
    with catalogue.read() as connection:
        unsafe = [row for row in rows.all_chunks(connection, upload.id) if not row.durable]
    if not parts.exists(upload.id):
        bad = [row.number for row in unsafe]
    else:
        with disk_errors():
            descriptor = parts.open(upload.id)
            try:
                drop_cache(descriptor)
                bad = [row.number for row in unsafe if not _holds(descriptor, upload, row)]
                parts.sync_names()
            finally:
                os.close(descriptor)
    if bad:
        _log.warning("upload %s: %d chunks did not survive, asking again", upload.id, len(bad))
    with catalogue.write() as connection:
        rows.drop_chunks(connection, upload.id, bad)
        rows.set_durable(connection, upload.id, {row.number for row in unsafe} - set(bad))
        rows.clear_suspicion(connection, upload.id)


def _holds(descriptor: int, upload: UploadRow, row: ChunkRow) -> bool:
    try:
        offset = row.number * upload.chunk_bytes
        return chunk_digest(descriptor, offset, row.length, upload.algorithm) == row.digest
    except OSError:
        return False
