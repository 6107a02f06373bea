"""What lies in the repository holds for every machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Where packages are fetched from, and folders outside the checkout, are each machine's own
# matter. Written in pieces, so that this file passes its own test.
ELSEWHERE = re.compile(
    "|".join(
        [
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            "registry" + r"\.npmjs",
            "--(?:extra-)?" + "index-url[ =]",
            "(?<![a-z0-9.])/" + "work/",
            r"\.\./" + "shared",
        ]
    )
)


# What a run leaves in the checkout, and what is not Howdah's own.
LEFT_OUT = {".git", ".venv", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache",
            ".import_linter_cache", "__pycache__", "dist"}  # fmt: skip


def files() -> list[Path]:
    """Everything that is, or could be, committed."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        found += [Path(folder, name) for name in names]
    return found


def test_no_file_names_a_package_index_or_a_folder_outside_the_checkout() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert not found, "\n".join(found)
