"""The settings, put together: read from everywhere, checked, and refused with a sentence."""

from __future__ import annotations

from typing import Any, NoReturn

from pydantic import ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import agreement
from howdah_receiver.settings.groups import (
    Keeping,
    Listening,
    People,
    Places,
    Requests,
    Running,
    Sharing,
    Trust,
    Uploading,
    Watching,
)
from howdah_receiver.settings.shown import plain, takes
from howdah_receiver.settings.sources import PREFIX, ConfigFile, Environment, Given, flag, unknown


class Settings(
    Places,
    Listening,
    Trust,
    Requests,
    Uploading,
    Keeping,
    Sharing,
    People,
    Running,
    Watching,
    BaseSettings,
):
    """Frozen. Nothing needs to be set: the defaults make a receiver for this machine alone.

    What is given to it comes before the environment, that before the file. Raises StartRefused.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    _where: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, Environment(settings_cls), ConfigFile(settings_cls)

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, values: Any, validate: ModelWrapValidatorHandler[Settings]) -> Settings:
        given = {
            name: value if isinstance(value, Given) else Given(value, flag(name))
            for name, value in values.items()
        }
        try:
            settings = validate({name: one.value for name, one in given.items()})
        except ValidationError as error:
            cls._refuse(str(error.errors()[0]["loc"][0]), given)
        settings._where.update({name: one.where for name, one in given.items()})
        agreement.check(settings)
        return settings

    @classmethod
    def _refuse(cls, name: str, given: dict[str, Given]) -> NoReturn:
        wrong = given[name]
        if name not in cls.model_fields:
            raise unknown(name, wrong.where, cls.model_fields)
        field = cls.model_fields[name]
        raise StartRefused(
            f"The setting {name} cannot be {plain(field, wrong.value)!r} ({wrong.where}).",
            f"It takes {takes(field)}.",
        )

    def where(self, name: str) -> str:
        """Where the setting was given, in words; empty for a default."""
        return self._where.get(name, "")


def variable(name: str) -> str:
    """The variable of the environment for a setting."""
    return PREFIX + name.upper()
