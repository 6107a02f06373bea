"""A program below what systemd's unit lets it do, where no systemd runs: `python confined.py FILE WORD...`.

FILE (JSON) holds the numbers of the system calls that it may make and the address families of its sockets;
anything else is refused as systemd refuses it (seccomp). Memory is never both written and run
(PR_SET_MDWE, Linux 6.3). All of it holds for whatever is then started in this process's place.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import sys
from pathlib import Path

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_MDWE = 38, 22, 65
SECCOMP_MODE_FILTER = 2
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
AUDIT_ARCH_X86_64 = 0xC000003E
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, ARCH_AT, FIRST_ARGUMENT_AT = 0, 4, 16
SOCKET = 41


def program(calls: list[int], families: list[int]) -> list[tuple[int, int, int, int]]:
    """In classic BPF, as seccomp(2) takes it: (code, jump if true, jump if false, value)."""
    allow = (RETURN, 0, 0, ALLOW)
    steps = [(LOAD, 0, 0, ARCH_AT), (EQUAL, 1, 0, AUDIT_ARCH_X86_64), (RETURN, 0, 0, KILL)]
    steps += [(LOAD, 0, 0, NUMBER_AT), (EQUAL, 0, 2 + 2 * len(families), SOCKET)]
    steps += [(LOAD, 0, 0, FIRST_ARGUMENT_AT)]
    for family in families:
        steps += [(EQUAL, 0, 1, family), allow]
    steps += [(RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT)]
    for number in calls:
        steps += [(EQUAL, 0, 1, number), allow]
    return [*steps, (RETURN, 0, 0, ERRNO | errno.EPERM)]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def confine(calls: list[int], families: list[int]) -> None:
    """Raises OSError where the kernel does not know how."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = program(calls, families)
    packed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    found = _Filter(len(steps), ctypes.cast(packed, ctypes.c_void_p))
    for words in (
        (PR_SET_MDWE, 1, 0, 0, 0),
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(found), 0, 0),
    ):
        if libc.prctl(*words):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    confine(order["calls"], order["families"])
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
