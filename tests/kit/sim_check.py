"""What must be true when a simulation has come to rest."""

from __future__ import annotations

import os

from howdah_desktop.engine.explaining import explain_path
from howdah_desktop.folders.ignore import Ignore
from kit.sim import TARGET, Simulation, Wrong

_DEFAULTS = Ignore.of()
_NOT_LOOKED_AT = ("It was not seen yet", "An earlier version is there")


def check(sim: Simulation) -> None:
    """Raises Wrong."""
    carried = [path for path in sim.disk.files() if not is_left_out(sim, path)]
    _check_contents(sim, carried)
    _check_reasons(sim)
    _check_others(sim)
    if sim.plan.mirror and not sim.plan.others:
        _check_equal(sim, carried)
    if not sim.plan.mirror:
        _check_nothing_lost(sim)


def is_left_out(sim: Simulation, path: str) -> bool:
    """By one of the rules that hold by default."""
    names = path.split("/")
    return any(
        _DEFAULTS.rule_for(
            "/".join(names[:n]), name, (sim.root / "/".join(names[: n + 1])).is_dir()
        )
        for n, name in enumerate(names)
    )


def _check_contents(sim: Simulation, carried: list[str]) -> None:
    """Each file stands there as it is here, where the ledger says."""
    ledger = sim.engine_now._ledger
    for path in carried:
        known = ledger.known(sim.folder, path.encode())
        if known is None:
            raise Wrong(f"nothing is known of {path}")
        there = sim.receiver.files.get(known.remote)
        if there is None:
            raise Wrong(f"{path} is not at {known.remote}")
        if there.content != sim.disk.read(path) and there.content not in sim.others.values():
            raise Wrong(
                f"{path} is {there.content[:40]!r} there, {sim.disk.read(path)[:40]!r} here"
            )


def _check_reasons(sim: Simulation) -> None:
    ledger = sim.engine_now._ledger
    files = set(sim.disk.files())
    for path in sim.disk.entries():
        said = explain_path(ledger, os.fsencode(sim.root / path))
        if not said.sentence or (not said.is_there and said.sentence.startswith(_NOT_LOOKED_AT)):
            raise Wrong(f"{path}: {said}")
        if said.is_there and path in files:
            there = sim.receiver.files.get(said.remote)
            right = {sim.disk.read(path), *sim.others.values()}
            if there is None or there.content not in right:
                raise Wrong(f"{path} is not there, though it says: {said.sentence}")
        if not said.is_there and not is_left_out(sim, path) and path in files:
            raise Wrong(f"{path} is not there, as it says: {said.sentence}")


def _check_others(sim: Simulation) -> None:
    """What somebody else put there stands somewhere in the tree."""
    contents = {file.content for file in sim.receiver.files.values()}
    for path, content in sim.others.items():
        if content not in contents:
            raise Wrong(f"what somebody else put to {path} is gone")


def _check_equal(sim: Simulation, carried: list[str]) -> None:
    folders = [path for path in sim.disk.folders() if not is_left_out(sim, path)]
    here = {f"{TARGET}/{path}": sim.disk.read(path) for path in carried}
    there = {path: file.content for path, file in sim.receiver.files.items()}
    if here != there:
        more = sorted(there.keys() - here.keys())
        raise Wrong(f"there only: {more}, here only: {sorted(here.keys() - there.keys())}")
    here_folders = {f"{TARGET}/{path}" for path in folders} | {TARGET}
    if here_folders != set(sim.receiver.folders):
        raise Wrong(
            f"folders there only: {sorted(set(sim.receiver.folders) - here_folders)},"
            f" here only: {sorted(here_folders - set(sim.receiver.folders))}"
        )


def _check_nothing_lost(sim: Simulation) -> None:
    if "trash" in sim.receiver.acts:
        raise Wrong("a backup has deleted something there")
