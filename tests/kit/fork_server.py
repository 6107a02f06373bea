"""A process in which the receiver is loaded, and which forks one real receiver for each that is asked for.

To start Python takes longer than a receiver lives in a sweep of kills. The children are receivers as
`howdah-receiver serve` makes them, below the disk shim, with orders of their own (when to die, what to
fail). The tests' side is ``kit.forked``; one JSON line on a unix socket orders a child, which prints to
that same socket: when it has died, the socket has ended.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from howdah_receiver import server
from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings

LATE = ("uvicorn.lifespan.off", "uvicorn.protocols.http.httptools_impl", "uvicorn.loops.auto")
"""What a receiver loads only when it listens."""


def main() -> None:
    """`fork_server ADDRESS`: serve until killed."""
    _warm_up()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(sys.argv[1])
        door.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
        print("ready", flush=True)
        while True:
            connection, _ = door.accept()
            with connection, connection.makefile("rb") as lines:
                order = json.loads(lines.readline())
                if os.fork() == 0:
                    door.close()
                    _be_a_receiver(connection, order)


def _warm_up() -> None:
    """Fill the caches (of compiled statements, above all) that every child would fill again."""
    for name in LATE:
        import_module(name)
    scratch = Path(tempfile.mkdtemp(prefix="warm-up-"))
    Receiver(Settings(data=scratch / "data")).stop()
    shutil.rmtree(scratch)
    gc.freeze()


def _be_a_receiver(connection: socket.socket, order: dict[str, Any]) -> NoReturn:
    code = 1
    try:
        # It stays in this process's group, which the tests end as a whole: no receiver is left behind.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(connection.fileno(), 1)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 2)
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
        print(os.getpid(), flush=True)
        _arm(order)
        server.serve(Settings(data=Path(order["data"]), port=0))
        code = 0
    except BaseException:  # noqa: BLE001 - the end of this process: told on its way out
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _arm(order: dict[str, Any]) -> None:
    arm = ctypes.CDLL(None).howdah_shim_arm
    words = [order.get(name) for name in ("kill", "fault", "count", "armed")]
    arm(*(None if word is None else os.fsencode(word) for word in words))


if __name__ == "__main__":
    main()
