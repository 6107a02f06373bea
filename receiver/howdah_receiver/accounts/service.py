"""Everything about people, put together: accounts, logins, devices, pairing, invitations, spaces."""

from __future__ import annotations

from howdah_receiver.accounts.attempts import Attempts
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.accounts.callers import Callers
from howdah_receiver.accounts.devices import Devices
from howdah_receiver.accounts.hashing import Hasher
from howdah_receiver.accounts.invitations import Invitations
from howdah_receiver.accounts.logins import Logins
from howdah_receiver.accounts.pairing import Pairing
from howdah_receiver.accounts.people import People
from howdah_receiver.accounts.spaces import Spaces
from howdah_receiver.accounts.tokens import Tokens
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.settings import Settings
from howdah_receiver.storage.folders import DataFolder


class Accounts:
    """Thread-safe, but for `attempts`, which belongs to the event loop."""

    def __init__(self, catalogue: Catalogue, folder: DataFolder, settings: Settings) -> None:
        self.hasher = Hasher(settings.hashing_count)
        self.attempts = Attempts(settings.hashing_count)
        self.tokens = Tokens(catalogue)
        self.callers = Callers(catalogue, self.tokens)
        self.devices = Devices(catalogue, self.callers)
        self.pairing = Pairing(catalogue)
        self.invitations = Invitations(catalogue)
        self.spaces = Spaces(catalogue, folder, self.callers)
        self.logins = Logins(
            catalogue,
            hasher=self.hasher,
            tokens=self.tokens,
            callers=self.callers,
            idle_seconds=settings.login_seconds,
        )
        self.people = People(
            catalogue,
            hasher=self.hasher,
            callers=self.callers,
            logins=self.logins,
            invitations=self.invitations,
            folder_for=self.spaces.folder_for,
            open_to_all=settings.sign_up == "open",
        )

    def create_owner(self) -> None:
        """On a first start: the account `owner` with its home space."""
        self.people.create_owner()

    def first_code(self) -> str | None:
        """A pairing code for the owner that is good until it is used; None once a device was ever paired."""
        return self.pairing.first_code(self.people.owner().id)

    def new_code(self) -> str:
        """A pairing code for the owner, good once and for 15 minutes."""
        return self.pairing.new_code(self.people.owner().id).code

    def caller(self, token: str, address: str | None = None) -> Caller:
        """Whose token this is. Raises ProblemError (not_signed_in)."""
        return self.callers.of(token, address)

    def forget(self) -> None:
        """A device or an account has changed: every token is looked up again."""
        self.callers.forget()
