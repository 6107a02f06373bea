"""What the handlers work with, put together once (see `app`)."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request

from howdah_receiver.accounts.service import Accounts
from howdah_receiver.api.rates import Rates
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.files.archive import Archives
from howdah_receiver.files.changing import Changing
from howdah_receiver.files.history import History
from howdah_receiver.files.service import Files
from howdah_receiver.jobs.whole_digest import WholeDigests
from howdah_receiver.links.door import LinkDoor
from howdah_receiver.links.receiving import Receiving
from howdah_receiver.links.service import Links
from howdah_receiver.uploads.batch import Batch
from howdah_receiver.uploads.endings import Endings
from howdah_receiver.uploads.expiry import Expiry
from howdah_receiver.uploads.service import Uploads
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.watching.hub import Hub
from howdah_receiver.watching.metrics import Metrics
from howdah_receiver.watching.readiness import Readiness
from howdah_receiver.watching.statistics import Counts
from howdah_receiver.watching.tickets import Tickets

T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    catalogue: Catalogue
    accounts: Accounts
    uploads: Uploads
    endings: Endings
    small_files: Batch
    expiry: Expiry
    sessions: Sessions
    files: Files
    changing: Changing
    history: History
    whole_digests: WholeDigests
    archives: Archives
    links: Links
    link_door: LinkDoor
    receiving: Receiving
    executor: Executor
    rates: Rates
    # The link of a pairing code; None where nobody knows what clients call this receiver by.
    pairing_link: Callable[[str], str | None]
    hub: Hub
    tickets: Tickets
    counts: Counts
    metrics: Metrics
    readiness: Readiness
    # Completions that take longer than a request may wait, by upload.
    completions: dict[str, asyncio.Future[Any]] = field(default_factory=dict)

    async def offload(self, work: Callable[..., T], *args: Any) -> T:
        """Run what may touch the disk in a thread: the event loop answers others meanwhile."""
        return await offload(self.executor, work, *args)


async def offload(executor: Executor, work: Callable[..., T], *args: Any) -> T:
    """In a thread, which knows whom it works for (see `accounts.audit`)."""
    run = contextvars.copy_context().run
    return await asyncio.get_running_loop().run_in_executor(executor, run, work, *args)


def context_of(request: Request) -> Context:
    context = request.app.state.context
    assert isinstance(context, Context)
    return context
