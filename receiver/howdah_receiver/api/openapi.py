"""The OpenAPI 3.1 document of the running routes: routes and types in, document out. Pure.

What a call does is its handler's docstring; what it takes and answers stands beside it (`described`);
schemas are those of the message types; problems are those of the table that both programs share.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from types import UnionType
from typing import Any

import msgspec
from starlette.convertors import IntegerConvertor
from starlette.routing import BaseRoute, Mount

from howdah_common.messages import API, CATALOGUE_HEADER, CHANGE_HEADER, Message, ProblemDocument
from howdah_common.problems import MEDIA_TYPE, PROBLEMS
from howdah_receiver.api import curl, examples
from howdah_receiver.api.answers import (
    MOST_REQUEST_JSON_BYTES,
    MOST_STRANGERS_JSON_BYTES,
    RETRY_SECONDS,
)
from howdah_receiver.api.described import (
    PROBLEM_MEMBERS,
    RETRY_AFTER,
    Answer,
    Call,
    Header,
    Parameter,
)

VERSION = "3.1.0"
_ALWAYS = (
    "host_not_allowed", "headers_too_large", "request_timeout", "unavailable", "internal",
)  # fmt: skip
_SIGNED_IN = ("not_signed_in", "storage_full", "storage_failed")
"""Who asks is looked up in the catalogue, which lies on a disk."""
_OF_MESSAGES = ("bad_request", "body_too_large", "body_encoded", "media_type_unsupported")
_WAITING = {*RETRY_SECONDS, "too_many_attempts"}
_AUTHENTICATE = Header("WWW-Authenticate", "`Bearer`; for the password of a link, `Link`.")
_TREE_HEADERS = (
    Header(CATALOGUE_HEADER, "Id of the catalogue: another one means another receiver."),
    Header(
        CHANGE_HEADER, "Counts changes: a lower one means a receiver restored from a copy.", int
    ),
)
_ABOUT = (
    "Resumable, verified uploads: a file is cut into numbered chunks, each of which counts once its"
    " digest was checked on the receiver's disk. Sizes are bytes, times nanoseconds since 1970, chunk"
    " numbers 0-based. Unknown members of an answer are to be passed over."
)

Json = dict[str, Any]


def document(routes: Sequence[BaseRoute], open_routes: Set[tuple[str, str]]) -> Json:
    """Of every route; `open_routes` need no token. Raises TypeError for a route that is no `Call`."""
    schemas = Schemas()
    paths: Json = {}
    for path, call in calls(routes):
        for method in sorted(call.methods or ()):
            signed_in = (method, path) not in open_routes
            found = _operation(schemas, path, call, method, signed_in=signed_in)
            paths.setdefault(path, {})[method.lower()] = found
    return {
        "openapi": VERSION,
        "info": {"title": "Howdah receiver", "version": API.rpartition("/v")[2],
                 "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"device": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "ProblemDocument": schemas.problem_document(),
                        "ProblemCode": _problem_codes()},
            "headers": {header.name: schemas.header(header) for header in _TREE_HEADERS},
            "securitySchemes": {
                "device": {"type": "http", "scheme": "bearer",
                           "description": "A device's token, as `POST /pair` answers it."}
            },
        },
    }  # fmt: skip


def calls(routes: Iterable[BaseRoute], above: str = "") -> Iterator[tuple[str, Call]]:
    """Every call with its path from the root."""
    for route in routes:
        if isinstance(route, Mount):
            yield from calls(route.routes, above + route.path)
        elif isinstance(route, Call):
            yield above + route.path_format, route
        else:
            raise TypeError(f"{route} does not say what it is")


class Schemas:
    """Schemas of types; those of messages are components, referred to."""

    def __init__(self) -> None:
        self.components: Json = {}

    def of(self, kind: Any) -> Json:
        (schema,), components = msgspec.json.schema_components(
            [kind], ref_template="#/components/schemas/{name}"
        )
        for component in components.values():
            if "description" in component:  # a docstring, as it stands in the source
                component["description"] = inspect.cleandoc(component["description"])
        self.components |= components
        return schema

    def problem_document(self) -> Json:
        self.of(ProblemDocument)
        found: Json = self.components[ProblemDocument.__name__]
        return {**found, "properties": {**found["properties"], "code": _ref("ProblemCode")}}

    def header(self, header: Header) -> Json:
        return {"description": header.says, "schema": self.of(header.kind)}

    def parameter(self, parameter: Parameter) -> Json:
        schema = self.of(parameter.kind)
        if parameter.default is not None:
            schema["default"] = parameter.default
        found = {"name": parameter.name, "in": parameter.where, "description": parameter.says,
                 "required": parameter.required, "schema": schema}  # fmt: skip
        return {**found, "example": parameter.example} if parameter.example else found

    def content(self, kind: type | UnionType | str, example: object = None) -> Json:
        """Of a body: a message's type, or the media type of bytes, which have no schema."""
        if isinstance(kind, str):
            return {kind: {}}
        shown = example or (isinstance(kind, type) and examples.OF_TYPE[kind])
        return {
            "application/json": {"schema": self.of(kind), "example": msgspec.to_builtins(shown)}
        }


def _operation(schemas: Schemas, path: str, call: Call, method: str, *, signed_in: bool) -> Json:
    described = call.described
    summary, _, rest = (inspect.getdoc(call.endpoint) or "").partition("\n")
    found: Json = {
        "operationId": re.sub(r"\W+", "_", f"{method} {path.removeprefix(API)}").strip("_").lower(),
        "tags": [call.endpoint.__module__.rpartition(".")[2]],
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, [rest.strip(), described.more])),
        "parameters": [
            *_path_parameters(call),
            *(schemas.parameter(parameter) for parameter in described.parameters),
        ],
        "responses": {
            **{str(status): _answer(schemas, answer, signed_in=signed_in)
               for status, answer in described.answers.items()},
            **_problems(schemas, _codes(call, signed_in=signed_in), pages=described.pages),
        },
    }  # fmt: skip
    if described.takes is not None:
        found["requestBody"] = _body(schemas, described.takes, signed_in=signed_in)
    if not signed_in:
        found["security"] = []
    if method == "HEAD":
        for response in found["responses"].values():
            response.pop("content", None)
    else:
        line = curl.command(path, call, signed_in=signed_in)
        found["x-codeSamples"] = [{"lang": "Shell", "source": line}]
    return found


def _body(schemas: Schemas, takes: type | str, *, signed_in: bool) -> Json:
    found: Json = {"required": True, "content": schemas.content(takes)}
    if not isinstance(takes, str):
        most_bytes = MOST_REQUEST_JSON_BYTES if signed_in else MOST_STRANGERS_JSON_BYTES
        found["description"] = f"At most {most_bytes} bytes."
    return found


def _path_parameters(call: Call) -> Iterator[Json]:
    for name, convertor in call.param_convertors.items():
        number = isinstance(convertor, IntegerConvertor)
        schema: Json = {"type": "integer", "minimum": 0} if number else {"type": "string"}
        yield {"name": name, "in": "path", "description": call.described.path[name],
               "required": True, "schema": schema}  # fmt: skip


def _answer(schemas: Schemas, answer: Answer, *, signed_in: bool) -> Json:
    headers = {header.name: schemas.header(header) for header in answer.headers}
    if signed_in:
        headers |= {header.name: {"$ref": f"#/components/headers/{header.name}"}
                    for header in _TREE_HEADERS}  # fmt: skip
    found: Json = {"description": answer.says}
    if headers:
        found["headers"] = headers
    if answer.body is not None:
        found["content"] = schemas.content(answer.body, answer.example)
    return found


def _codes(call: Call, *, signed_in: bool) -> set[str]:
    takes = call.described.takes
    message = isinstance(takes, type) and issubclass(takes, Message)
    return {
        *_ALWAYS,
        *(_SIGNED_IN if signed_in else ()),
        *(_OF_MESSAGES if message else ()),
        # A parameter with a slash or a line break in it is another path, which leads nowhere.
        *(("not_found",) if call.param_convertors else ()),
        *call.described.problems,
    }


def _problems(schemas: Schemas, codes: set[str], *, pages: bool) -> Json:
    """An answer for each status, with the codes that come with it."""
    found: Json = {}
    for status in sorted({PROBLEMS[code].status for code in codes}):
        here = [code for code in PROBLEMS if code in codes and PROBLEMS[code].status == status]
        found[str(status)] = {
            "description": "\n".join(f"`{code}`: {PROBLEMS[code].sentence}" for code in here),
            "content": {MEDIA_TYPE: {"schema": _problem_schema(schemas, here)}},
        }
        if pages:
            found[str(status)]["content"]["text/html"] = {}
        headers = [_AUTHENTICATE] if status == 401 else []
        headers += [RETRY_AFTER] if _WAITING.intersection(here) else []
        if headers:
            found[str(status)]["headers"] = {h.name: schemas.header(h) for h in headers}
    return found


def _problem_schema(schemas: Schemas, codes: list[str]) -> Json:
    members = {
        name: schemas.of(kind)
        for code in codes
        for name, kind in PROBLEM_MEMBERS.get(code, {}).items()
    }
    properties = {"code": {"enum": codes}, **members}
    return {**_ref(ProblemDocument.__name__), "properties": properties}


def _problem_codes() -> Json:
    """Those that cross the wire, with what to do."""
    return {
        "title": "ProblemCode",
        "description": "What went wrong. There will be others: go by the status then.",
        "type": "string",
        "oneOf": [
            {"const": problem.code, "title": problem.sentence, "description": problem.remedy}
            for problem in PROBLEMS.values()
            if problem.status
        ],
    }


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
