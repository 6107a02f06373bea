"""Checks a value against the part of JSON Schema (2020-12) that our documents use; anything else is an
error, so that nothing is taken for checked that is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "object": dict,
    "string": str,
}
SILENT = {"title", "description", "default", "contentEncoding", "discriminator"}
"""They say nothing about what is valid."""
KNOWN = {
    "$ref", "additionalProperties", "anyOf", "const", "enum", "items", "maxItems", "maxLength",
    "maximum", "minItems", "minLength", "minimum", "oneOf", "pattern", "prefixItems", "properties",
    "required", "type",
}  # fmt: skip


def resolved(document: Any, reference: str) -> Any:
    """What a reference inside the document points at. Raises KeyError."""
    assert reference.startswith("#/"), reference
    found = document
    for step in reference[2:].split("/"):
        found = found[step]
    return found


def faults(document: Any, schema: Any, value: Any, at: str = "") -> Iterator[str]:
    """What about the value is not as the schema says; `document` is where references lead."""
    if schema is False:
        yield f"{at}: there shall be none"
        return
    unknown = schema.keys() - KNOWN - SILENT
    assert not unknown, f"{at}: not known here: {unknown}"
    if "$ref" in schema:
        yield from faults(document, resolved(document, schema["$ref"]), value, at)
    if not _is_of_type(schema.get("type"), value):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    yield from _of_choices(document, schema, value, at)
    if isinstance(value, str):
        yield from _of_text(schema, value, at)
    elif isinstance(value, dict):
        yield from _of_object(document, schema, value, at)
    elif isinstance(value, list):
        yield from _of_list(document, schema, value, at)
    elif isinstance(value, int) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        yield f"{at}: {value} is out of bounds"


def _of_choices(document: Any, schema: Any, value: Any, at: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    for name, fitting in (("anyOf", (1, 99)), ("oneOf", (1, 1))):
        if name in schema:
            found = sum(not any(faults(document, each, value, at)) for each in schema[name])
            if not fitting[0] <= found <= fitting[1]:
                yield f"{at}: {value!r} fits {found} of {name}"


def _is_of_type(name: str | None, value: Any) -> bool:
    if name is None:
        return True
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


def _of_text(schema: Any, value: str, at: str) -> Iterator[str]:
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{at}: too long"
    if len(value) < schema.get("minLength", 0):
        yield f"{at}: too short"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: {value!r} does not match"


def _of_object(document: Any, schema: Any, value: dict[str, Any], at: str) -> Iterator[str]:
    yield from (
        f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value
    )
    properties = schema.get("properties", {})
    for name, member in value.items():
        if name in properties:
            yield from faults(document, properties[name], member, f"{at}/{name}")
        elif "additionalProperties" in schema:
            yield from faults(document, schema["additionalProperties"], member, f"{at}/{name}")


def _of_list(document: Any, schema: Any, value: list[Any], at: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at}: {len(value)} items"
    first = schema.get("prefixItems", [])
    for number, item in enumerate(value):
        kind = first[number] if number < len(first) else schema.get("items", {})
        yield from faults(document, kind, item, f"{at}/{number}")
