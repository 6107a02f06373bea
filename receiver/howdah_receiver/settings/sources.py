"""Where settings come from: each value with the place where it was given, so that it can be put right."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from howdah_receiver.errors import StartRefused
from howdah_receiver.settings.groups import default_config

PREFIX = "HOWDAH_RECEIVER_"
FROM_FILE = "_FILE"
"""HOWDAH_RECEIVER_X_FILE names a file to read X from: for secrets, which an environment shows to many."""
MOST_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """A value, and where it was given, in words: `the variable X`."""

    value: Any
    where: str


def flag(name: str) -> str:
    return f"the flag --{name.replace('_', '-')}"


class _Source(PydanticBaseSettingsSource):
    """pydantic-settings asks a source as a whole (`__call__`), not field by field."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError

    @property
    def _known(self) -> Iterable[str]:
        return self.settings_cls.model_fields


class Environment(_Source):
    """`HOWDAH_RECEIVER_NAME`, or `HOWDAH_RECEIVER_NAME_FILE` with the file to read it from."""

    def __call__(self) -> dict[str, Given]:
        """Raises StartRefused: for a variable that is no setting, or given twice, or a file that is none."""
        found: dict[str, Given] = {}
        for variable, text in os.environ.items():
            if not variable.startswith(PREFIX):
                continue
            name, given = self._read(variable, text)
            if name in found:
                raise StartRefused(
                    f"The setting {name} is given twice, by {found[name].where} and {given.where}.",
                    "Remove one of them.",
                )
            found[name] = given
        return found

    def _read(self, variable: str, text: str) -> tuple[str, Given]:
        name = variable.removeprefix(PREFIX).lower()
        if name in self._known:
            return name, Given(text, f"the variable {variable}")
        of_file = name.removesuffix(FROM_FILE.lower())
        if name == of_file or of_file not in self._known:
            raise unknown(name, f"the variable {variable}", self._known, PREFIX)
        try:
            content = Path(text).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise StartRefused(
                f"The file {text} cannot be read (the variable {variable}): {reason(error)}.",
                "Name a file with the value, that the receiver's user may read.",
            ) from error
        return of_file, Given(content, f"the file {text} of the variable {variable}")


class ConfigFile(_Source):
    """The TOML file that `config` names; else the one in the user's configuration folder, if it is there."""

    def __call__(self) -> dict[str, Given]:
        """Raises StartRefused: for a file that cannot be read, or a key that is no setting."""
        given = self.current_state.get("config")
        path = value_of(given) or default_config()
        found = self._values(Path(path).expanduser(), must_exist=given is not None)
        for name, value in found.items():
            if name not in self._known or name == "config" or isinstance(value, dict):
                self._refuse(name, Path(path), isinstance(value, dict))
        return {name: Given(value, f"{path}: {name}") for name, value in found.items()}

    def _values(self, path: Path, *, must_exist: bool) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                return tomllib.loads(file.read(MOST_FILE_BYTES).decode())
        except FileNotFoundError as error:
            if not must_exist:
                return {}
            raise StartRefused(
                f"There is no file {path} with settings.", "Correct --config, or write the file."
            ) from error
        except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
            raise StartRefused(
                f"The settings in {path} cannot be read: {reason(error)}.",
                'Write one setting a line, in TOML: name = 1, name = "text" or name = ["one", "two"].',
            ) from error

    def _refuse(self, name: str, path: Path, table: bool) -> None:
        if table:
            raise StartRefused(
                f"There is a table [{name}] in {path}, but settings stand in none.",
                "Write the settings one a line, without headings in brackets.",
            )
        raise unknown(name, str(path), [known for known in self._known if known != "config"])


def value_of(given: Any) -> Any:
    return given.value if isinstance(given, Given) else given


def unknown(name: str, where: str, known: Iterable[str], prefix: str = "") -> StartRefused:
    """That there is no such setting, and which one was meant, perhaps."""
    near = difflib.get_close_matches(name, list(known), 1)
    meant = f"; perhaps {prefix}{near[0].upper() if prefix else near[0]} was meant" if near else ""
    return StartRefused(f"There is no setting {name} ({where}).", f"Remove it{meant}.")


def reason(error: Exception) -> str:
    """Why, without a full stop at its end."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return (text or type(error).__name__).rstrip(".")
