"""Write packaging/docker/*requirements.txt: what of the lock the container needs, and what builds its wheel.

Run with `make licences`, after `make lock`: the installed packages say what each of them needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "packaging" / "requirements.txt"
FOLDER = ROOT / "packaging" / "docker"
FILES = {"requirements.txt": "howdah[receiver]", "build-requirements.txt": "hatchling"}
PYTHON = "3.12"
"""Of the image."""
MACHINES = ("x86_64", "aarch64")
HEADER = "# Cut out of packaging/requirements.txt by packaging/docker_lock.py (`make licences`).\n"


def locked() -> dict[str, str]:
    """The lock's entries as they are written, by name; several where Pythons differ."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", LOCK.read_text()):
        if not entry.startswith("#"):
            name = canonicalize_name(re.split(r"[=\[ ]", entry, maxsplit=1)[0])
            found[name] = found.get(name, "") + entry.rstrip() + "\n"
    return found


def needed(root: str) -> set[str]:
    """The names of all that `root` brings along on Linux, without Howdah itself."""
    seen: set[tuple[str, str]] = set()
    ahead = [Requirement(root)]
    while ahead:
        requirement = ahead.pop()
        for extra in ("", *requirement.extras):
            key = (canonicalize_name(requirement.name), extra)
            if key not in seen:
                seen.add(key)
                ahead += _below(requirement.name, extra)
    return {name for name, _ in seen} - {"howdah"}


def _below(name: str, extra: str) -> Iterator[Requirement]:
    try:
        texts = distribution(name).requires or ()
    except PackageNotFoundError:
        return  # not for this machine: what it needs is nothing that the others do not
    for text in texts:
        requirement = Requirement(text)
        if _holds(requirement, extra):
            yield requirement


def _holds(requirement: Requirement, extra: str) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate(
            {
                "extra": extra,
                "platform_machine": machine,
                "python_version": PYTHON,
                "python_full_version": f"{PYTHON}.0",
                "sys_platform": "linux",
                "platform_system": "Linux",
                "os_name": "posix",
                "platform_python_implementation": "CPython",
                "implementation_name": "cpython",
            }
        )
        for machine in MACHINES
    )


def page(root: str) -> str:
    entries = locked()
    return HEADER + "".join(entries[name] for name in sorted(needed(root)))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, root in FILES.items():
        (FOLDER / name).write_text(page(root))
