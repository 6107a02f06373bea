"""Many small files in one request: received into a journal, published in one durable step.

An item is an upload in one piece: the same words begin it (`client_id`), the same rules hold for it, and it
is remembered as one, so that a repetition gets the same answer. Most items are new files, which go together;
what replaces a file goes the ordinary way, one by one, from the journal.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import msgspec
from sqlalchemy.exc import IntegrityError

from howdah_common import digests
from howdah_common.file_frames import (
    FileFrameError,
    FileFrameParser,
    FileStart,
)
from howdah_common.manifest import Manifest
from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue import uploads as rows
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.uploads import UploadRow
from howdah_receiver.ids import new_id
from howdah_receiver.storage.batch import SmallFile
from howdah_receiver.storage.disk import disk_errors
from howdah_receiver.storage.journal import Journal
from howdah_receiver.storage.parts import Parts
from howdah_receiver.storage.tree import Tree
from howdah_receiver.uploads.admission import Admission, Limits
from howdah_receiver.uploads.batch_item import Item, completion_of
from howdah_receiver.uploads.endings import Endings
from howdah_receiver.uploads.one_by_one import OneByOne, Outcome
from howdah_receiver.uploads.service import Uploads, checked_path
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.sniffing import HEAD_BYTES, sniff
from howdah_receiver.uploads.states import UploadState

_TRIES = 5
_log = logging.getLogger(__name__)


class Batch:
    """Thread-safe: what many requests share."""

    def __init__(
        self,
        catalogue: Catalogue,
        parts: Parts,
        tree: Tree,
        uploads: Uploads,
        endings: Endings,
        sessions: Sessions,
        admission: Admission,
        limits: Limits,
    ) -> None:
        self.catalogue = catalogue
        self.parts = parts
        self.tree = tree
        self.uploads = uploads
        self.endings = endings
        self.sessions = sessions
        self.admission = admission
        self.limits = limits

    def begin(
        self, caller: Caller, space_id: str | None, algorithm: str, announced_bytes: int
    ) -> Receiving:
        """Receive a batch. Raises ProblemError: not_found, not_allowed, digest_unsupported, storage_full,
        storage_failed."""
        if algorithm not in digests.ALGORITHMS:
            raise ProblemError("digest_unsupported", f"{algorithm!r}.")
        with self.catalogue.read() as connection:
            space = spaces.space_for(connection, caller, space_id, Right.SEND)
            rights = spaces.rights(connection, caller, space.id)
        with disk_errors():
            # Twice: in the journal, and as files.
            self.parts.check_room(2 * announced_bytes)
            journal = self.tree.small_files.journals.begin()
        replaces: Literal["any", "own"] = "any" if Right.CHANGE in rights else "own"
        return Receiving(self, caller, space, space_id, algorithm, journal, replaces)


class Receiving:
    """One batch. Not thread-safe: one call at a time, from any thread; `end` is the last."""

    def __init__(
        self,
        shared: Batch,
        caller: Caller,
        space: Space,
        space_id: str | None,
        algorithm: str,
        journal: Journal,
        replaces: Literal["any", "own"],
    ) -> None:
        """`space_id`: as the request says it."""
        self._shared = shared
        self._caller = caller
        self._space = space
        self._algorithm = algorithm
        self._journal = journal
        self._replaces = replaces
        self._ones = OneByOne(
            shared.catalogue, shared.tree, shared.uploads, shared.endings, caller, space, space_id,
            algorithm, journal,
        )  # fmt: skip
        self._parser = FileFrameParser()
        self._items: list[Item] = []
        self._published = False

    # -- as it arrives

    def feed(self, blocks: Sequence[bytes]) -> None:
        """Write what arrived to the journal; of each file that is whole, see what stands there.

        Raises ProblemError: bad_frame, storage_full, storage_failed.
        """
        with disk_errors():
            self._journal.append(blocks)
            try:
                for block in blocks:
                    for event in self._parser.feed(block):
                        if isinstance(event, FileStart):
                            self._items.append(Item(event.head, event.offset))
                        else:
                            self._arrived(self._items[-1], event.digest)
            except FileFrameError as error:
                raise ProblemError("bad_frame", f"{error}.") from error

    def _arrived(self, item: Item, digest: bytes) -> None:
        """The digest is of what stands in the journal: a lying write is found before anything counts."""
        content = self._journal.read(item.offset, item.head.size)
        item.digest = digests.digest(self._algorithm, content)
        if not hmac.compare_digest(item.digest, digest):
            item.problem = ProblemError("chunk_mismatch")
            return
        item.sha256 = (
            item.digest if self._algorithm == digests.SHA256 else hashlib.sha256(content).digest()
        )
        item.kind = sniff(content[:HEAD_BYTES])
        try:
            checked_path(item.head.path)
            self._shared.admission.ask_small(
                self._caller.account_id, item.head.path, item.head.size
            )
            self._shared.limits.types.judge(item.head.path, item.kind)
        except ProblemError as problem:
            item.problem = problem
            return
        item.version_id = new_id()
        item.identity = self._shared.tree.small_files.write_temporary(
            item.version_id, content, item.head.modified_ns
        )

    # -- once all is there

    def finish(self) -> list[Outcome]:
        """Publish: what became of each file, in order, durable.

        Raises ProblemError: bad_frame, storage_full, storage_failed; then nothing counts.
        """
        try:
            self._parser.finish()
        except FileFrameError as error:
            raise ProblemError("bad_frame", f"{error}.") from error
        with self._shared.catalogue.read() as connection:
            # Once more: roles may have changed while it came.
            spaces.space_for(connection, self._caller, self._space.id, Right.SEND)
        with disk_errors():
            self._journal.make_durable()
        for _ in range(_TRIES):
            found = self._known()
            waiting = [at for at, outcome in enumerate(found) if outcome is None]
            try:
                self._publish(waiting, found)
            except IntegrityError:  # the same file came twice at once: it is known now
                continue
            break
        else:
            raise ProblemError("unavailable", "The same files come in another request.")
        for at in waiting:
            if found[at] is None:
                found[at] = self._ones.publish(self._items[at])
        self._count(found)
        return [outcome or ProblemError("internal") for outcome in found]

    def _known(self) -> list[Outcome | None]:
        """What is not taken, and what came before; None for the others."""
        ids = [item.head.client_id for item in self._items]
        with self._shared.catalogue.read() as connection:
            before = rows.by_client_ids(connection, self._caller.account_id, ids)
        found: list[Outcome | None] = []
        for item in self._items:
            upload = before.get(item.head.client_id)
            if item.problem is not None:
                found.append(item.problem)
            else:
                found.append(None if upload is None else self._ones.again(item, upload))
        return found

    def _publish(self, waiting: list[int], found: list[Outcome | None]) -> None:
        with self._shared.catalogue.read() as connection:
            ids = [self._items[at].head.client_id for at in waiting]
            begun = rows.by_client_ids(connection, self._caller.account_id, ids)
        seen = set(begun)  # and what stands twice in the request
        together = []
        for at in waiting:
            client_id = self._items[at].head.client_id
            if client_id not in seen:
                together.append(at)
                seen.add(client_id)
        if not together:
            return
        outcomes = self._shared.tree.publish_many(
            self._space, [self._small_file(self._items[at]) for at in together]
        )
        for at, outcome in zip(together, outcomes, strict=True):
            found[at] = outcome
            item = self._items[at]
            named = isinstance(outcome, FileRow) and outcome.version_id == item.version_id
            if named or self._shared.tree.small_files.is_left(item.version_id):
                item.identity = None  # it is no temporary file any more
                self._published = True

    def _small_file(self, item: Item) -> SmallFile:
        assert item.identity is not None
        head = item.head
        kind = self._shared.limits.types.judge(head.path, item.kind)
        start = self._ones.start_of(head)
        manifest = Manifest(head.size, start.chunk_bytes or 0, self._algorithm, item.digests)
        now = time.time_ns()
        return SmallFile(
            version_id=item.version_id,
            identity=item.identity,
            journal_id=self._journal.id,
            offset=item.offset,
            path=head.path,
            if_exists=head.if_exists,
            if_version=head.if_version,
            manifest=manifest,
            modified_ns=head.modified_ns,
            sha256=item.sha256,
            by=self._caller.actor,
            media_type=kind.media_type,
            flagged=kind.flagged,
            replaces=self._replaces,
            upload=UploadRow(
                id=new_id(),
                account_id=self._caller.account_id,
                client_id=head.client_id,
                space_id=self._space.id,
                path=head.path,
                size=head.size,
                modified_ns=head.modified_ns,
                algorithm=self._algorithm,
                chunk_bytes=manifest.chunk_bytes,
                state=UploadState.PUBLISHED,
                start_body=msgspec.json.encode(start),
                completion_body=msgspec.json.encode(completion_of(head, manifest)),
                version_id=None,
                problem=None,
                started_ns=now,
                suspect=False,
                device_id=self._caller.device_id,
                active_ns=now,
                ended_ns=now,
                media_type=kind.media_type,
            ),
        )

    # -- at the end

    def _count(self, found: Sequence[Outcome | None]) -> None:
        """What came, for whoever watches."""
        size = sum(
            item.head.size
            for item, outcome in zip(self._items, found, strict=True)
            if isinstance(outcome, FileRow)
        )
        if size:
            self._shared.sessions.speeds.add(self._caller.account_id, size)
            for tell in self._shared.sessions.on_counted:
                tell(size)
        taken = sum(isinstance(outcome, FileRow) for outcome in found)
        _log.info("took %d of %d small files, %d bytes", taken, len(found), size)

    def end(self) -> None:
        """Let go of what is not needed; to be called in any case."""
        for item in self._items:
            if item.identity is not None:
                self._shared.tree.small_files.remove_temporary(item.version_id)
        self._journal.close()
        if not self._published:
            with suppress(OSError):
                self._shared.tree.small_files.journals.remove(self._journal.id)
