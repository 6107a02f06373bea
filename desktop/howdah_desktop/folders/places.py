"""Where the entries of a watched folder are, on both sides."""

from __future__ import annotations

import datetime as dt
import os
import socket

from howdah_common import remote_path
from howdah_desktop.folders.directory import What
from howdah_desktop.folders.watched import Links, Watched, filled
from howdah_desktop.link_names import FILE_SUFFIX, LINK_SUFFIX, is_reserved


class Places:
    """Where the entries of a watched folder are, here and there, on the day that it is made."""

    def __init__(self, folder: Watched) -> None:
        self._local = folder.local
        name = os.path.basename(folder.local)  # bytes
        self._target = filled(
            folder.target,
            dt.date.today(),  # noqa: DTZ011  # the user's day
            socket.gethostname(),
            name.decode("utf-8", "replace"),
        ).strip("/")
        self._keeps_links = folder.settings.links is Links.KEEP

    def remote_of(self, path: bytes, what: What) -> str:
        """Raises UnicodeDecodeError."""
        text = path.decode("utf-8")
        if self._keeps_links:
            if what is What.LINK:
                text += LINK_SUFFIX
            elif what is What.FILE and is_reserved(text):
                text += FILE_SUFFIX
        return remote_path.join(self._target, text)

    def local_of(self, path: bytes) -> bytes:
        return os.path.join(self._local, path)  # bytes
