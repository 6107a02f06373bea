"""What every command needs first: settings, the pairing, a receiver."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from howdah_desktop.settings import MOST_CONNECTIONS, Settings, from_environment

if TYPE_CHECKING:
    from howdah_desktop.remote.receiver import Receiver


def connect(settings: Settings) -> Receiver:
    """A receiver from the pairing that is kept now. Raises ProblemError("not_paired")."""
    from howdah_desktop.remote import secrets
    from howdah_desktop.remote.receiver import Receiver  # slow to import, and not always needed

    several = MOST_CONNECTIONS + settings.small_files_at_once + 4
    return Receiver(secrets.load(), connections=several)


def settings() -> Settings:
    """Raises settings.BadSetting."""
    return from_environment()


def log_to_stderr(debug: bool) -> None:
    level = logging.DEBUG if debug else logging.CRITICAL
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s",
    )
    # Of the handler too: what goes into the log file passes the logger's level.
    for handler in logging.getLogger().handlers:
        handler.setLevel(level)
    # Those of the HTTP libraries may hold headers, and so the token.
    for name in ("httpx", "httpcore", "keyring"):
        logging.getLogger(name).setLevel(logging.WARNING)


def interrupt_on_sigterm() -> None:
    """SIGTERM ends a command as Ctrl-C does: in good order, everything resumable."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
