"""The receiver: stores, verifies, publishes and offers download.

Read in this order: `server` (its life), `app` (what is put together, and which routes are open),
`uploads.service` (a chunk's and a completion's way), `storage.tree` (the one door for changes),
`uploads.recovery` (what a start after a crash does), then `api` and `watching`.

`EmbeddedReceiver` is the face for other Python programs (docs/embedding.md); `embedded` has the rest of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from howdah_receiver.embedded import EmbeddedReceiver

__all__ = ["EmbeddedReceiver"]


def __getattr__(name: str) -> Any:
    # When it is asked for: nobody else is to wait for what it brings along.
    if name == "EmbeddedReceiver":
        from howdah_receiver.embedded import EmbeddedReceiver

        return EmbeddedReceiver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
