"""The lock pins everything by hash and names no place to fetch from."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "packaging" / "requirements.txt").read_text()
PAGE = (ROOT / "docs" / "licences.md").read_text()


def licences() -> ModuleType:
    """The script beside the lock; a module cannot import it by name, `packaging` is a library."""
    spec = importlib.util.spec_from_file_location("licences", ROOT / "packaging" / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entries() -> list[str]:
    """One string for each requirement, its hashes included."""
    lines = [line for line in LOCK.splitlines() if line and not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", "").splitlines()


def test_every_entry_of_the_lock_is_one_version_with_hashes() -> None:
    assert entries()
    for entry in entries():
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^#]+?)? +(--hash=sha256:[0-9a-f]{64} *)+", entry)


def test_the_lock_names_no_address_and_no_index() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*-", LOCK.replace("    --hash=", ""), re.MULTILINE)
    assert " @ " not in LOCK


def test_the_lock_holds_what_the_project_asks_for() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = wanted["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
        *wanted["dependency-groups"]["dev"],
        *wanted["build-system"]["requires"],
    ]
    versions = licences().locked()
    for requirement in map(Requirement, lines):
        if requirement.name != "howdah":
            assert versions[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_page_of_licences_lists_every_package_that_the_extras_bring() -> None:
    listed = set(re.findall(r"^\| ([\w-]+) \| [\w.]+ \| \S.* \|$", PAGE, re.MULTILINE))
    needed = set(licences().runtime())
    assert {"httpx", "starlette", "msgspec"} <= needed
    # A newer Python needs fewer backports than the page lists.
    assert needed <= listed
    if sys.version_info < (3, 12) and sys.platform == "linux":
        assert licences().page() == PAGE, "run `make licences`"
