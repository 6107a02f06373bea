"""The page of settings is that of the code."""

from __future__ import annotations

import runpy
from pathlib import Path

from howdah_receiver.settings import Settings
from howdah_receiver.settings.groups import GROUPS

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_settings_shows_the_fields_as_they_are() -> None:
    page = runpy.run_path(str(ROOT / "packaging" / "settings_page.py"))["page"]()
    assert page == (ROOT / "docs" / "settings.md").read_text(), "run `make docs`"


def test_every_setting_is_in_a_group_and_says_what_it_is_for() -> None:
    in_groups = [name for group in GROUPS for name in group.model_fields]
    assert sorted(in_groups) == sorted(Settings.model_fields)
    for group in GROUPS:
        for name, field in group.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name


def test_no_name_is_taken_for_the_file_of_another() -> None:
    names = set(Settings.model_fields)
    assert not [name for name in names if name.removesuffix("_file") in names - {name}]


def test_a_number_says_its_unit() -> None:
    plain = {"port", "connections", "connections_per_address", "uploads_most_open"}
    plain |= {"uploads_per_minute"}
    for name, field in Settings.model_fields.items():
        if field.annotation in (int, float) and name not in plain:
            assert name.endswith(("_seconds", "_bytes", "_per_second", "_days", "_count")), name
