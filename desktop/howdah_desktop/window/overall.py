"""What stands around the list: the summary, the footer, the connection card, the banner. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from howdah_common.problems import PROBLEMS
from howdah_desktop.engine.views import LimitsView, Overview, ReceiverView
from howdah_desktop.window import figures
from howdah_desktop.window.look import BannerText, CardState, Column, Tone

_MOVING = ("sending", "fetching", "finishing")
_WAITING = ("new", "settling", "queued", "waiting")
CURVE_SECONDS = 60
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Paired:
    """The receiver that this device belongs to, as it is kept."""

    name: str
    address: str
    account: str
    pin: str | None


def summary(overview: Overview) -> tuple[Column, ...]:
    """Speed, what is left, and how long that takes."""
    up, down = overview.up_bytes_per_second, overview.down_bytes_per_second
    shown = []
    if down and not up:
        shown.append(_rate("Fetching", down))
    else:
        shown.append(_rate("Sending", up))
        if down:
            shown.append(_rate("Fetching", down))
    number, unit = figures.size_parts(overview.left_bytes)
    files = figures.count(overview.left_files, "transfer")
    if overview.left_files:
        shown.append(Column("Left", number, f"{unit} in {files}"))
    else:
        shown.append(Column("Left", "0", "transfers"))
    if overview.seconds_left is not None and overview.left_files:
        shown.append(Column("Done in", *figures.left_parts(overview.seconds_left)))
    else:
        shown.append(Column("Done in", NOTHING, ""))
    return tuple(shown)


def _rate(label: str, bytes_per_second: float | None) -> Column:
    if not bytes_per_second:
        return Column(label, NOTHING, "")
    number, unit = figures.size_parts(bytes_per_second)
    return Column(label, number, f"{unit}/s")


def footer(counts: Mapping[str, int], need: int) -> str:
    """`3 sending, 1 waiting, 1 needs you`; `need`: as many rows as the chip counts."""
    parts = []
    for words, states in (
        ("sending", ("sending", "finishing")),
        ("fetching", ("fetching",)),
        ("waiting", _WAITING),
        ("paused", ("paused",)),
    ):
        number = sum(counts.get(state, 0) for state in states)
        if number:
            parts.append(f"{number:,} {words}")
    if need:
        parts.append(f"{need:,} {'needs' if need == 1 else 'need'} you")
    return ", ".join(parts) or "Nothing on its way"


def on_its_way(counts: Mapping[str, int]) -> int:
    """Files that a closing window would hold up."""
    return sum(counts.get(state, 0) for state in (*_MOVING, *_WAITING))


def card(paired: Paired | None, receiver: ReceiverView, now: float) -> CardState:
    if paired is None:
        return CardState(Tone.WARN, "No receiver yet", "Paste a pairing link to begin")
    safe = _safe(paired)
    detail = f"{paired.account} · {paired.address.partition('://')[2]}"
    if receiver.code is None:
        if not receiver.checked:
            return CardState(Tone.PLAIN, paired.name, "Connecting…", detail, busy=True)
        return CardState(Tone.GOOD, paired.name, f"Connected · {safe}", detail)
    line = PROBLEMS[receiver.code].sentence.rstrip(".")
    again = (
        f"next try in {figures.until(receiver.next_try, now)}"
        if receiver.next_try is not None
        else detail
    )
    tone = Tone.ERROR if receiver.code in NEEDS_A_PERSON else Tone.WARN
    return CardState(tone, paired.name, line, again)


def _safe(paired: Paired) -> str:
    if paired.pin:
        return "TLS pinned"
    return "TLS" if paired.address.startswith("https:") else "On this computer, without TLS"


def alarm(paired: Paired | None, receiver: ReceiverView) -> BannerText | None:
    """Where waiting does not help, and somebody has to do something about the receiver as a whole."""
    if paired is None or receiver.code not in NEEDS_A_PERSON:
        return None
    acts = (("pair", "Pair again…"), ("look", "Check again"))
    if receiver.code == "certificate_changed":
        shown = _FINGERPRINT.findall(receiver.sentence)
        facts = tuple(zip(("It shows", "Paired with"), shown, strict=False))
        return BannerText(
            Tone.ERROR,
            f"{paired.name} shows another certificate",
            "Nothing is sent to it. If it was renewed on purpose, take a new pairing link from it; if not,"
            " somebody may be listening on the line. Everything that is on its way is kept.",
            facts,
            acts,
        )
    if receiver.code in ("not_signed_in", "not_paired"):
        return BannerText(
            Tone.WARN,
            f"{paired.name} does not know this device any more",
            "Run howdah-receiver pair there and paste the new link. What is on its way is kept.",
            acts=acts,
        )
    problem = PROBLEMS[receiver.code]
    return BannerText(Tone.WARN, problem.sentence.rstrip("."), problem.remedy, acts=acts)


def held_back(limits: LimitsView, now: float) -> BannerText | None:
    """Where the limits pause everything: rows stay as they are, and so it is said here."""
    if limits.paused is None:
        return None
    until = "" if limits.next_try is None else f"Until {figures.clock(limits.next_try, now)}. "
    text = until + limits.remedy.replace("`", "")
    return BannerText(Tone.WARN, limits.sentence.rstrip("."), text)


_FINGERPRINT = re.compile(r"sha256:([0-9a-f]{64})")
NEEDS_A_PERSON = frozenset(
    {
        "certificate_changed",
        "certificate_untrusted",
        "not_signed_in",
        "not_paired",
        "insecure_address",
        "redirect_refused",
        "host_not_allowed",
    }
)
"""Waiting does not help: a banner says what does."""
