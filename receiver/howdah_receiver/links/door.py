"""Links for who has their address: what still holds, passwords, and how often. Synchronous; called from
threads.

Whatever is wrong with a link is answered in the same way as for one that never was.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.accounts.hashing import Hasher
from howdah_receiver.catalogue import links as rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.folders import FolderRow
from howdah_receiver.catalogue.links import FoundLink, LinkRow
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.links.attempts import Attempts
from howdah_receiver.links.seals import Seals
from howdah_receiver.links.secret import sha256_of

PASS_SECONDS = 12 * 3600
"""So long is a password not asked for again."""
TICKET_SECONDS = 3600
"""So long may a download be taken up again without counting as another."""
GRACE_SECONDS = 3600
"""So long may what was begun before the deadline of a request still finish."""
_MOST_KNOWN = 256


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that holds."""

    row: LinkRow
    space: Space
    maker: str
    """The name of the account that made it."""
    subject: FileRow | FolderRow
    """What it leads to now."""

    @property
    def guest(self) -> Caller:
        """Who comes by it. May put files in where it is a request, and sees no others."""
        return Caller(
            account_id=self.row.account_id,
            account_name=self.maker,
            admin=False,
            device_id=f"link:{self.row.id}",
            device_name=self.row.label,
            space_id=self.space.id,
            send_only=True,
            link_id=self.row.id if self.row.kind == "request" else None,
        )

    @property
    def folder(self) -> FolderRow:
        """Of a link to a folder, and of a request."""
        assert isinstance(self.subject, FolderRow)
        return self.subject

    @property
    def file(self) -> FileRow:
        """Of a link to a file or a version."""
        assert isinstance(self.subject, FileRow)
        return self.subject


class LinkDoor:
    """Thread-safe."""

    def __init__(
        self,
        catalogue: Catalogue,
        hasher: Hasher,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._catalogue = catalogue
        self._hasher = hasher
        self._clock_ns = clock_ns
        self._attempts = Attempts()
        self._seals = Seals(catalogue, lambda: clock_ns() / 1e9)
        self._lock = threading.Lock()
        # Passwords that were right a moment ago, as digests, so that a program that sends one along with
        # each request costs one hash and not a thousand. Guarded by the lock.
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def open(
        self, secret: str, *kinds: str, used_up: bool = False, grace: bool = False
    ) -> OpenLink:
        """The link, if it is one of `kinds` and holds. `used_up`: also where no use is left. `grace`: also
        for a while after its time. Raises ProblemError (link_not_found)."""
        with self._catalogue.read() as connection:
            found = rows.by_secret(connection, sha256_of(secret))
            if found is None or not self._holds(found, kinds, used_up, grace):
                raise ProblemError("link_not_found")
            assert found.subject is not None
            space = spaces.by_id(connection, found.row.space_id)
            return OpenLink(found.row, space, found.account_name, found.subject)

    def _holds(self, found: FoundLink, kinds: tuple[str, ...], used_up: bool, grace: bool) -> bool:
        row = found.row
        expires_ns = row.expires_ns
        if expires_ns is not None and grace:
            expires_ns += GRACE_SECONDS * 10**9
        return (
            row.revoked_ns is None
            and (expires_ns is None or self._clock_ns() < expires_ns)
            and (used_up or row.kind == "request" or not row.used_up)
            and (not kinds or row.kind in kinds)
            and found.holds
        )

    # -- passwords

    def try_password(self, link: OpenLink, password: str, address: str) -> str:
        """A note that stands for the right password. `address`: of who tries. It is hashed, and hashing
        has its turns (see `accounts.attempts`). Raises ProblemError: link_password, too_many_attempts."""
        row = link.row
        if row.password_hash is not None:
            self._attempts.begin(row.id, address)
            if not self._hasher.matches(row.password_hash, password):
                raise ProblemError("link_password")
            self._attempts.was_right(row.id, address)
            self._keep(row, password)
        return self._seals.seal(_pass_words(row), PASS_SECONDS)

    def has_pass(self, link: OpenLink, note: str) -> bool:
        """Whether nothing is asked for, or the note stands for the right password."""
        return link.row.password_hash is None or self._seals.holds(_pass_words(link.row), note)

    def knows(self, link: OpenLink, password: str) -> bool:
        """Whether it was right a moment ago, and need not be hashed again."""
        digest = self._digest(link.row, password)
        with self._lock:
            return digest in self._known

    def _keep(self, row: LinkRow, password: str) -> None:
        with self._lock:
            self._known[self._digest(row, password)] = None
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def _digest(self, row: LinkRow, password: str) -> bytes:
        return self._seals.digest(f"{row.id}\0{row.password_hash}\0{password}")

    # -- uses

    def use(self, link: OpenLink, thing: str) -> str:
        """Count a download of `thing`; a ticket with which it may be taken up again.

        Raises ProblemError (link_not_found) where none is left.
        """
        with self._catalogue.write() as connection:
            if not rows.count_use(connection, link.row.id):
                raise ProblemError("link_not_found")
        return self._seals.seal(_ticket_words(link, thing), TICKET_SECONDS)

    def has_ticket(self, link: OpenLink, thing: str, ticket: str) -> bool:
        return self._seals.holds(_ticket_words(link, thing), ticket)


def _pass_words(row: LinkRow) -> str:
    return f"pass {row.id} {row.password_hash}"


def _ticket_words(link: OpenLink, thing: str) -> str:
    return f"ticket {link.row.id} {thing}"
