"""The gauges of `/metrics`: what is looked up when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import arrivals, notices, spaces, uploads
from howdah_receiver.jobs.workers import Workers
from howdah_receiver.storage.parts import Parts
from howdah_receiver.uploads.states import UploadState
from howdah_receiver.watching.hub import Hub
from howdah_receiver.watching.metrics import Gauge

_ACTIVE = (UploadState.OPEN.value, UploadState.COMPLETING.value)


def gauges(catalogue: Catalogue, parts: Parts, workers: Workers, hub: Hub) -> Iterator[Gauge]:
    active = uploads.c.state.in_(_ACTIVE)
    yield Gauge(
        "howdah_open_uploads", "Uploads on their way.",
        lambda: _one(catalogue, select(func.count()).select_from(uploads).where(active)),
    )  # fmt: skip
    yield Gauge(
        "howdah_open_upload_bytes", "What of them has come.",
        lambda: _one(catalogue, select(func.sum(uploads.c.received_bytes)).where(active)),
    )  # fmt: skip
    yield Gauge(
        "howdah_published_files", "Files published since the catalogue began.",
        lambda: _one(catalogue, select(func.sum(arrivals.c.files))), counts=True,
    )  # fmt: skip
    yield Gauge(
        "howdah_published_bytes", "Their bytes.",
        lambda: _one(catalogue, select(func.sum(arrivals.c.bytes))), counts=True,
    )  # fmt: skip
    yield Gauge(
        "howdah_stored_bytes", "Files, versions, trash, and what uploads have reserved.",
        lambda: _one(catalogue, select(func.sum(spaces.c.used_bytes))),
    )  # fmt: skip
    yield Gauge(
        "howdah_notices_waiting", "What the webhook is still to be told.",
        lambda: _one(catalogue, select(func.count()).select_from(notices)),
    )  # fmt: skip
    yield Gauge("howdah_free_bytes", "What the disk has left.", parts.free_bytes)
    yield Gauge("howdah_threads_busy", "Threads at work for requests.", lambda: workers.busy)
    yield Gauge("howdah_threads_waiting", "Work without a thread.", lambda: workers.waiting)
    yield Gauge("howdah_watchers", "Who watches events.", lambda: hub.count)


def _one(catalogue: Catalogue, query: object) -> float:
    with catalogue.read() as connection:
        return float(connection.execute(query).scalar() or 0)  # type: ignore[call-overload]
