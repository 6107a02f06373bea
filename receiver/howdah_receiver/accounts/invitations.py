"""Invitations: a code that is good for one account. Only its SHA-256 is kept."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from sqlalchemy import Connection, select

from howdah_common.problems import ProblemError
from howdah_receiver.accounts import audit, names
from howdah_receiver.accounts.audit import What
from howdah_receiver.accounts.secrets import new_code, sha256_of, typed
from howdah_receiver.catalogue import spaces
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import invitations
from howdah_receiver.ids import new_id

_CODE_GROUPS = 8
"""160 bits: it lives for days, and is no use to whoever tries."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Invitation:
    id: str
    email: str | None
    role: str
    space_id: str | None
    space_role: str | None
    created_ns: int
    expires_ns: int


_COLUMNS = (
    invitations.c.id,
    invitations.c.email,
    invitations.c.role,
    invitations.c.space_id,
    invitations.c.space_role,
    invitations.c.created_ns,
    invitations.c.expires_ns,
)


class Invitations:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def create(
        self,
        *,
        by_account_id: str | None,
        email: str | None,
        role: str,
        space_id: str | None,
        space_role: str,
        days: int,
    ) -> tuple[Invitation, str]:
        """With its code, which is shown this once. Raises ProblemError: bad_email, not_found."""
        now_ns, code = time.time_ns(), new_code(_CODE_GROUPS)
        new = Invitation(
            id=new_id(),
            email=None if email is None else names.checked_email(email),
            role=role,
            space_id=space_id,
            space_role=space_role if space_id else None,
            created_ns=now_ns,
            expires_ns=now_ns + days * 24 * 3600 * 10**9,
        )
        with self._catalogue.write() as connection:
            if space_id is not None and spaces.find(connection, space_id) is None:
                raise ProblemError("not_found", "There is no such space.")
            values = {column.name: getattr(new, column.name) for column in _COLUMNS}
            connection.execute(
                invitations.insert().values(
                    **values, code_sha256=sha256_of(code), account_id=by_account_id
                )
            )
            connection.execute(invitations.delete().where(invitations.c.expires_ns <= now_ns))
            audit.note(
                connection, What.INVITED, invitation=new.id, email=new.email, role=role,
                space=space_id,
            )  # fmt: skip
        _log.info("invitation %s is made, for %s", new.id, email or "whoever has it")
        return new, code

    def list(self) -> list[Invitation]:
        """Those that are still good, newest first."""
        query = (
            select(*_COLUMNS)
            .where(invitations.c.expires_ns > time.time_ns())
            .order_by(invitations.c.created_ns.desc())
        )
        with self._catalogue.read() as connection:
            return [Invitation(**row._mapping) for row in connection.execute(query)]

    def remove(self, invitation_id: str) -> None:
        """Raises ProblemError (not_found)."""
        with self._catalogue.write() as connection:
            statement = invitations.delete().where(invitations.c.id == invitation_id)
            if not connection.execute(statement).rowcount:
                raise ProblemError("not_found", "There is no such invitation.")
            audit.note(connection, What.INVITATION_REVOKED, invitation=invitation_id)

    def find(self, code: str, email: str) -> Invitation:
        """Raises ProblemError: invitation_refused (wrong, used, expired, for another address), bad_email."""
        query = select(*_COLUMNS).where(
            invitations.c.code_sha256 == sha256_of(typed(code)),
            invitations.c.expires_ns > time.time_ns(),
        )
        with self._catalogue.read() as connection:
            row = connection.execute(query).first()
        if row is None or row.email not in (None, names.checked_email(email)):
            raise ProblemError("invitation_refused")
        return Invitation(**row._mapping)

    def use(self, connection: Connection, invitation: Invitation, account_id: str) -> None:
        """For the account that was made with it. Raises ProblemError (invitation_refused) where another was
        quicker."""
        statement = invitations.delete().where(invitations.c.id == invitation.id)
        if not connection.execute(statement).rowcount:
            raise ProblemError("invitation_refused")
        if invitation.space_id is not None:
            spaces.set_role(
                connection, invitation.space_id, account_id, invitation.space_role or "writer"
            )
