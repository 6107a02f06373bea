"""The table of problems keeps its promises, and its page shows it as it is."""

from __future__ import annotations

import ast
import importlib.util
import re
import string
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import pytest

from howdah_common import problems
from howdah_common.problems import PROBLEMS, TYPE_PREFIX, Next, Problem, ProblemError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "problems.md"
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
ALL = list(PROBLEMS.values())


def code_id(problem: Problem) -> str:
    return problem.code


def problems_page() -> ModuleType:
    """The script that writes the page; `packaging` is a library and cannot be imported from."""
    script = ROOT / "packaging" / "problems_page.py"
    spec = importlib.util.spec_from_file_location("problems_page", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_as_written() -> list[str]:
    """The codes as they stand in the source: in a mapping, a second one would hide the first."""
    tree = ast.parse(Path(problems.__file__).read_text())
    (table,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PROBLEMS"
    ]
    assert isinstance(table, ast.Call)
    return [ast.literal_eval(row)[0] for row in map(_without_next, table.args)]


def _without_next(row: ast.expr) -> ast.expr:
    """A row without its member of Next, which is no literal."""
    assert isinstance(row, ast.Tuple)
    return ast.Tuple([one for one in row.elts if isinstance(one, ast.Constant)])


def raised_codes(program: str) -> Iterator[tuple[str, str]]:
    """Where a program builds a ProblemError with a code that it spells out, and the code."""
    for path in sorted((ROOT / program).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).rpartition(".")[2] == "ProblemError"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", str(node.args[0].value)


def test_the_page_shows_the_table_as_it_is() -> None:
    assert problems_page().page() == PAGE.read_text(), "run `make docs`"


def test_the_page_has_one_line_for_each_code_under_the_side_that_finds_it() -> None:
    wire, client = PAGE.read_text().split("## What the client finds by itself")
    for page, crosses in ((wire, True), (client, False)):
        codes = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
        assert codes == [problem.code for problem in ALL if (problem.status > 0) == crosses]


def test_what_a_client_does_is_said_for_each_kind() -> None:
    assert set(problems_page().NEXT) == set(Next)


def test_no_two_rows_have_the_same_code() -> None:
    written = rows_as_written()
    assert len(written) > 50
    assert written == list(PROBLEMS)


def test_no_two_problems_say_the_same() -> None:
    sentences = [problem.sentence for problem in ALL]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("problem", ALL, ids=code_id)
def test_a_code_is_snake_case(problem: Problem) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", problem.code)
    assert PROBLEMS[problem.code] is problem
    assert problem.type == f"urn:howdah:problem:{problem.code}"


@pytest.mark.parametrize("problem", ALL, ids=code_id)
def test_a_problem_says_what_happened_and_what_to_do(problem: Problem) -> None:
    for text in (problem.sentence, problem.remedy):
        assert text.endswith(".")
        assert not text.endswith("..")
        assert text[0] in string.ascii_uppercase
        assert text == " ".join(text.split())
        assert "|" not in text  # would break the page's table
    # One sentence: a detail follows it.
    assert ". " not in problem.sentence


@pytest.mark.parametrize("problem", ALL, ids=code_id)
def test_a_status_is_an_error_of_http_or_none_at_all(problem: Problem) -> None:
    assert problem.status == 0 or 400 <= HTTPStatus(problem.status) < 600


@pytest.mark.parametrize("problem", ALL, ids=code_id)
def test_what_says_that_it_goes_on_by_itself_is_no_matter_for_a_person(problem: Problem) -> None:
    if re.search(r"\b(by itself|tries again)\b", problem.remedy):
        assert problem.next is not Next.USER


@pytest.mark.parametrize("status", [408, 429, 503, 507])
def test_a_status_that_means_later_is_tried_again(status: int) -> None:
    found = [problem for problem in ALL if problem.status == status]
    assert found
    assert all(problem.next is Next.RETRY for problem in found)


def test_the_protocol_names_codes_with_the_status_that_carries_them() -> None:
    named = re.findall(r"\b([45]\d\d) `([a-z0-9_]+)`", PROTOCOL)
    assert len(named) > 10
    for status, code in named:
        assert PROBLEMS[code].status == int(status)


@pytest.mark.parametrize("program", ["receiver", "desktop"])
def test_the_programs_raise_codes_of_the_table_only(program: str) -> None:
    raised = list(raised_codes(program))
    assert raised
    assert [where for where in raised if where[1] not in PROBLEMS] == []


def test_a_code_outside_the_table_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError, match="no_such_code"):
        ProblemError("no_such_code")


def test_an_error_tells_what_happened_in_general_in_particular_and_what_to_do() -> None:
    error = ProblemError("storage_full", "5 GB are missing.", {"retry_after_seconds": 10})
    assert error.sentence == "The receiver's disk is full. 5 GB are missing."
    assert str(error) == (
        "The receiver's disk is full. 5 GB are missing."
        " Free some space there; the transfer goes on by itself. (storage_full)"
    )
    assert error.problem.next is Next.RETRY
    assert error.extra == {"retry_after_seconds": 10}


def test_an_error_without_a_detail_is_the_sentence_of_the_table() -> None:
    assert ProblemError("storage_full").sentence == "The receiver's disk is full."


def test_two_errors_are_never_the_same_and_share_nothing() -> None:
    one, other = ProblemError("offline"), ProblemError("offline")
    one.extra["attempt"] = 1
    assert one != other
    assert other.extra == {}


def test_the_types_prefix_is_the_one_that_the_protocol_names() -> None:
    assert f"{TYPE_PREFIX}CODE" in PROTOCOL
