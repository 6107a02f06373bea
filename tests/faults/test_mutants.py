"""The list of mutants fits the code: each one still finds its place, exactly once."""

from __future__ import annotations

import ast

import pytest

from faults.mutants import ROOT, Stale, mutated
from faults.mutants_list import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_breaks_one_place_and_is_still_python(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text()
    broken = mutated(mutant, source)
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(source))
    for trial in mutant.trials:
        assert (ROOT / trial.tests[0]).exists()


def test_there_are_mutants_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 14


def test_a_mutant_that_finds_no_place_is_stale() -> None:
    with pytest.raises(Stale, match="mutant is stale"):
        mutated(MUTANTS[0], "another source")
