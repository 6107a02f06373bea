"""Whatever happens to a watched folder, its receiver and its engine: in the end all is where it belongs."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from kit.sim import Simulation, Stage, Wrong
from kit.sim_check import check
from kit.sim_mutants import MUTANTS, Plant
from kit.sim_plan import Plan, plans

IN_MEMORY = Path("/dev/shm")
SEEDS = 500
SOAK_SHARES = 40
"""Each of `SEEDS`: they can be run one by one, and side by side."""


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    # What a thousand engines log would be kept until the end of the test.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    return Stage(monkeypatch)


def simulate(stage: Stage, plan: Plan) -> list[str]:
    """The log of a simulation whose end is right. Raises Wrong."""
    base = Path(tempfile.mkdtemp(dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    sim = Simulation(stage, plan, base)
    try:
        log = sim.run()
        check(sim)
        return log
    finally:
        sim.end()
        shutil.rmtree(base)


def chosen(*, shrink: bool, alike: bool = True) -> settings:
    """`alike`: the same plans in every run: what fails once fails again."""
    return settings(
        max_examples=SEEDS,
        derandomize=alike,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(3600)
def test_random_trees_end_where_they_belong_and_each_time_alike(stage: Stage) -> None:
    @chosen(shrink=True)
    @given(plans())
    def run(plan: Plan) -> None:
        assert simulate(stage, plan) == simulate(stage, plan)

    run()


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("share", range(SOAK_SHARES))
def test_very_many_random_trees_end_where_they_belong_and_each_time_alike(
    stage: Stage, share: int
) -> None:
    @seed(share)
    @chosen(shrink=True, alike=False)
    @given(plans())
    def run(plan: Plan) -> None:
        assert simulate(stage, plan) == simulate(stage, plan)

    run()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", MUTANTS, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_noticed(
    stage: Stage, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)

    @chosen(shrink=False)
    @given(plans())
    def run(plan: Plan) -> None:
        simulate(stage, plan)

    with pytest.raises(Wrong):
        run()
