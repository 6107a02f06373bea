"""`howdah-receiver scrub`."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from howdah_receiver.app import Receiver
from howdah_receiver.care.scrub import Scrub, Scrubbed
from howdah_receiver.control import Line

_TELL_SECONDS = 0.2


def scrub(receiver: Receiver, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """Tells how far it is, and at last what it found."""
    seed = int(arguments.get("seed") or random.SystemRandom().getrandbits(32))
    work = Scrub(
        receiver.catalogue, receiver.files, share=float(arguments.get("share", 1)), seed=seed
    )
    told = 0.0
    so_far = Scrubbed(0)
    for so_far in work.run():
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            yield {"progress": {"done": so_far.bytes, "total": so_far.total_bytes,
                                "found": len(so_far.findings)}}  # fmt: skip
    yield {"result": asdict(so_far)}


COMMANDS = {"scrub": scrub}
