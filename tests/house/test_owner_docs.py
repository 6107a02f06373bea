"""What the docs for owners name is there: pages, places in them, files and commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from howdah_desktop.cli.app import app as client
from howdah_receiver.cli.app import app as receiver

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    for path in re.findall(r"\bpackaging/[\w./-]*\w", page.read_text()):
        assert (ROOT / path).exists(), path


def commands(app: typer.Typer) -> set[str]:
    group = typer.main.get_command(app)
    return set(getattr(group, "commands"))  # noqa: B009  # click's types are not typer's to promise


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_named_are_there(page: Path) -> None:
    pattern = r"(?:^    |`|/)(howdah(?:-receiver)?) ([a-z][a-z-]+)"
    typed = re.findall(pattern, page.read_text(), re.MULTILINE)
    for program, command in typed:
        assert command in commands(receiver if program == "howdah-receiver" else client), (
            program,
            command,
        )
