"""Examples of the messages of what is watched, of the same story as those in `examples`."""

from __future__ import annotations

from howdah_common.messages import FileInfo, Paired, UploadInfo
from howdah_common.messages_watching import (
    AccountFigures,
    Arrived,
    AuditEntry,
    AuditPage,
    Changed,
    EventsTicket,
    Figures,
    SpeedFigures,
    Statistics,
    Stored,
    UploadFigures,
)
from howdah_receiver.api import examples

_FILE, _UPLOAD, _PAIRED = (examples.OF_TYPE[kind] for kind in (FileInfo, UploadInfo, Paired))
assert isinstance(_FILE, FileInfo)
assert isinstance(_UPLOAD, UploadInfo)
assert isinstance(_PAIRED, Paired)
_ACCOUNT = _UPLOAD.client_id[::-1]

CHANGED = Changed(
    number=1,
    time_ns=_FILE.added_ns,
    what="published",
    space=_FILE.space,
    path=_FILE.path,
    file=_FILE.id,
    version=_FILE.version,
    account=_ACCOUNT,
    device=_PAIRED.device,
)
_ARRIVED = Arrived(files=1, bytes=_FILE.size)
_FIGURES = Figures(
    uploads=UploadFigures(count=0, size=0, received_bytes=0),
    speed=SpeedFigures(bytes_per_second=0, hour_bytes=3, hour_bytes_per_second=3),
    today=_ARRIVED,
    week=_ARRIVED,
    stored=Stored(
        bytes=_FILE.size,
        files=1,
        versions=0,
        version_bytes=0,
        trash_files=0,
        trash_bytes=0,
        reserved_bytes=0,
    ),
)

TICKET = EventsTicket(ticket="the-ticket-of-this-page", expires_seconds=30)
STATISTICS = Statistics(
    figures=_FIGURES,
    free_bytes=10**12,
    accounts=[AccountFigures(account=_ACCOUNT, name="owner", figures=_FIGURES)],
)
AUDIT = AuditPage(
    entries=[
        AuditEntry(
            number=2,
            time_ns=_UPLOAD.started_ns,
            what="paired",
            detail={},
            account_id=_ACCOUNT,
            account_name=_PAIRED.account,
            device_id=_PAIRED.device,
            device_name="my laptop",
            address="192.0.2.7",
        )
    ]
)
