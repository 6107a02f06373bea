"""Whether another program has a file open to write to it, where the operating system tells (Linux)."""

from __future__ import annotations

import errno
import signal
import sys

if sys.platform == "linux":
    import fcntl

    def is_written_to(descriptor: int) -> bool:
        """Of a file opened to be read. False where nobody knows.

        A read lease (fcntl(2), F_SETLEASE) is given only while nobody has the file open for writing. It
        is given back at once.
        """
        try:
            # Whoever opens it in this moment breaks the lease: a signal, whose usual one would end us.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            # Others: another's file (EACCES), a file system without leases (EINVAL, ENOLCK).
            return error.errno == errno.EAGAIN
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False

else:

    def is_written_to(descriptor: int) -> bool:
        """Windows refuses to move such a file; macOS does not tell."""
        return False
