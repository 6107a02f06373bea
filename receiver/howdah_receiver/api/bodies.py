"""Large bodies on their way to the disk, in constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.requests import ClientDisconnect, Request

from howdah_common.problems import ProblemError
from howdah_receiver.api.answers import check_announced
from howdah_receiver.api.context import Context
from howdah_receiver.api.gate import caller_of

GATHER_BYTES = 1024 * 1024
"""Measured: writes of less than this cost more in calls than they save in memory."""

Sink = Callable[[Sequence[bytes]], None]


async def pump(request: Request, context: Context, sink: Sink, most_bytes: int) -> None:
    """Give the body to `sink` in a thread, 1 MiB at a time, while the next MiB arrives.

    What came before a line broke is given to it as well: there may be whole chunks in it.
    Raises ProblemError (body_too_large), ClientDisconnect, and what `sink` raises.
    """
    check_announced(request, most_bytes)
    writing: asyncio.Future[None] | None = None
    try:
        async for blocks in _gathered(request, context, most_bytes):
            if writing is not None:
                await writing
            writing = asyncio.ensure_future(context.offload(sink, blocks))
        if writing is not None:
            await writing
    finally:
        # The sink is not called again while a call is under way, whatever ended the stream.
        if writing is not None:
            await asyncio.wait({writing})
            if not writing.cancelled():
                writing.exception()  # seen, also where the line's breaking says it all


async def _gathered(
    request: Request, context: Context, most_bytes: int
) -> AsyncIterator[list[bytes]]:
    blocks: list[bytes] = []
    gathered = total = 0
    try:
        async for piece in request.stream():
            total += len(piece)
            if total > most_bytes:
                raise ProblemError("body_too_large", f"{most_bytes} bytes are the most.")
            blocks.append(piece)
            gathered += len(piece)
            if context.rates.limited and piece:
                await context.rates.passed(caller_of(request).account_id, len(piece))
            if gathered >= GATHER_BYTES:
                yield blocks
                blocks, gathered = [], 0
    except ClientDisconnect:
        if gathered:
            yield blocks
        raise
    if gathered:
        yield blocks
