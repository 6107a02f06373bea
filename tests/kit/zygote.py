"""A process in which one of the two programs is loaded, and which forks itself for each run of it.

Python and its imports take longer than most tests: the program's own process, started anew, would spend
nine tenths of its life with that. A fork is the same program from its first line on, in a session, with an
environment, streams, a folder and arguments of its own.

    zygote.py DESCRIPTOR MODULE...

An order comes over the socket DESCRIPTOR as one JSON message with the descriptors of stdin, stdout, stderr
and of a pipe; the pipe gets two lines: the process's id, and in the end its exit code, or minus the signal.
The first MODULE is the program, of which all is loaded, and the others as well. It ends with its socket.
The tests' side is ``kit.launching``.
"""

from __future__ import annotations

import gc
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

MOST_BYTES = 1 << 20


def main() -> None:
    door = socket.socket(fileno=int(sys.argv[1]))
    program, *late = sys.argv[2:]
    for name in (program, *late, *_modules(program)):
        import_module(name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    while True:
        message, descriptors, _, _ = socket.recv_fds(door, MOST_BYTES, 4)
        if not message:
            return
        if os.fork() == 0:
            door.close()
            _watch(program, json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _modules(program: str) -> Iterator[str]:
    """All of its modules that need no Qt and run nothing by themselves."""
    package = import_module(program)
    for found in pkgutil.walk_packages(package.__path__, f"{program}."):
        if not any(name in found.name for name in (".window", ".migrations", "__main__")):
            yield found.name


def _watch(program: str, order: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Forks once more, and tells how that ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, pipe = descriptors
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        os.close(pipe)
        os.setsid()
        os.write(theirs, b"!")  # its group is there, to be ended as a whole
        os.close(theirs)
        _be(program, order, streams)
    # Whoever reads the end of a stream must not wait for this process.
    for descriptor in (*streams, theirs, 0, 1, 2):
        os.close(descriptor)
    os.read(ours, 1)
    with suppress(BrokenPipeError):
        os.write(pipe, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(pipe, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _be(program: str, order: dict[str, Any], streams: list[int]) -> NoReturn:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    os.umask(order["umask"])
    os.chdir(order["cwd"])
    tempfile.tempdir = None
    # As Python makes them where PYTHONUNBUFFERED is set.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8", errors, write_through=True)
        for number, errors in ((1, "surrogateescape"), (2, "backslashreplace"))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.argv = [program, *order["arguments"]]
    sys.path[0] = os.getcwd()  # as `python -m` has it, in place of this file's folder
    code = 1
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _code(end)
    except KeyboardInterrupt:
        # As Python itself ends then.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - the end of this process: told on its way out
        sys.excepthook(*sys.exc_info())
    finally:
        _finish(code)


def _code(end: SystemExit) -> int:
    if isinstance(end.code, int) or end.code is None:
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _finish(code: int) -> NoReturn:
    """What Python does at its end; a fork that went back through `main` would be a second zygote."""
    import atexit
    import threading

    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code & 0xFF)


if __name__ == "__main__":
    main()
