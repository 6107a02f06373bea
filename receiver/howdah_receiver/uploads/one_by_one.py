"""A small file of a batch as an upload by itself, from the batch's journal.

So goes what replaces a file, and what was begun before, on whatever grid.
"""

from __future__ import annotations

import msgspec

from howdah_common import digests, remote_path
from howdah_common.chunks import default_chunk_bytes
from howdah_common.file_frames import NOTHING, FileHead
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete, StartUpload
from howdah_common.problems import Next, ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.journal import Journal
from howdah_receiver.storage.tree import Tree
from howdah_receiver.uploads.batch_item import Item, completion_of
from howdah_receiver.uploads.endings import Endings
from howdah_receiver.uploads.service import Uploads
from howdah_receiver.uploads.states import UploadState

Outcome = FileRow | ProblemError


class OneByOne:
    """Of one batch; not thread-safe."""

    def __init__(
        self,
        catalogue: Catalogue,
        tree: Tree,
        uploads: Uploads,
        endings: Endings,
        caller: Caller,
        space: Space,
        space_id: str | None,
        algorithm: str,
        journal: Journal,
    ) -> None:
        """`space_id`: as the request says it."""
        self._catalogue = catalogue
        self._tree = tree
        self._uploads = uploads
        self._endings = endings
        self._caller = caller
        self._space = space
        self._space_id = space_id
        self._algorithm = algorithm
        self._journal = journal

    def again(self, item: Item, upload: UploadRow) -> Outcome | None:
        """The answer for a file that was begun before; None where it goes on the ordinary way."""
        if not self._is_the_same(item, upload):
            return ProblemError("client_id_conflict")
        if upload.state is not UploadState.PUBLISHED:
            return None
        version_id = upload.version_id or ""
        if self._tree.small_files.is_left(version_id):
            self._tree.settle(self._space)
            if self._tree.small_files.is_left(version_id):
                return ProblemError("storage_failed", "It waits for its name.")
        with self._catalogue.read() as connection:
            row = file_rows.of_version(connection, version_id)
        return row or ProblemError("file_not_found")

    def _is_the_same(self, item: Item, upload: UploadRow) -> bool:
        """The same words began it, on whatever grid, and where it is through, it had the same bytes."""
        head = item.head
        words = (head.path, head.size, head.modified_ns, self._algorithm, self._space.id)
        if words != (
            upload.path, upload.size, upload.modified_ns, upload.algorithm, upload.space_id,
        ):  # fmt: skip
            return False
        if upload.completion_body is None or head.size > upload.chunk_bytes:
            return True  # what was received of it is compared chunk by chunk
        manifest = Manifest(head.size, upload.chunk_bytes, self._algorithm, item.digests)
        said = msgspec.json.decode(upload.completion_body, type=Complete)
        return said.manifest_digest == manifest.digest().hex()

    def start_of(self, head: FileHead) -> StartUpload:
        """The words that would begin it by itself."""
        return StartUpload(
            client_id=head.client_id,
            path=head.path,
            size=head.size,
            modified_ns=head.modified_ns,
            digest_algorithm=self._algorithm,
            chunk_bytes=default_chunk_bytes(head.size),
            space=self._space_id,
        )

    def publish(self, item: Item) -> Outcome:
        """As an upload by itself, from the journal."""
        try:
            with self._catalogue.read() as connection:
                ids = [item.head.client_id]
                before = rows.by_client_ids(connection, self._caller.account_id, ids)
            start = self.start_of(item.head)
            for upload in before.values():
                again = self.again(item, upload)
                if again is not None:
                    return again
                # On the grid that it was begun with: with the very words of then.
                start = msgspec.json.decode(upload.start_body, type=StartUpload)
            upload, new = self._uploads.start(self._caller, start)
            try:
                self._send(upload, item)
                self._complete(upload, item)
            except ProblemError as problem:
                if new and problem.problem.next is Next.USER:
                    self._endings.forget(self._caller, upload.id)
                raise
            with self._catalogue.read() as connection:
                version_id = rows.existing(connection, upload.id).version_id
                row = file_rows.of_version(connection, version_id or "")
            return row or ProblemError("file_not_found")
        except ProblemError as problem:
            return problem

    def _send(self, upload: UploadRow, item: Item) -> None:
        if upload.state is not UploadState.OPEN or upload.plan is None:
            return
        with self._uploads.session(self._caller, upload.id) as session:
            received = session.received()
            for number, span in enumerate(upload.plan.spans()):
                if number in received:
                    continue
                with disk_errors():
                    content = self._journal.read(item.offset + span.offset, span.length)
                writer = session.begin(number, span.length)
                try:
                    writer.write([content])
                    writer.finish(digests.digest(self._algorithm, content))
                finally:
                    writer.abandon()
            session.commit()

    def _complete(self, upload: UploadRow, item: Item) -> None:
        head, endings = item.head, self._endings
        plan = upload.plan
        assert plan is not None
        with disk_errors():
            chunks = [self._journal.read(item.offset + s.offset, s.length) for s in plan.spans()]
        found = b"".join(digests.digest(self._algorithm, chunk) for chunk in chunks)
        manifest = Manifest(head.size, upload.chunk_bytes, self._algorithm, found)
        request = completion_of(head, manifest)
        if head.if_exists == "version":
            endings.complete(self._caller, upload.id, request)
            return
        number, path = 1, head.path
        while True:
            asked = msgspec.structs.replace(
                request, if_version=NOTHING, path=path if number > 1 else None
            )
            try:
                endings.complete(self._caller, upload.id, asked)
            except ProblemError as problem:
                if problem.code not in ("version_conflict", "path_conflict") or number > 1_000:
                    raise
            else:
                return
            number += 1
            path = remote_path.numbered(head.path, number)
