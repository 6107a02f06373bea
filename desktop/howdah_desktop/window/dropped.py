"""What somebody dropped or pasted: local paths out of Qt's urls."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QMimeData, QUrl


def local_paths(urls: Iterable[QUrl]) -> list[bytes]:
    """As the file system names them: QUrl.toLocalFile would lose names that are not UTF-8."""
    return [path for url in urls if (path := _local_path(url))]


def has_local_paths(data: QMimeData) -> bool:
    return data.hasUrls() and any(url.isLocalFile() for url in data.urls())


def _local_path(url: QUrl) -> bytes:
    if not url.isLocalFile():
        return b""
    encoded = url.path(QUrl.ComponentFormattingOption.FullyEncoded)
    path = unquote_to_bytes(encoded)
    return path.rstrip(b"/") or path
