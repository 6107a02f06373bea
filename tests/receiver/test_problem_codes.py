"""Every problem that can cross the wire has a test here that provokes it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from howdah_common.problems import PROBLEMS

HERE = Path(__file__).parent
ON_THE_WIRE = sorted(code for code, problem in PROBLEMS.items() if problem.status)


def codes_by_test() -> dict[str, set[str]]:
    """The names of problems that stand in each test, as words of their own."""
    found: dict[str, set[str]] = {}
    for path in HERE.glob("test_*.py"):
        if path == Path(__file__):
            continue
        for test in ast.parse(path.read_text()).body:
            if isinstance(test, ast.FunctionDef):
                words = {
                    node.value
                    for node in ast.walk(test)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                }
                found[f"{path.name}::{test.name}"] = words & PROBLEMS.keys()
    return found


@pytest.mark.parametrize("code", ON_THE_WIRE)
def test_a_problem_is_provoked(code: str) -> None:
    assert [test for test, codes in codes_by_test().items() if code in codes]


def test_only_what_crosses_the_wire_is_expected_of_a_receiver() -> None:
    named = set().union(*codes_by_test().values())
    assert named <= set(ON_THE_WIRE) | {"offline", "interrupted", "certificate_untrusted"}
