"""Large bodies on their way to the disk, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.requests import Request

from howdah_common.problems import ProblemError
from howdah_receiver.api.context import Context

GATHER_BYTES = 1024 * 1024
"""Measured: writes of less than this cost more in calls than they save in memory."""


async def pump(
    request: Request, context: Context, sink: Callable[[Sequence[bytes]], None], most_bytes: int
) -> None:
    """Give the body to `sink` in a thread, 1 MiB at a time, while the next MiB arrives.

    Raises ProblemError (body_too_large), ClientDisconnect, and what `sink` raises.
    """
    writing: asyncio.Future[None] | None = None
    blocks: list[bytes] = []
    gathered = total = 0
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most_bytes:
        raise ProblemError("body_too_large", f"{most_bytes} bytes are the most.")
    try:
        async for piece in request.stream():
            total += len(piece)
            if total > most_bytes:
                raise ProblemError("body_too_large", f"{most_bytes} bytes are the most.")
            blocks.append(piece)
            gathered += len(piece)
            if gathered >= GATHER_BYTES:
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(context.offload(sink, blocks))
                blocks, gathered = [], 0
        if writing is not None:
            await writing
        if gathered:
            writing = asyncio.ensure_future(context.offload(sink, blocks))
            await writing
    finally:
        # The sink is not called again while a call is under way, whatever ended the stream.
        if writing is not None and not writing.done():
            await asyncio.wait({writing})
