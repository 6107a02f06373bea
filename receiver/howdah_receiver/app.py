"""The one place that puts the receiver together: its parts, its routes, and who may ask for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.routing import Mount, Router
from starlette.types import ASGIApp

from howdah_common.messages import API
from howdah_receiver.accounts.service import Accounts
from howdah_receiver.api import (
    accounts,
    answers,
    auth,
    chunks,
    devices,
    docs,
    files,
    folders,
    health,
    invitations,
    links,
    pair,
    requests,
    shared,
    spaces,
    uploads,
    zip,
)
from howdah_receiver.api.context import Context
from howdah_receiver.api.gate import Gate
from howdah_receiver.api.rates import Rates
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.migrate import migrate
from howdah_receiver.files.archive import Archives
from howdah_receiver.files.service import Files
from howdah_receiver.jobs.sweeper import Sweeper, Task
from howdah_receiver.jobs.whole_digest import WholeDigests
from howdah_receiver.links.door import LinkDoor
from howdah_receiver.links.receiving import Receiving
from howdah_receiver.links.service import Links
from howdah_receiver.settings import Settings
from howdah_receiver.storage.folders import DataFolder
from howdah_receiver.storage.parts import Parts
from howdah_receiver.storage.tree import Tree
from howdah_receiver.uploads.admission import Admission, Limits
from howdah_receiver.uploads.endings import Endings
from howdah_receiver.uploads.expiry import Expiry
from howdah_receiver.uploads.known import KnownChunks
from howdah_receiver.uploads.recovery import recover
from howdah_receiver.uploads.service import Uploads
from howdah_receiver.uploads.sessions import Sessions
from howdah_receiver.uploads.turns import Turns
from howdah_receiver.uploads.type_rules import TypeRules

THREADS = 32
_log = logging.getLogger(__name__)


class Receiver:
    """All parts of a receiver on one data folder, recovered and ready to answer."""

    def __init__(self, settings: Settings) -> None:
        """Take the folder, bring the catalogue up to date, and recover. Raises StartRefused."""
        self.settings = settings
        self.folder = DataFolder(settings.data)
        try:
            migrate(settings.data)
            self.catalogue = Catalogue(settings.data)
            self.accounts = Accounts(self.catalogue, self.folder, settings)
            self.accounts.create_owner()
            tree = Tree(self.catalogue, self.folder)
            recover(self.catalogue, self.folder, tree)
        except BaseException:
            self.folder.close()
            raise
        parts = Parts(self.folder.parts, settings.free_floor_bytes)
        limits = _limits(settings)
        self.sessions = Sessions(self.catalogue, parts, limits)
        turns = Turns()
        known = KnownChunks(self.catalogue, self.folder)
        admission = Admission(limits)
        self.uploads = Uploads(self.catalogue, parts, self.sessions, known, admission, turns)
        self.endings = Endings(self.catalogue, parts, tree, self.sessions, turns)
        self.expiry = Expiry(
            self.catalogue,
            parts,
            self.sessions,
            turns,
            idle_seconds=settings.upload_idle_seconds,
            recovery_seconds=settings.upload_recovery_seconds,
        )
        self.files = Files(self.catalogue, tree)
        self.archives = Archives(self.catalogue, self.files)
        hasher = self.accounts.hasher
        self.links = Links(self.catalogue, hasher, settings.public_url)
        self.link_door = LinkDoor(self.catalogue, hasher)
        self.receiving = Receiving(self.catalogue, self.uploads, self.endings)
        self.whole_digests = WholeDigests(self.catalogue, tree.outside)
        self.sweeper = Sweeper(
            [
                Task("seen devices", 60, lambda _: self.accounts.callers.write_seen()),
                Task("old logins", 24 * 3600, lambda _: self.accounts.logins.sweep()),
                Task("uploads", self.expiry.every_seconds, self.expiry.run),
            ]
        )
        self.executor = ThreadPoolExecutor(THREADS, thread_name_prefix="work")
        # Makes the pairing link of a code; set by whoever listens.
        self.link: Callable[[str], str] | None = None

    def start(self) -> None:
        """Begin what goes on beside requests."""
        self.sessions.start()
        self.whole_digests.start()
        self.sweeper.start()

    def app(self, allowed_hosts: frozenset[str]) -> ASGIApp:
        context = Context(
            catalogue=self.catalogue,
            accounts=self.accounts,
            uploads=self.uploads,
            endings=self.endings,
            expiry=self.expiry,
            sessions=self.sessions,
            files=self.files,
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
        )
        people = [auth, accounts, devices, invitations, spaces]
        protocol = [
            *pair.routes,
            *(route for module in people for route in module.routes),
            *uploads.routes,
            *chunks.routes,
            *files.routes,
            *zip.routes,  # before `folders`: it is no folder's id
            *folders.routes,
            *links.routes,
        ]
        starlette = Starlette(
            routes=[
                Mount(API, Router(protocol, redirect_slashes=False)),
                *health.routes,
                *docs.routes,
                *shared.routes,
                *requests.routes,
            ],
            exception_handlers=answers.HANDLERS,
        )
        starlette.router.redirect_slashes = False
        starlette.state.context = context
        starlette.state.docs = docs.Docs(starlette.routes)
        return Gate(
            starlette,
            accounts=self.accounts,
            catalogue=self.catalogue,
            allowed_hosts=allowed_hosts,
            offload=context.offload,
        )

    def stop(self) -> None:
        """Make everything durable and leave the mark of a clean stop. No request is under way any more."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        self.sweeper.stop(seconds=2)
        self.whole_digests.stop(seconds=2)
        safe = self.sessions.stop()
        self.catalogue.close()
        if safe:
            self.folder.leave_clean_mark()
        self.folder.close()
        _log.info("stopped%s", "" if safe else ", not cleanly")


def _limits(settings: Settings) -> Limits:
    """What is asked of an upload."""
    return Limits(
        most_bytes=settings.upload_most_bytes,
        most_open=settings.uploads_most_open,
        per_minute=settings.uploads_per_minute,
        types=TypeRules(settings.types_allowed, settings.types_denied, settings.type_mismatch),
    )
