"""What stands at an upload's target already."""

from __future__ import annotations

from howdah_common.chunks import ChunkPlan
from howdah_common.digests import BLAKE3
from howdah_common.messages import FileInfo, FolderInfo
from howdah_common.problems import ProblemError
from howdah_desktop.remote.receiver import Receiver

_MOST_NS = 2**63 - 1


def standing_at(receiver: Receiver, path: str) -> FileInfo | FolderInfo | None:
    """The file or folder at `path`. Raises ProblemError."""
    try:
        found = receiver.list(path, per_page=1)
    except ProblemError as problem:
        if problem.code in ("file_not_found", "not_found"):
            return None
        raise
    if found.kind == "file" and found.items:
        return found.items[0]
    return FolderInfo(space="", path=path)


def same_grid(there: FileInfo, size: int) -> ChunkPlan | None:
    """A file of `size` bytes on the grid of what is there; None where that cannot be."""
    if there.digest_algorithm != BLAKE3:
        return None
    try:
        return ChunkPlan(size, there.chunk_bytes)
    except ValueError:
        return None


def wire_time(modified_ns: int) -> int:
    """A time as the wire takes it: some disks hold years that 64 bits of nanoseconds do not."""
    return max(-_MOST_NS, min(modified_ns, _MOST_NS))
