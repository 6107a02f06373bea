"""The pairing, and the receiver at its other end."""

from __future__ import annotations

import time
from collections.abc import Iterator

from howdah_common.problems import ProblemError
from howdah_desktop.doctor.finding import Finding, ok, problem, warning
from howdah_desktop.remote import secrets
from howdah_desktop.remote.paired import PairedReceiver
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.remote.secrets import TokenPlace
from howdah_desktop.settings import Settings

MOST_SKEW_SECONDS = 300.0


def token(settings: Settings) -> Iterator[Finding]:
    place = secrets.place_of_token()
    if place is TokenPlace.KEYRING:
        yield ok("token", secrets.told(place))
    elif place is TokenPlace.FILE:
        yield warning(
            "token",
            secrets.told(place),
            "Where a keyring works, pair again to have it there; else keep this disk encrypted.",
        )


def receiver(settings: Settings) -> Iterator[Finding]:
    try:
        paired = secrets.load()
    except ProblemError as error:
        yield problem("pairing", error.sentence, error.remedy)
        return
    yield ok("pairing", f"With {paired.receiver_name} at {paired.address} as {paired.account}.")
    try:
        there = Receiver(paired, connections=1)
    except ProblemError as error:
        yield problem("receiver", error.sentence, error.remedy)
        return
    try:
        yield from _asked(there, paired)
    finally:
        there.close()


def _asked(there: Receiver, paired: PairedReceiver) -> Iterator[Finding]:
    began = time.monotonic()
    try:
        there.list("", per_page=1)
    except ProblemError as error:
        yield problem("receiver", error.sentence, error.remedy)
    else:
        took = (time.monotonic() - began) * 1000
        yield ok("receiver", f"It answers in {took:.0f} ms; {_trust(paired)}.")
        if there.catalogue != paired.catalogue:
            yield warning(
                "receiver",
                "Its catalogue is another than the one paired with: it was begun anew.",
                "If that was on purpose, pair again; else ask whoever runs it.",
            )
    yield from _clock(there.clock_ahead_seconds)


def _trust(paired: PairedReceiver) -> str:
    if paired.pin is not None:
        return "it shows the certificate that was paired with"
    if paired.address.startswith("https:"):
        return "an authority that this computer trusts vouches for it"
    return "it is on this machine, without TLS"


def _clock(ahead_seconds: float | None) -> Iterator[Finding]:
    """Nothing goes by it: times of files are those of their own machine."""
    if ahead_seconds is None:
        return
    apart = abs(ahead_seconds)
    if apart <= MOST_SKEW_SECONDS:
        yield ok("clock", f"It and the receiver's are at most {max(1, round(apart))} s apart.")
        return
    side = "ahead of" if ahead_seconds > 0 else "behind"
    yield warning(
        "clock",
        f"The receiver's clock is {apart / 60:.0f} minutes {side} this one.",
        "Set both by a time server: times in lists and logs do not fit, and certificates may not count.",
    )
