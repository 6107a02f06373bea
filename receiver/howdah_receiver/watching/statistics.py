"""What came, what comes and what is kept, an account or all. Counted where it changes, by triggers and in the
transactions that publish: nothing here goes through files or versions, however many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import reduce

from sqlalchemy import Connection, Row, Select, func, select

from howdah_common.messages_watching import (
    AccountFigures,
    Arrived,
    Figures,
    SpeedFigures,
    Statistics,
    Stored,
    UploadFigures,
)
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import accounts, arrivals, spaces, uploads
from howdah_receiver.catalogue.uploads import DAY_NS
from howdah_receiver.uploads.speeds import Speed, Speeds
from howdah_receiver.uploads.states import TRANSITIONS, UploadState

_THURSDAY = 3
"""1970-01-01 was one, counted from Monday."""
_ACTIVE = (UploadState.OPEN.value, UploadState.COMPLETING.value)
_UNENDED = tuple(state.value for state, following in TRANSITIONS.items() if following)
"""Those that may hold room."""

Found = Mapping[str, Row[tuple[object, ...]]]


class Counts:
    """Thread-safe."""

    def __init__(
        self,
        catalogue: Catalogue,
        speeds: Speeds,
        free_bytes: Callable[[], int],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._catalogue = catalogue
        self._speeds = speeds
        self._free_bytes = free_bytes
        self._now_ns = now_ns

    def own(self, caller: Caller) -> Statistics:
        """Of the caller's account."""
        ((_, _, figures),) = self._figures(caller.account_id)
        return Statistics(figures=figures, free_bytes=self._free_bytes())

    def of_all(self) -> Statistics:
        """Of all accounts, and of each."""
        found = self._figures(None)
        rows = [AccountFigures(account=a, name=name, figures=figures) for a, name, figures in found]
        return Statistics(
            figures=reduce(_sum, (row.figures for row in rows), NOTHING),
            free_bytes=self._free_bytes(),
            accounts=rows,
        )

    def _figures(self, account_id: str | None) -> list[tuple[str, str, Figures]]:
        """(id, name, figures), by name."""
        today = self._now_ns() // DAY_NS
        monday = today - (today + _THURSDAY) % 7
        with self._catalogue.read() as connection:
            found = {
                "names": _by_account(connection, _names(), account_id),
                "active": _by_account(connection, _active(), account_id),
                "stored": _by_account(connection, _stored(), account_id),
                "reserved": _by_account(connection, _reserved(), account_id),
                "today": _by_account(connection, _arrived(today, today), account_id),
                "week": _by_account(connection, _arrived(monday, today), account_id),
            }
        return [
            (account, str(row.name), self._put_together(account, found))
            for account, row in found["names"].items()
        ]

    def _put_together(self, account: str, found: Mapping[str, Found]) -> Figures:
        def figures(of: str) -> dict[str, int]:
            row = found[of].get(account)
            names = {} if row is None else row._mapping
            return {str(name): int(names[name] or 0) for name in names if name != "account_id"}

        reserved = figures("reserved").get("reserved_bytes", 0)
        stored = figures("stored")
        replaced, trashed = stored.get("version_bytes", 0), stored.get("trash_bytes", 0)
        used = {**NOTHING_STORED, **stored, "reserved_bytes": reserved}
        used["bytes"] -= replaced + trashed + reserved
        used["files"] -= used["trash_files"]
        return Figures(
            uploads=UploadFigures(**{**NO_UPLOADS, **figures("active")}),
            speed=_speed(self._speeds.of(account)),
            today=Arrived(**{**NO_ARRIVALS, **figures("today")}),
            week=Arrived(**{**NO_ARRIVALS, **figures("week")}),
            stored=Stored(**used),
        )


NO_UPLOADS = {"count": 0, "size": 0, "received_bytes": 0}
NO_ARRIVALS = {"files": 0, "bytes": 0}
NOTHING_STORED = dict.fromkeys(Stored.__struct_fields__, 0)
NOTHING = Figures(
    uploads=UploadFigures(**NO_UPLOADS),
    speed=SpeedFigures(bytes_per_second=0, hour_bytes=0, hour_bytes_per_second=0),
    today=Arrived(**NO_ARRIVALS),
    week=Arrived(**NO_ARRIVALS),
    stored=Stored(**NOTHING_STORED),
)


def _speed(speed: Speed) -> SpeedFigures:
    return SpeedFigures(
        bytes_per_second=speed.bytes_per_second,
        hour_bytes=speed.hour_bytes,
        hour_bytes_per_second=speed.hour_bytes_per_second,
    )


def _sum(one: Figures, other: Figures) -> Figures:
    """Member by member; of speeds, what all accounts make together."""
    return Figures(
        **{
            name: type(mine)(
                **{
                    member: getattr(mine, member) + getattr(theirs, member)
                    for member in mine.__struct_fields__
                }
            )
            for name in Figures.__struct_fields__
            for mine, theirs in [(getattr(one, name), getattr(other, name))]
        }
    )


# -- the queries, each with `account_id`


def _by_account(
    connection: Connection, query: Select[tuple[object, ...]], account_id: str | None
) -> Found:
    column = query.selected_columns.account_id
    if account_id is not None:
        query = query.where(column == account_id)
    return {str(row.account_id): row for row in connection.execute(query)}


def _names() -> Select[tuple[object, ...]]:
    return select(accounts.c.id.label("account_id"), accounts.c.name).order_by(accounts.c.name)


def _active() -> Select[tuple[object, ...]]:
    return (
        select(
            uploads.c.account_id,
            func.count().label("count"),
            func.sum(uploads.c.size).label("size"),
            func.sum(uploads.c.received_bytes).label("received_bytes"),
        )
        .where(uploads.c.state.in_(_ACTIVE))
        .group_by(uploads.c.account_id)
    )


def _stored() -> Select[tuple[object, ...]]:
    return select(
        spaces.c.account_id,
        func.sum(spaces.c.used_bytes).label("bytes"),
        func.sum(spaces.c.used_files).label("files"),
        func.sum(spaces.c.kept_versions).label("versions"),
        func.sum(spaces.c.kept_bytes).label("version_bytes"),
        func.sum(spaces.c.trash_files).label("trash_files"),
        func.sum(spaces.c.trash_bytes).label("trash_bytes"),
    ).group_by(spaces.c.account_id)


def _reserved() -> Select[tuple[object, ...]]:
    """In the spaces of the account, whoever sends."""
    return (
        select(spaces.c.account_id, func.sum(uploads.c.reserved_bytes).label("reserved_bytes"))
        .join(uploads, uploads.c.space_id == spaces.c.id)
        .where(uploads.c.state.in_(_UNENDED))
        .group_by(spaces.c.account_id)
    )


def _arrived(first_day: int, last_day: int) -> Select[tuple[object, ...]]:
    return (
        select(
            arrivals.c.account_id,
            func.sum(arrivals.c.files).label("files"),
            func.sum(arrivals.c.bytes).label("bytes"),
        )
        .where(arrivals.c.day.between(first_day, last_day))
        .group_by(arrivals.c.account_id)
    )
