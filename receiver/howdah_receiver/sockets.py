"""uvicorn's WebSocket protocol with the limits that it lacks: who does not read is let go of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

SLOW = 4408
"""The close code for a reader who took nothing for too long. As 408 of HTTP."""
_GOODBYE_SECONDS = 0.2
_LAST_WORDS_SECONDS = 5
MOST_MESSAGE_BYTES = 4096
"""What comes is not asked for: see `api.events`."""


class LimitedSocket(WebSocketsSansIOProtocol):
    """One WebSocket. `on_lost` is told when its connection is gone."""

    on_lost: Callable[[], None] | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if (
            not self.handshake_initiated
        ):  # a head that is no handshake: uvicorn waits for more of it
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    async def send(self, message: Any) -> None:
        """Waits for a slow reader, and not for ever: a window that stays shut is never closed by TCP."""
        if not self.writable.is_set():
            try:
                await asyncio.wait_for(self.writable.wait(), self.ping_timeout)
            except TimeoutError:
                self._give_up()
        await super().send(message)
        if (
            message["type"] == "websocket.close"
        ):  # who says no goodbye, and does not read ours either
            self.loop.call_later(_LAST_WORDS_SECONDS, self.transport.abort)

    def _give_up(self) -> None:
        if not self.close_sent and self.handshake_complete and not self.transport.is_closing():
            self.conn.send_close(SLOW, "too slow")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.stop_keepalive()
        self.loop.call_later(_LAST_WORDS_SECONDS, self.transport.abort)
        self.disconnected = True
        self.writable.set()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(_LAST_WORDS_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """With 1012: the receiver stops, and is back soon. Over TLS a close would wait for the other side."""
        super().shutdown()
        self.loop.call_later(_GOODBYE_SECONDS, self.transport.abort)
