"""What of the watching is done again and again, in the sweeper's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from howdah_receiver.accounts import audit
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.jobs.sweeper import Task
from howdah_receiver.settings import Settings
from howdah_receiver.watching.alarms import Alarms
from howdah_receiver.watching.notices import Webhook

ALARM_SECONDS = 60
WEBHOOK_SECONDS = 10
AUDIT_SECONDS = 6 * 3600


def tasks(
    settings: Settings, catalogue: Catalogue, free_bytes: Callable[[], int]
) -> Iterator[Task]:
    url = settings.alarm_webhook
    webhook = Webhook(catalogue, None if url is None else url.get_secret_value())
    alarms = Alarms(catalogue, free_bytes=free_bytes, alarm_free_bytes=settings.alarm_free_bytes)

    def sweep_audit(stopping: threading.Event) -> None:
        audit.sweep(catalogue, settings.audit_seconds, stopping)

    yield Task("alarms", ALARM_SECONDS, alarms.run)
    yield Task("webhook", WEBHOOK_SECONDS, webhook.run)
    yield Task("audit", AUDIT_SECONDS, sweep_audit)
