"""What `howdah limit` does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import typer

from howdah_common.problems import ProblemError
from howdah_desktop.cli import context, limit_words, moments
from howdah_desktop.cli.exits import Exit
from howdah_desktop.engine import limits_file
from howdah_desktop.engine.attach import LOCK_NAME, STEP_SECONDS, TAKE_OVER_SECONDS
from howdah_desktop.engine.control import RemoteEngine
from howdah_desktop.engine.limit_rules import Limits, Rule, allowed
from howdah_desktop.engine.showing import explain_limits
from howdah_desktop.surroundings import of_this_computer
from howdah_desktop.system import Locked, exclusive_lock


@dataclass(frozen=True, slots=True)
class RuleWish:
    """A rule as it was typed."""

    days: str
    hours: str
    up: str
    down: str
    pause: bool
    before: int


def show(as_json: bool) -> Exit:
    """Raises ProblemError."""
    _print(limits_file.load(context.settings().home), as_json)
    return Exit.DONE


def set_rates(words: Sequence[str], as_json: bool) -> Exit:
    """`up 5MB down off`. Raises ProblemError, typer.BadParameter."""

    def change(limits: Limits) -> Limits:
        ways, rates = words[::2], words[1::2]
        if len(ways) != len(rates) or not set(ways) <= {"up", "down"} or len(set(ways)) < len(ways):
            raise limit_words.BadWords("Write `up 5MB`, or `up 5MB down off`.")
        found = {way: limit_words.rate(text) for way, text in zip(ways, rates, strict=True)}
        return _with(limits, **found)

    return _change(change, as_json)


def set_then(what: str, text: str, as_json: bool) -> Exit:
    """`what`: metered or battery. Raises ProblemError, typer.BadParameter."""
    return _change(lambda limits: _with(limits, **{what: limit_words.then(text)}), as_json)


def set_network(kind: str, as_json: bool) -> Exit:
    """Raises ProblemError."""
    return _change(lambda limits: _with(limits, network=kind), as_json)


def add_rule(wish: RuleWish, as_json: bool) -> Exit:
    """Raises ProblemError, typer.BadParameter."""

    def change(limits: Limits) -> Limits:
        begin, end = limit_words.hours(wish.hours)
        rule = Rule(
            begin=begin,
            end=end,
            days=limit_words.days(wish.days),
            up=limit_words.rate(wish.up) if wish.up else None,
            down=limit_words.rate(wish.down) if wish.down else None,
            pause=wish.pause,
        )
        rules = list(limits.rules)
        rules.insert(wish.before - 1 if wish.before else len(rules), rule)
        return _with(limits, rules=tuple(rules))

    return _change(change, as_json)


def remove_rule(number: int, as_json: bool) -> Exit:
    """Raises ProblemError, typer.BadParameter."""

    def change(limits: Limits) -> Limits:
        if number > len(limits.rules):
            raise limit_words.BadWords(f"There is no rule {number}; `howdah limit` shows them.")
        rules = limits.rules[: number - 1] + limits.rules[number:]
        return _with(limits, rules=rules)

    return _change(change, as_json)


def _with(limits: Limits, **changes: Any) -> Limits:
    """Raises ValueError, as a new one does: msgspec's replace checks nothing."""
    return Limits(**{name: getattr(limits, name) for name in Limits.__struct_fields__} | changes)


def _change(change: Callable[[Limits], Limits], as_json: bool) -> Exit:
    home = context.settings().home
    before = limits_file.load(home)
    try:
        limits = change(before)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    _keep(home, limits)
    _print(limits, as_json)
    return Exit.DONE


def _keep(home: Path, limits: Limits) -> None:
    """Through the engine, if one runs, so that it holds at once; else in its place. Raises ProblemError."""
    deadline = time.monotonic() + TAKE_OVER_SECONDS
    while True:
        try:
            with exclusive_lock(home / LOCK_NAME):
                limits_file.save(home, limits)
                return
        except Locked:
            pass
        try:
            engine = RemoteEngine(home)
        except ProblemError:  # it is just starting, or ending
            if time.monotonic() > deadline:
                raise
            time.sleep(STEP_SECONDS)
            continue
        try:
            engine.set_limits(limits)
            return
        finally:
            engine.close()


def _print(limits: Limits, as_json: bool) -> None:
    now = time.time()
    around = of_this_computer()
    # Asking costs a moment, so only where something depends on it.
    asks_network = limits.metered != "off" and limits.network == "auto"
    found = allowed(
        limits,
        now,
        None,
        around.metered() if asks_network else None,
        around.on_battery() if limits.battery != "off" else None,
    )
    if as_json:
        print(json.dumps({"event": "limits", **msgspec.to_builtins(limits), "now": asdict(found)}))
        return
    print(f"up {limit_words.rate_words(limits.up)}, down {limit_words.rate_words(limits.down)}")
    for number, rule in enumerate(limits.rules, 1):
        print(f"rule {number}: {limit_words.rule_words(rule)}")
    network = "" if limits.network == "auto" else f" (it is set to {limits.network})"
    print(f"on a metered network: {limit_words.then_words(limits.metered)}{network}")
    print(f"on battery: {limit_words.then_words(limits.battery)}")
    until = "" if found.next_change is None else f", until {moments.shown(found.next_change, now)}"
    if found.paused:
        print(
            f"now: paused{until if found.paused == 'schedule' else ''}. {explain_limits(found.paused)[0]}"
        )
        return
    why = "" if found.rule is None else f" (rule {found.rule})"
    up, down = limit_words.rate_words(found.up), limit_words.rate_words(found.down)
    print(f"now: up {up}, down {down}{why}{until}")
