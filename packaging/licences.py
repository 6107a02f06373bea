"""Write docs/licences.md: the licence of every package that Howdah's extras bring with them.

Run with the oldest supported Python (`make licences`): it has the backports that newer ones lack.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
LOCK = ROOT / "packaging" / "requirements.txt"

# Wanted on Windows only, so that it is not installed where this page is written.
ELSEWHERE = {"colorama": "BSD-3-Clause", "pywin32-ctypes": "BSD-3-Clause"}

# The machines that the lock is for, as far as markers tell them apart.
MACHINES = [
    {"sys_platform": sys, "os_name": os, "platform_system": system, **version}
    for sys, os, system in [
        ("linux", "posix", "Linux"),
        ("darwin", "posix", "Darwin"),
        ("win32", "nt", "Windows"),
    ]
    for version in [
        {"python_version": "3.11", "python_full_version": "3.11.2"},
        {"python_version": "3.13", "python_full_version": "3.13.0"},
    ]
]

# What lies in the repository and the wheel, each beside its licence's text.
SHIPPED = [
    (
        "Inter 4.1 (letters of the window, subset and renamed)",
        "desktop/howdah_desktop/window/assets/fonts/LICENSE-Inter.txt",
        "OFL-1.1",
    ),
    (
        "Lucide 1.62.0 (icons of the window, in part from Feather)",
        "desktop/howdah_desktop/window/assets/icons/LICENSE-Lucide.txt",
        "ISC AND MIT",
    ),
]

HEADER = """\
# Licences

Howdah itself is under the MIT licence. What its extras bring with them, on any platform
(written by `make licences` from what the packages say of themselves):

| package | version | licence |
|---|---|---|
"""

FOOTER = """
Qt and its binding (pyside6-essentials, shiboken6) are used unchanged and under the LGPL 3: they are
packages of their own, which anyone may replace. What lies in Howdah's own package of others' work:

| what | licence | its text |
|---|---|---|
"""


def locked() -> dict[NormalizedName, str]:
    """Name and version of everything in the lock, the developers' tools included."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK.read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def runtime() -> list[NormalizedName]:
    """What `howdah[all]` needs on any machine, as far as it is installed here."""
    found: set[NormalizedName] = set()
    seen: set[tuple[str, str]] = set()
    queue = [("howdah", ""), ("howdah", "all")]
    while queue:
        package, extra = step = queue.pop()
        if step in seen:
            continue
        seen.add(step)
        found.add(canonicalize_name(package))
        try:
            lines = metadata.requires(package) or []
        except metadata.PackageNotFoundError:
            continue
        for requirement in map(Requirement, lines):
            marker = requirement.marker
            if marker and not any(marker.evaluate({**m, "extra": extra}) for m in MACHINES):
                continue
            queue += [(requirement.name, wanted) for wanted in ("", *requirement.extras)]
    return sorted(found - {canonicalize_name("howdah")})


def licence(package: str) -> str:
    """What the package says: its expression, else its classifiers, else its own field."""
    if package in ELSEWHERE:
        return ELSEWHERE[package]
    about = metadata.metadata(package)
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    return ", ".join(classifiers) or about["License"]


def page() -> str:
    """The whole page."""
    versions = locked()
    rows = [f"| {name} | {versions[name]} | {licence(name)} |\n" for name in runtime()]
    shipped = [
        f"| {name} | {terms} | [{Path(text).name}](../{text}) |\n" for name, text, terms in SHIPPED
    ]
    return HEADER + "".join(rows) + FOOTER + "".join(shipped)


if __name__ == "__main__":
    PAGE.write_text(page())
