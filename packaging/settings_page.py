"""Write docs/settings.md: everything that can be set, from the fields in the code.

Run with `make docs`.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from howdah_receiver.settings.groups import GROUPS
from howdah_receiver.settings.model import variable
from howdah_receiver.settings.shown import plain, takes

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEADER = """\
# Settings

Everything that can be set (written by `make docs` from the code). Nothing needs to be.

A setting comes from, the first that gives it counts:

1. a flag: `--port 8484` where there is one of its name, `--set port=8484` for any;
2. the environment: `HOWDAH_RECEIVER_PORT=8484`. With `_FILE` at its end, as in
   `HOWDAH_RECEIVER_PORT_FILE=/run/secrets/port`, it names a file to read it from;
3. the file, in TOML: `port = 8484`, one a line. It is `receiver.toml` in the user's configuration
   folder (`~/.config/howdah-receiver`), or the one that `--config` or `HOWDAH_RECEIVER_CONFIG` names;
   the system's unit names `/etc/howdah/receiver.toml`;
4. its default.

A number without a unit is in the unit at the end of the setting's name. A list in the environment or a
flag is JSON, or has commas. What is not known or makes no sense keeps the receiver from starting, with
a sentence that names it and where it stands.

    howdah-receiver settings

prints what holds, and where each comes from; `--json` is for programs. Secrets are masked.
"""


def default(field: FieldInfo) -> str:
    """As it would be written in the file; a default that depends on the machine is in the text."""
    if field.default_factory is not None:
        return ""
    value = plain(field, field.default)
    return "" if value is None else f"`{json.dumps(value)}`"


def row(name: str, field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
    return f"| `{name}` | {default(field)} | {takes(field)} | {text} |\n"


def table(group: type[BaseModel]) -> str:
    heading, _, text = (group.__doc__ or "").partition("\n")
    return (
        f"\n## {heading}\n"
        + (f"\n{' '.join(text.split())}\n" if text.strip() else "")
        + "\n| setting | default | takes | |\n|---|---|---|---|\n"
        + "".join(row(name, field) for name, field in group.model_fields.items())
    )


def page() -> str:
    """The whole page, in the order of the groups in the code."""
    example = f"\nThe variable of `header_seconds` is `{variable('header_seconds')}`, and so on.\n"
    return HEADER + example + "".join(table(group) for group in GROUPS)


if __name__ == "__main__":
    PAGE.write_text(page())
