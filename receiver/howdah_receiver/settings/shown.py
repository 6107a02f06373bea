"""Settings in words: what each takes, what it holds, and where that came from."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from howdah_receiver.settings.groups import GROUPS
from howdah_receiver.settings.values import Takes

if TYPE_CHECKING:
    from howdah_receiver.settings.model import Settings

MASK = "********"
_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (annotated_types.Ge, "ge", "at least {}"),
    (annotated_types.Gt, "gt", "more than {}"),
    (annotated_types.Le, "le", "at most {}"),
    (annotated_types.Lt, "lt", "less than {}"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as it stands."""

    name: str
    value: Any
    where: str
    """Empty: the default."""


def rows(settings: Settings) -> Iterator[Row]:
    """Every setting, in the order of the docs; secrets are masked."""
    for group in GROUPS:
        for name, field in group.model_fields.items():
            yield Row(name, plain(field, getattr(settings, name)), settings.where(name))


def plain(field: FieldInfo, value: Any) -> Any:
    """As JSON would have it, a secret masked."""
    if _is_secret(field):
        return None if value is None else MASK if str(value) else ""
    if isinstance(value, tuple | list):
        return [plain(field, one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def takes(field: FieldInfo) -> str:
    """What the setting takes, to go on after "it takes"."""
    words, bounds = _words(field.annotation), ""
    for part in field.metadata:
        if isinstance(part, Takes):
            words = part.words
        for kind, attribute, sentence in _BOUNDS:
            if isinstance(part, kind):
                bounds += f", {sentence.format(getattr(part, attribute))}"
    return words + bounds


def _words(kind: Any) -> str:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kind = next(part for part in get_args(kind) if part is not type(None))
    for part in getattr(kind, "__metadata__", ()):
        if isinstance(part, Takes):
            return part.words
    if get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in get_args(kind))
    names = {bool: "true or false", int: "a whole number", float: "a number", Path: "a path"}
    return names.get(kind, "text")


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))
