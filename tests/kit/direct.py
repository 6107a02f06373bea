"""A receiver in this process, whose services are called as its handlers call them: no HTTP between."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from howdah_common.chunks import ChunkPlan, default_chunk_bytes
from howdah_common.digests import BLAKE3, digest
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete, StartUpload
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from howdah_receiver.app import Receiver
    from howdah_receiver.catalogue.files import FileRow
    from howdah_receiver.catalogue.folders import FolderRow
    from howdah_receiver.catalogue.trash import TrashRow
    from howdah_receiver.files.history import Version


@dataclass(frozen=True)
class Sent:
    """An upload that is whole, and how it is completed."""

    upload_id: str
    completion: Complete


class Direct:
    """The owner at work in its home space. Thread-safe."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.data = receiver.settings.data
        self.tree = receiver.tree
        with receiver.catalogue.read() as connection:
            row = connection.exec_driver_sql(
                "SELECT s.id, a.id, a.name FROM spaces s JOIN accounts a ON a.id = s.account_id"
            ).one()
            self.space = spaces.by_id(connection, row[0])
        self.caller = Caller(row[1], row[2], True, "0" * 32, "test")

    # -- what is done

    def publish(
        self,
        path: str,
        content: bytes,
        *,
        caller: Caller | None = None,
        if_version: str | None = None,
        modified_ns: int | None = None,
    ) -> str:
        """The version that it came to. Raises ProblemError."""
        sent = self.send(path, content, caller=caller, modified_ns=modified_ns)
        return self.complete(sent, caller=caller, if_version=if_version)

    def send(
        self,
        path: str,
        content: bytes,
        *,
        caller: Caller | None = None,
        modified_ns: int | None = None,
    ) -> Sent:
        """All up to the completion. Raises ProblemError."""
        caller = caller or self.caller
        plan = ChunkPlan(len(content), default_chunk_bytes(len(content)))
        start = StartUpload(
            client_id=new_id(),
            path=path,
            size=len(content),
            modified_ns=time.time_ns() if modified_ns is None else modified_ns,
            digest_algorithm=BLAKE3,
            space=self.space.id,
        )
        upload, _ = self.receiver.uploads.start(caller, start)
        digests = b""
        for number, span in enumerate(plan.spans()):
            piece = content[span.offset : span.end]
            digests += digest(BLAKE3, piece)
            with self.receiver.sessions.of(upload) as session:
                writer = session.begin(number, span.length)
                writer.write([piece])
                writer.finish(digest(BLAKE3, piece))
                session.commit([number])
        manifest = Manifest(len(content), plan.chunk_bytes, BLAKE3, digests)
        return Sent(
            upload.id,
            Complete(
                size=len(content),
                manifest_digest=manifest.digest().hex(),
                sha256=hashlib.sha256(content).hexdigest(),
            ),
        )

    def complete(
        self, sent: Sent, *, caller: Caller | None = None, if_version: str | None = None
    ) -> str:
        """The version that it came to. Raises ProblemError."""
        caller = caller or self.caller
        wanted = msgspec.structs.replace(sent.completion, if_version=if_version)
        self.receiver.endings.complete(caller, sent.upload_id, wanted)
        view = self.receiver.uploads.view(caller, sent.upload_id)
        return str(view.row.version_id)

    def find(self, path: str) -> FileRow | FolderRow:
        """Raises LookupError."""
        with self.receiver.catalogue.read() as connection:
            found = file_rows.at_path(connection, self.space.id, path) or folder_rows.at_path(
                connection, self.space.id, path
            )
        if found is None:
            raise LookupError(path)
        return found

    def move(self, path: str, to: str, **more: Any) -> str:
        """The id of what then stands there. Raises LookupError, ProblemError."""
        found = self.find(path)
        return self.tree.move(self.space, found, to, by=self.caller.actor, **more)

    def trash(self, path: str) -> TrashRow:
        """Raises LookupError, ProblemError."""
        return self.tree.trash(self.space, self.find(path), by=self.caller.actor)

    def restore(self, trash_id: str, to: str | None = None) -> str:
        """The path that it got. Raises ProblemError."""
        return self.tree.restore(self.space, trash_id, to, by=self.caller.actor)

    def versions(self, path: str) -> list[Version]:
        """Raises LookupError, ProblemError."""
        return self.receiver.history.versions(self.caller, self.find(path).id)

    # -- what is there

    def contents(self) -> Mapping[str, bytes]:
        """What stands on the disk, by path."""
        top = self.data / "files" / self.space.folder
        return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}

    def used(self) -> tuple[int, int]:
        """Bytes and files that the space counts."""
        with closing(sqlite3.connect(self.data / "catalogue.sqlite3")) as catalogue:
            row = catalogue.execute(
                "SELECT used_bytes, used_files FROM spaces WHERE id = ?", [self.space.id]
            ).fetchone()
        return int(row[0]), int(row[1])
