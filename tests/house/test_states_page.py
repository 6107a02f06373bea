"""The diagram of the states is that of the code."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_states_shows_the_tables_as_they_are() -> None:
    page = runpy.run_path(str(ROOT / "packaging" / "states_page.py"))["page"]()
    assert page == (ROOT / "docs" / "states.md").read_text(), "run `make docs`"
    assert "open --> completing" in page
