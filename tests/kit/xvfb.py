"""A screen that nobody sees: Xvfb on a free display, for as long as a block."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SIZE = "2560x1800x24"
MISSING = "There is no Xvfb. On Debian or Ubuntu: sudo apt-get install xvfb"


def has_xvfb() -> bool:
    return shutil.which("Xvfb") is not None


@contextmanager
def screen(size: str = SIZE) -> Iterator[dict[str, str]]:
    """The environment in which a program opens its windows there. Raises SystemExit without Xvfb."""
    if not has_xvfb():
        raise SystemExit(MISSING)
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        if not number:
            raise SystemExit("Xvfb does not start.")
        yield {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
