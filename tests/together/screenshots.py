"""`make screenshots`: pictures of the real window into build/screenshots, NAME-SCHEME-SCALE.png.

Every row in them has come to its state through the real receiver, the real engine and a line or a disk that
is at fault. Xvfb is the screen: nothing appears on anybody's desktop.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from kit.processes import PATIENCE_SECONDS  # noqa: E402  # from the folder that was just named

PICTURES = TESTS.parent / "build" / "screenshots"
SCREEN = "2560x1800x24"
SCALES = (1, 2)
FOREIGN = ("QT_", "XDG_", "HOWDAH_", "WAYLAND_", "PYTHON_KEYRING_")


class NoScreen(Exception):
    """The message is a sentence for a person."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", help="which scenes; all where none is named")
    parser.add_argument("--scale", type=int, action="append", choices=SCALES)
    parser.add_argument("--to", type=Path, default=PICTURES, help="folder for the pictures")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    # What was started is ended, however this ends.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if given.here:
        return photograph(given.scenes, given.scale[0], given.to)
    given.to.mkdir(parents=True, exist_ok=True)
    try:
        return each_scale(given.scenes, given.scale or SCALES, given.to)
    except NoScreen as problem:
        print(f"screenshots: {problem}", file=sys.stderr)
        return 1


# -- the process that waits


@contextmanager
def screen() -> Iterator[str]:
    """A screen that nobody sees, for as long as the block: its display. Raises NoScreen."""
    program = shutil.which("Xvfb")
    if program is None:
        raise NoScreen("the pictures need Xvfb, which is not installed (Debian: apt install xvfb).")
    reader, writer = os.pipe()
    options = ["-screen", "0", SCREEN, "-nolisten", "tcp", "-displayfd", str(writer)]
    server = subprocess.Popen(
        [program, *options], pass_fds=[writer], stderr=subprocess.DEVNULL, start_new_session=True
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as numbers:
            number = numbers.readline().strip()  # ends when the server does
        if not number:
            raise NoScreen(f"Xvfb does not start (it ended with {server.wait()}).")
        yield f":{number}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(PATIENCE_SECONDS)


def each_scale(scenes: Sequence[str], scales: Sequence[int], to: Path) -> int:
    """At once: most of their time they wait for a line that is slow on purpose. Raises NoScreen."""
    with ExitStack() as stack:
        # Short: sockets lie in it.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hd-", dir="/tmp")))
        begun = [
            stack.enter_context(
                _photographer(scenes, scale, to, stack.enter_context(screen()), folder / str(scale))
            )
            for scale in scales
        ]
        return max(process.wait() for process in begun)


@contextmanager
def _photographer(
    scenes: Sequence[str], scale: int, to: Path, display: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The factor is read when Qt starts, so each has a process; and a screen to itself."""
    folder.mkdir()
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    own |= {
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "QT_SCALE_FACTOR": str(scale),
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
    }
    words = [*scenes, "--here", "--scale", str(scale), "--to", str(to)]
    process = subprocess.Popen([sys.executable, __file__, *words], env=own)
    try:
        yield process
    finally:
        process.terminate()  # nothing, where it has ended; else somebody pressed Ctrl-C
        process.wait()


# -- the process that photographs


def photograph(scenes: Sequence[str], scale: int, to: Path) -> int:
    from PySide6.QtWidgets import QApplication

    from howdah_desktop.window import theme
    from together.nas import NoSmallDisk
    from together.scenes import NAMES, Camera, Scenes

    unknown = set(scenes) - set(NAMES)
    if unknown:
        names = ", ".join(NAMES)
        print(f"screenshots: there is no scene {min(unknown)!r}, but {names}.", file=sys.stderr)
        return 1
    app = QApplication(["howdah"])
    camera = Camera(theme.install(app, "light"), to, scale, scenes)
    try:
        Scenes(camera, Path(tempfile.gettempdir())).run()
    except (AssertionError, NoSmallDisk) as problem:
        print(f"screenshots: at scale {scale}, a scene was not reached: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
