"""`howdah-receiver scrub` and `scan`."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from howdah_receiver.app import Receiver
from howdah_receiver.care.scan import Scan, Scanned
from howdah_receiver.care.scrub import Scrub, Scrubbed
from howdah_receiver.catalogue import spaces
from howdah_receiver.control import Line
from howdah_receiver.errors import StartRefused

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


def scan(receiver: Receiver, arguments: Mapping[str, Any]) -> Iterator[Line]:
    """Tells how far it is, and at last, space by space, what was found."""
    with receiver.catalogue.read() as connection:
        wanted = arguments.get("space")
        chosen = [space for space in spaces.all_of_them(connection) if wanted in (None, space.name)]
        total = sum(spaces.used_files(connection, space.id) for space in chosen)
    if not chosen:
        raise StartRefused(
            f"There is no space {wanted!r}.", "`howdah-receiver space list` names them all."
        )
    results, told, done = [], 0.0, 0
    for space in chosen:
        work = Scan(
            receiver.catalogue, receiver.folder, receiver.tree, space,
            forget=bool(arguments.get("forget")),
        )  # fmt: skip
        found = Scanned(space.name)
        for found in work.run():
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                yield {"progress": {"done": done + found.looked_at, "total": total}}
        done += found.looked_at
        results.append(asdict(found))
    receiver.whole_digests.wake()
    yield {"result": {"spaces": results}}


COMMANDS = {"scrub": scrub, "scan": scan}
