"""A file of a batch, whole, and the words of an upload that it stands for."""

from __future__ import annotations

from dataclasses import dataclass

from howdah_common.file_frames import FileHead
from howdah_common.manifest import Manifest
from howdah_common.messages import Complete
from howdah_common.problems import ProblemError
from howdah_receiver.storage.disk import Identity


@dataclass(slots=True)
class Item:
    """A file of the batch, whole; `problem` where it is not taken whatever stands at its path."""

    head: FileHead
    offset: int
    digest: bytes = b""
    sha256: bytes = b""
    kind: str | None = None
    """What its first bytes tell."""
    version_id: str = ""
    identity: Identity | None = None
    """Of its temporary file, where there is one."""
    problem: ProblemError | None = None

    @property
    def digests(self) -> bytes:
        """Of its chunks, on a grid on which it is one; an empty file has none."""
        return self.digest if self.head.size else b""


def completion_of(head: FileHead, manifest: Manifest) -> Complete:
    return Complete(
        size=head.size, manifest_digest=manifest.digest().hex(), if_version=head.if_version
    )
