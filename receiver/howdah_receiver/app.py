"""The one place that puts the receiver together: its parts, its routes, and who may ask for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from threading import Event

from starlette.applications import Starlette
from starlette.routing import Mount, Router
from starlette.types import ASGIApp

from howdah_common.messages import API
from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.service import Accounts
from howdah_receiver.api import (
    accounts,
    answers,
    auth,
    batch,
    chunks,
    contents,
    devices,
    docs,
    events,
    files,
    folders,
    health,
    invitations,
    links,
    metrics,
    moves,
    pair,
    requests,
    shared,
    spaces,
    statistics,
    trash,
    uploads,
    versions,
    zip,
)
from howdah_receiver.api import audit as audit_routes
from howdah_receiver.api.context import Context, offload
from howdah_receiver.api.gate import Gate
from howdah_receiver.api.rates import Rates
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.migrate import migrate
from howdah_receiver.files.archive import Archives
from howdah_receiver.files.changing import Changing
from howdah_receiver.files.history import History
from howdah_receiver.files.keeping import Keeping
from howdah_receiver.files.service import Files
from howdah_receiver.jobs.sweeper import Sweeper, Task
from howdah_receiver.jobs.whole_digest import WholeDigests
from howdah_receiver.jobs.workers import Workers
from howdah_receiver.links.door import LinkDoor
from howdah_receiver.links.receiving import Receiving
from howdah_receiver.links.service import Links
from howdah_receiver.settings import Settings
from howdah_receiver.settings.shown import rows as shown_settings
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.modes import Modes
from howdah_receiver.storage.parts import Parts
from howdah_receiver.storage.tree import Tree
from howdah_receiver.uploads.admission import Admission, Limits
from howdah_receiver.uploads.batch import Batch
from howdah_receiver.uploads.endings import Endings
from howdah_receiver.uploads.expiry import Expiry
from howdah_receiver.uploads.known import KnownChunks
from howdah_receiver.uploads.recovery import recover
from howdah_receiver.uploads.service import Uploads
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.turns import Turns
from howdah_receiver.uploads.type_rules import TypeRules
from howdah_receiver.watching.figures import gauges
from howdah_receiver.watching.hub import Hub
from howdah_receiver.watching.metrics import Metrics
from howdah_receiver.watching.readiness import Readiness
from howdah_receiver.watching.statistics import Counts
from howdah_receiver.watching.sweeping import tasks as watching_tasks
from howdah_receiver.watching.tickets import Tickets

THREADS = 32
_log = logging.getLogger(__name__)


class Receiver:
    """All parts of a receiver on one data folder, recovered and ready to answer."""

    def __init__(self, settings: Settings) -> None:
        """Take the folder, bring the catalogue up to date, and recover. Raises StartRefused."""
        self.settings = settings
        modes = Modes.of(settings.files_mode, settings.files_umask, settings.files_group)
        self.folder = DataFolder(settings.data, modes)
        try:
            migrate(settings.data)
            self.folder.share()
            self.catalogue = Catalogue(settings.data)
            self.accounts = Accounts(self.catalogue, self.folder, settings)
            self.accounts.create_owner()
            tree = Tree(self.catalogue, self.folder)
            recover(self.catalogue, self.folder, tree)
            self.tree = tree
        except BaseException:
            self.folder.close()
            raise
        self.parts = parts = Parts(self.folder.parts, settings.free_floor_bytes)
        limits = _limits(settings)
        self.sessions = Sessions(self.catalogue, parts, limits)
        turns = Turns()
        known = KnownChunks(self.catalogue, self.folder, parts)
        admission = Admission(limits)
        self.uploads = Uploads(self.catalogue, parts, self.sessions, known, admission, turns)
        self.endings = Endings(self.catalogue, parts, tree, self.sessions, turns, modes)
        self.small_files = Batch(
            self.catalogue,
            parts,
            tree,
            self.uploads,
            self.endings,
            self.sessions,
            admission,
            limits,
        )
        self.expiry = Expiry(
            self.catalogue,
            parts,
            self.sessions,
            turns,
            idle_seconds=settings.upload_idle_seconds,
            recovery_seconds=settings.upload_recovery_seconds,
        )
        self.files = Files(self.catalogue, tree)
        self.changing = Changing(self.catalogue, tree)
        self.history = History(self.catalogue, tree, self.files)
        self.archives = Archives(self.catalogue, self.files)
        hasher = self.accounts.hasher
        self.links = Links(self.catalogue, hasher, settings.public_url)
        self.link_door = LinkDoor(self.catalogue, hasher)
        self.receiving = Receiving(self.catalogue, self.uploads, self.endings)
        self.whole_digests = WholeDigests(self.catalogue, tree.outside)
        keeping = Keeping(self.catalogue, tree, settings)
        self.sweeper = Sweeper(
            [
                Task("small files", 2, partial(_sync_small_files, tree)),
                Task("what was removed", 60, keeping.go_on_removing),
                Task("the trash", 600, keeping.sweep_trash),
                Task("versions", 3600, keeping.sweep_versions),
                Task("seen devices", 60, lambda _: self.accounts.callers.write_seen()),
                Task("old logins", 24 * 3600, lambda _: self.accounts.logins.sweep()),
                Task("uploads", self.expiry.every_seconds, self.expiry.run),
                *watching_tasks(settings, self.catalogue, parts.free_bytes),
            ]
        )
        self.executor = Workers(THREADS)
        work = partial(offload, self.executor)
        self.hub = Hub(self.catalogue, self.sessions, parts.free_bytes, work)
        self.readiness = Readiness(self.catalogue, partial(parts.check_room, 0), work)
        self.metrics = Metrics()
        self.metrics.watch(gauges(self.catalogue, parts, self.executor, self.hub))
        self.sessions.on_counted.append(self.metrics.note_chunks)
        # Makes the pairing link of a code; set by whoever listens.
        self.link: Callable[[str], str] | None = None

    def start(self) -> None:
        """Begin what goes on beside requests."""
        _log.info("started on %s", self.folder.path)
        given = {row.name: str(row.value) for row in shown_settings(self.settings) if row.where}
        with self.catalogue.write() as connection:
            audit.note(connection, What.STARTED, **given)
        self.sessions.start()
        self.whole_digests.start()
        self.sweeper.start()

    def app(self, allowed_hosts: frozenset[str]) -> ASGIApp:
        context = Context(
            catalogue=self.catalogue,
            accounts=self.accounts,
            uploads=self.uploads,
            endings=self.endings,
            small_files=self.small_files,
            expiry=self.expiry,
            sessions=self.sessions,
            files=self.files,
            changing=self.changing,
            history=self.history,
            whole_digests=self.whole_digests,
            archives=self.archives,
            links=self.links,
            link_door=self.link_door,
            receiving=self.receiving,
            executor=self.executor,
            rates=Rates(
                self.settings.rate_bytes_per_second, self.settings.account_rate_bytes_per_second
            ),
            pairing_link=lambda code: self.link(code) if self.link else None,
            hub=self.hub,
            tickets=Tickets(),
            counts=Counts(self.catalogue, self.sessions.speeds, self.parts.free_bytes),
            metrics=self.metrics,
            readiness=self.readiness,
        )
        people = [auth, accounts, devices, invitations, spaces]
        trees = [moves, versions, folders, trash]
        watching = [events, statistics, audit_routes]
        protocol = [
            *pair.routes,
            *(route for module in people for route in module.routes),
            *uploads.routes,
            *chunks.routes,
            *batch.routes,
            *contents.routes,
            *files.routes,
            *zip.routes,  # before `folders`: it is no folder's id
            *(route for module in trees for route in module.routes),
            *(route for module in watching for route in module.routes),
            *links.routes,
        ]
        starlette = Starlette(
            routes=[
                Mount(API, Router(protocol, redirect_slashes=False)),
                *health.routes,
                *metrics.routes,
                *docs.routes,
                *shared.routes,
                *requests.routes,
            ],
            exception_handlers=answers.HANDLERS,
        )
        starlette.router.redirect_slashes = False
        starlette.state.context = context
        starlette.state.docs = docs.Docs(starlette.routes)
        token = self.settings.metrics_token
        return Gate(
            starlette,
            accounts=self.accounts,
            catalogue=self.catalogue,
            allowed_hosts=allowed_hosts,
            offload=context.offload,
            tickets=context.tickets,
            metrics=self.metrics,
            metrics_token=None if token is None else token.get_secret_value(),
        )

    def stop(self) -> None:
        """Make everything durable and leave the mark of a clean stop. No request is under way any more."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.sweeper.stop(seconds=2)
        self.whole_digests.stop(seconds=2)
        self._sync_what_is_left(seconds=3)
        safe = self.sessions.stop()
        self.catalogue.close()
        if safe:
            self.folder.leave_clean_mark()
        self.folder.close()
        _log.info("stopped%s", "" if safe else ", not cleanly")

    def _sync_what_is_left(self, seconds: float) -> None:
        """Small files that are not synced yet; what takes longer than that is seen to by the next start."""
        end = time.monotonic() + seconds
        try:
            self.tree.sync_small_files(lambda: time.monotonic() < end, rested=False)
        except ProblemError as problem:
            _log.warning("small files: %s", problem.sentence)


def _sync_small_files(tree: Tree, stopping: Event) -> None:
    tree.sync_small_files(lambda: not stopping.is_set())


def _limits(settings: Settings) -> Limits:
    """What is asked of an upload."""
    return Limits(
        most_bytes=settings.upload_most_bytes,
        most_open=settings.uploads_most_open,
        per_minute=settings.uploads_per_minute,
        types=TypeRules(settings.types_allowed, settings.types_denied, settings.type_mismatch),
    )
