"""Options that commands have in common, and the settings that come of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from howdah_receiver.errors import StartRefused

if TYPE_CHECKING:
    from howdah_receiver.settings import Settings

Data = Annotated[
    Path | None, typer.Option(help="The folder that holds everything.", show_default=False)
]
Config = Annotated[
    Path | None, typer.Option(help="The TOML file with settings.", show_default=False)
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", show_default=False,
                 help="Any setting; more than once. `howdah-receiver settings` names them."),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


def settings_from(more: list[str] | None = None, **given: Any) -> Settings:
    """The settings, with `given` (None: not given) and `more` (NAME=VALUE) above all else.

    Raises StartRefused.
    """
    from howdah_receiver.settings import Settings
    from howdah_receiver.settings.sources import Given

    flags = {name: value for name, value in given.items() if value is not None}
    for word in more or ():
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise StartRefused(
                f"The flag --set takes NAME=VALUE, and {word!r} is not that.",
                "Write it like --set port=8484.",
            )
        if name in flags:
            raise StartRefused(f"The setting {name} is given twice.", "Remove one of the flags.")
        flags[name] = Given(value, f"the flag --set {name}")
    return Settings(**flags)
