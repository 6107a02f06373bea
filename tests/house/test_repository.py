"""What lies in the repository holds for every machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

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


def files() -> list[Path]:
    """Everything that is, or could be, committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_package_index_or_a_folder_outside_the_checkout() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in files()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert not found, "\n".join(found)
