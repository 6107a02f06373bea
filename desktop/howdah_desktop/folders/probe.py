"""Whether a place tells of changes: by the kind of its file system, and by a file that is written to see.

A network drive tells what this machine does, so that a probe alone finds nothing wrong with it; what others
do there is never told.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from howdah_desktop.folders.default_rules import PROBE_PREFIX
from howdah_desktop.folders.source import NoEvents

MOUNTS = Path("/proc/self/mountinfo")
LEFT_OVER_SECONDS = 60.0
"""By then a probe has said what it says."""

_SHARED = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb2", "smb3", "smbfs", "v9fs"),
    *("vboxsf", "virtiofs", "vmhgfs"),
}
"""File systems that others change too: other machines, or the host of a virtual one."""
_FUSE_HERE = {
    *("bindfs", "cryfs", "encfs", "gocryptfs", "mergerfs", "securefs", "unionfs", "vaultfs"),
    "veracrypt",
}
"""Programs behind FUSE through which only this machine changes files. Of all others (sshfs, rclone, ...) it
is assumed that they are doors to elsewhere."""
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def kind_of(path: bytes, mounts: bytes) -> str | None:
    """The file system of a real, absolute path, by the text of /proc/self/mountinfo (proc(5)); None if no
    line covers it."""
    kind, longest = None, -1
    for line in mounts.splitlines():
        mounted, _, about = line.partition(b" - ")
        words = mounted.split(b" ")
        if len(words) < 6 or not about:
            continue
        point = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), words[4])
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        # The later line lies on top of the earlier.
        if inside and len(point) >= longest:
            kind, longest = os.fsdecode(about.split(b" ")[0]), len(point)
    return kind


def is_shared(kind: str | None) -> bool:
    """Whether others than this machine may change what is on such a file system."""
    if kind is None:
        return False
    if kind == "fuse" or kind.startswith("fuse."):
        return kind.removeprefix("fuse.") not in _FUSE_HERE
    return kind in _SHARED


def kind_at(path: bytes) -> str | None:
    """The file system of `path` as the system has it now; None where nobody says."""
    try:
        return kind_of(os.path.realpath(path), MOUNTS.read_bytes())
    except OSError:
        return None


@contextmanager
def probing(root: bytes) -> Iterator[bytes | None]:
    """Leave a small file in `root` for so long, and say its name, for which to look among the events; None if
    nothing can be written there. Raises NoEvents where no answer would mean anything."""
    kind = kind_at(root)
    if is_shared(kind):
        raise NoEvents(
            f"This place is a network drive ({kind}), which does not tell what others change there,"
            " so it is looked at every {every}."
        )
    _remove_left_over(root)
    name = os.fsencode(PROBE_PREFIX + secrets.token_hex(4))
    path = os.path.join(root, name)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        yield None
        return
    try:
        try:
            with suppress(OSError):  # a full disk: that it appeared is enough
                os.write(descriptor, b"Howdah looks whether changes are told here.\n")
        finally:
            os.close(descriptor)
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _remove_left_over(root: bytes) -> None:
    """What a program that was killed while it probed has left there."""
    before = time.time() - LEFT_OVER_SECONDS
    with suppress(OSError), os.scandir(root) as listing:
        for one in listing:
            if not one.name.startswith(os.fsencode(PROBE_PREFIX)):
                continue
            with suppress(OSError):
                if one.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(one.path)
