"""docs/embedding.md is true: its code runs, and its tables are those of the code."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from howdah_common.problems import PROBLEMS
from howdah_receiver import embedded
from howdah_receiver.embedded import EmbeddedReceiver
from howdah_receiver.embedded.results import Result

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "embedding.md").read_text()
RESULTS = [
    thing
    for thing in vars(embedded).values()
    if isinstance(thing, type) and issubclass(thing, Result)
]
METHODS = [
    name for name in vars(EmbeddedReceiver) if not name.startswith("_") and name.isidentifier()
]


def test_its_python_runs_as_it_stands(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(short_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    try:
        for block in blocks:
            exec(compile(block, "docs/embedding.md", "exec"), names)
    finally:
        if isinstance(names.get("receiver"), EmbeddedReceiver):
            names["receiver"].close()
    stored = short_path / "uploads" / "files" / "owner" / "notes.txt"
    assert capsys.readouterr().out.startswith(f"{stored} 3000000 0.")
    assert stored.read_bytes() == names["content"]


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_each_result_is_listed_with_its_very_fields(kind: type[Result]) -> None:
    section = re.search(rf"^### {kind.__name__}\n(.*?)^##", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None
    listed = re.findall(r"^\| `(\w+)` \|", section[1], re.MULTILINE)
    assert listed == [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]


def test_no_result_is_listed_that_is_none() -> None:
    listed = set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))
    assert listed == {kind.__name__ for kind in RESULTS}
    assert len(RESULTS) == 7


@pytest.mark.parametrize("name", METHODS)
def test_each_method_is_listed_as_it_is_called_and_with_what_it_raises(name: str) -> None:
    method = getattr(EmbeddedReceiver, name)
    row = re.search(rf"^\| `({name}\(.*?\))` \|(.*)\|(.*)\|$", PAGE, re.MULTILINE)
    assert row is not None
    assert row[1] == f"{name}{_shown(inspect.signature(method))}"
    says = inspect.getdoc(method) or ""
    raised = says.partition("Raises UploadError")[2]
    missing = _codes(raised) - _codes(row[3])
    assert not missing
    # A digest that is none is a matter of arguments: the page tells, the docstring may leave it out.
    assert _codes(row[3]) - _codes(raised) <= {"bad_request"}


def test_the_constructor_is_shown_as_it_is_called() -> None:
    shown = _shown(inspect.signature(EmbeddedReceiver.__init__))
    assert f"`EmbeddedReceiver{shown}`" in PAGE


def test_every_code_on_the_page_is_one_of_the_table() -> None:
    for code in ("upload_incomplete", "chunk_conflict", "storage_full"):
        assert code in _codes(PAGE)
    looks_like_one = set(re.findall(r"`((?:bad|upload|chunk|storage|file|path)_\w+)`", PAGE))
    known = {"upload_id", "chunk_size", "chunk_number", "file_id", "upload_chunk"}
    assert looks_like_one - known <= set(PROBLEMS)


def test_results_become_json_without_the_paths_of_the_disk(short_path: Path) -> None:
    with EmbeddedReceiver(short_path / "data") as face:
        upload = face.start_upload("a", 1)
        answers: list[Result] = [
            upload,
            face.get_status(upload.upload_id),
            face.resume_upload(upload.upload_id),
            face.upload_chunk(upload.upload_id, 0, b"!"),
            face.get_status(upload.upload_id),
            face.complete_upload(upload.upload_id),
            face.verify_chunk(upload.upload_id, 0),
            face.get_statistics(),
        ]
    assert {type(answer) for answer in answers} == set(RESULTS)
    for answer in answers:
        text = json.dumps(answer.as_dict())
        assert str(short_path) not in text
    missing = answers[2].as_dict()["missing"]
    assert missing == [0]
    assert re.match(r"\d{4}-\d\d-\d\dT.*\+00:00$", answers[1].as_dict()["started"])


def _codes(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]+(?:_[a-z0-9]+)+", text) if word in PROBLEMS}


def _shown(signature: inspect.Signature) -> str:
    """As a reader would write it, without types."""
    without = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in signature.parameters.values()
        if each.name != "self"
    ]
    shown = str(inspect.Signature(without))
    return shown.replace("'", '"')
