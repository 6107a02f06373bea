"""Links for who is signed in: made, listed, revoked. Synchronous; called from threads."""

from __future__ import annotations

import time

from sqlalchemy import Connection, or_, select

from howdah_common.messages import MOST_PER_PAGE
from howdah_common.messages_links import NewLink
from howdah_common.problems import ProblemError
from howdah_common.remote_path import BadPath, check_folder
from howdah_receiver.accounts.audit import What, note
from howdah_receiver.accounts.caller import Caller, Right
from howdah_receiver.accounts.hashing import Hasher
from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue import folders as folder_rows
from howdah_receiver.catalogue import links as rows
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.files import FileRow
from howdah_receiver.catalogue.links import FoundLink, LinkRow
from howdah_receiver.catalogue.tables import links, memberships
from howdah_receiver.ids import new_id
from howdah_receiver.links.secret import new_secret, sha256_of

_MOST_NS = 2**63 - 1


class Links:
    """Thread-safe. A caller sees the links that its account made, and those of spaces that it owns; a
    device that may only send sees none and makes none."""

    def __init__(self, catalogue: Catalogue, hasher: Hasher, public_url: str | None = None) -> None:
        """`public_url`: what people call the receiver by, where that is not what the request says."""
        self._catalogue = catalogue
        self._hasher = hasher
        self.public_url = public_url

    def make(self, caller: Caller, asked: NewLink) -> tuple[str, FoundLink]:
        """The secret, which nobody can tell again, and the link.

        Raises ProblemError: bad_request, bad_path, not_found, not_allowed, file_not_found.
        """
        _check(caller, asked)
        now = time.time_ns()
        expires_ns = _expiry(asked, now)
        with self._catalogue.read() as connection:
            subject = _subject(connection, caller, asked)
        password = asked.password
        password_hash = None if password is None else self._hasher.hash(password)
        secret = new_secret()
        row = LinkRow(
            id=new_id(),
            secret_sha256=sha256_of(secret),
            kind=asked.kind,
            account_id=caller.account_id,
            space_id=subject.space_id,
            file_id=subject.id if asked.kind == "file" else None,
            version_id=asked.version if asked.kind == "version" else None,
            folder_id=subject.id if asked.kind in ("folder", "request") else None,
            label=asked.label,
            password_hash=password_hash,
            created_ns=now,
            expires_ns=expires_ns,
            revoked_ns=None,
            most_uses=asked.most_uses,
            uses=0,
            most_bytes=asked.most_bytes,
            used_bytes=0,
            asks_name=asked.asks_name,
        )
        with self._catalogue.write() as connection:
            rows.insert(connection, row)
            note(connection, What.LINK_MADE, link=row.id, kind=row.kind, path=subject.path)
        return secret, self.find(caller, row.id)

    def find(self, caller: Caller, link_id: str) -> FoundLink:
        """Raises ProblemError (link_not_found), also for what is another's."""
        with self._catalogue.read() as connection:
            return _own(connection, caller, link_id)

    def list(
        self, caller: Caller, *, everything: bool, page: int, per_page: int
    ) -> tuple[list[FoundLink], int]:
        """A page of the links that the caller sees, and how many there are; `everything`: those that were
        revoked or whose time is over as well. Raises ProblemError (bad_request, not_allowed)."""
        if caller.send_only:
            raise ProblemError("not_allowed")
        if not (1 <= page <= 2**31 and 1 <= per_page <= MOST_PER_PAGE):
            raise ProblemError("bad_request", f"page from 1, per_page from 1 to {MOST_PER_PAGE}.")
        owned = select(memberships.c.space_id).where(
            memberships.c.account_id == caller.account_id, memberships.c.role == "owner"
        )
        whose = or_(links.c.account_id == caller.account_id, links.c.space_id.in_(owned))
        if caller.space_id is not None:
            whose = whose & (links.c.space_id == caller.space_id)
        with self._catalogue.read() as connection:
            return rows.page(
                connection,
                whose,
                live_at_ns=None if everything else time.time_ns(),
                first=(page - 1) * per_page,
                count=per_page,
            )

    def revoke(self, caller: Caller, link_id: str) -> None:
        """At once and for good; again: nothing happens. Raises ProblemError (link_not_found)."""
        with self._catalogue.write() as connection:
            _own(connection, caller, link_id)
            revoke(connection, link_id)


def revoke(connection: Connection, link_id: str) -> None:
    if rows.revoke(connection, link_id, time.time_ns()):
        note(connection, What.LINK_REVOKED, link=link_id)


def _check(caller: Caller, asked: NewLink) -> None:
    if caller.send_only:
        raise ProblemError("not_allowed")
    if asked.kind != "request" and (asked.most_bytes is not None or asked.asks_name):
        raise ProblemError("bad_request", "most_bytes and asks_name are for a request.")
    if not all(c.isprintable() for c in asked.label):
        raise ProblemError("bad_request", "The label holds what cannot be printed.")
    names = {"version": asked.version, "file": asked.file}
    given = sorted(name for name, value in names.items() if value is not None)
    if given not in ([], [asked.kind]) or (given and asked.path is not None):
        raise ProblemError("bad_request", "A link leads to one thing: name that alone.")


def _expiry(asked: NewLink, now: int) -> int | None:
    if asked.seconds is None:
        expires_ns = asked.expires_ns
    elif asked.expires_ns is None:
        expires_ns = now + asked.seconds * 10**9
    else:
        raise ProblemError("bad_request", "Give seconds or expires_ns.")
    if expires_ns is not None and not now < expires_ns <= _MOST_NS:
        raise ProblemError("bad_request", "The link would end before it begins, or never.")
    return expires_ns


def _subject(
    connection: Connection, caller: Caller, asked: NewLink
) -> FileRow | folder_rows.FolderRow:
    """What the link is to lead to; the caller may do with it what the link will."""
    need = rows.NEEDS[asked.kind]
    found: FileRow | folder_rows.FolderRow | None
    if asked.version is not None or asked.file is not None:
        if asked.version is not None:
            found = file_rows.of_version(connection, asked.version)
        else:
            found = file_rows.by_id(connection, asked.file or "")
        if found is None or need not in spaces.rights(connection, caller, found.space_id):
            raise ProblemError("file_not_found")
        return found
    try:
        path = check_folder(asked.path or "")
    except BadPath as error:
        raise ProblemError("bad_path", str(error)) from error
    space = spaces.space_for(connection, caller, asked.space, need)
    if asked.kind in ("folder", "request"):
        found = folder_rows.at_path(connection, space.id, path)
    elif asked.kind == "file":
        found = file_rows.at_path(connection, space.id, path)
    else:
        raise ProblemError("bad_request", "Which version?")
    if found is None:
        raise ProblemError("file_not_found")
    return found


def _own(connection: Connection, caller: Caller, link_id: str) -> FoundLink:
    """Raises ProblemError (link_not_found)."""
    found = rows.by_id(connection, link_id)
    if found is None or caller.send_only:
        raise ProblemError("link_not_found")
    in_reach = caller.space_id in (None, found.row.space_id)
    own = found.row.account_id == caller.account_id and in_reach
    if own or Right.MANAGE in spaces.rights(connection, caller, found.row.space_id):
        return found
    raise ProblemError("link_not_found")


def state_of(found: FoundLink, now_ns: int) -> str:
    """What has become of a link: one of LinkState."""
    row = found.row
    if row.revoked_ns is not None:
        return "revoked"
    if row.expires_ns is not None and row.expires_ns <= now_ns:
        return "expired"
    if not found.holds:
        return "ended"
    return "used_up" if row.used_up else "good"
