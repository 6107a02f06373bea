"""Messages of what an owner watches: events, statistics, the audit log."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from howdah_common.messages import Message, UploadStateName


class EventsTicket(Message, frozen=True):
    """For a browser's page, which can set no headers: `?ticket=` in place of the token, once."""

    ticket: str
    expires_seconds: int


class Hello(Message, frozen=True, tag_field="kind", tag="hello"):
    """The first message. Changes up to number `change` have happened before it."""

    catalogue: str
    change: int
    account: str
    device: str


class Changed(Message, frozen=True, tag_field="kind", tag="change"):
    """Something happened to a tree, and is durable. For a folder and all in it there is one, that of the
    folder.

    `what`: `published`, `changed_outside`, `folder_made`, `moved`, `trashed`, `restored`,
    `version_restored`, `removed`. There will be others.
    """

    number: Annotated[int, Meta(description="Ascending, with gaps; `since` takes it.")]
    time_ns: int
    what: str
    space: str
    path: str
    from_path: Annotated[str | None, Meta(description="Where it was moved from.")] = None
    file: str | None = None
    version: str | None = None
    account: Annotated[
        str | None, Meta(description="Who did it; absent for other hands and the receiver itself.")
    ] = None
    device: str | None = None


class Progress(Message, frozen=True, tag_field="kind", tag="progress"):
    """An upload of this account goes on, or has ended. The newest takes the place of those before."""

    upload: str
    space: str
    path: str
    state: UploadStateName
    size: int | None
    received_bytes: int
    bytes_per_second: Annotated[int, Meta(description="Over the last ten seconds.")] = 0


class SpaceRoom(Message, frozen=True):
    """How full a space is. Without a quota there is no limit but the disk."""

    space: str
    used_bytes: int
    used_files: int
    quota_bytes: int | None = None
    quota_files: int | None = None


class Room(Message, frozen=True, tag_field="kind", tag="room"):
    """How much room there is: at first, and when it has changed by 1 % or 100 MB."""

    free_bytes: int
    spaces: Annotated[
        list[SpaceRoom], Meta(description="Those that this device may read, all of them.")
    ]


class Resync(Message, frozen=True, tag_field="kind", tag="resync"):
    """Changes up to number `change` are not told one by one: look at the trees again."""

    change: int


Event = Hello | Changed | Progress | Room | Resync
"""What comes over the socket, told apart by `kind`."""


class UploadFigures(Message, frozen=True):
    """Uploads on their way. `size`: as far as it is known."""

    count: int
    size: int
    received_bytes: int


class SpeedFigures(Message, frozen=True):
    """What came to count, of all uploads together. The average is over the seconds in which something
    came."""

    bytes_per_second: Annotated[int, Meta(description="Over the last ten seconds.")]
    hour_bytes: Annotated[int, Meta(description="Of the last hour, or since the start.")]
    hour_bytes_per_second: int


class Arrived(Message, frozen=True):
    """What was published."""

    files: int
    bytes: int


class Stored(Message, frozen=True):
    """What is kept. `bytes` and `files`: as it stands; beside it what was replaced, what is in the trash, and
    what uploads have reserved."""

    bytes: int
    files: int
    versions: int
    version_bytes: int
    trash_files: int
    trash_bytes: int
    reserved_bytes: int


class Figures(Message, frozen=True):
    """Days are those of UTC, weeks begin on Monday."""

    uploads: UploadFigures
    speed: SpeedFigures
    today: Arrived
    week: Arrived
    stored: Stored


class AccountFigures(Message, frozen=True):
    """Of one account."""

    account: str
    name: str
    figures: Figures


class Statistics(Message, frozen=True):
    """Of the caller's account; or of all, with each of them."""

    figures: Figures
    free_bytes: int
    accounts: list[AccountFigures] | None = None


class AuditEntry(Message, frozen=True):
    """Who did what. Names are those of today; `address` is absent for the receiver's own commands."""

    number: int
    time_ns: int
    what: str
    detail: dict[str, str | int | bool]
    account_id: str | None = None
    account_name: str | None = None
    device_id: str | None = None
    device_name: str | None = None
    address: str | None = None


class AuditPage(Message, frozen=True):
    """The newest first."""

    entries: list[AuditEntry]
    before: Annotated[
        int | None, Meta(description="Where the next page begins; absent on the last one.")
    ] = None
