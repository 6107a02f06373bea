"""The document at `/openapi.json` says what the receiver does: no more, no less, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from howdah_common.problems import PROBLEMS
from howdah_receiver.api import examples, openapi
from howdah_receiver.api.gate import OPEN_ROUTES
from kit.inside import app_on
from kit.json_schema import KNOWN, SILENT, faults, resolved
from kit.native import Native

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request

    from kit.receiver import RunningReceiver


@pytest.fixture(scope="module")
def document(shared: RunningReceiver) -> Any:
    """As a stranger gets it."""
    with Native(shared.url) as stranger:
        answer = stranger.ask("GET", "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return answer.json


@pytest.fixture(scope="module")
def routes(module_path: Path) -> list[BaseRoute]:
    """Those of the very app that answers."""
    return list(app_on(module_path / "for-routes").routes)


def walked(routes: list[BaseRoute], above: str = "") -> Iterator[tuple[str, str, Route]]:
    for route in routes:
        if isinstance(route, Mount):
            yield from walked(list(route.routes), above + route.path)
        else:
            assert isinstance(route, Route)
            for method in route.methods or ():
                yield method, above + re.sub(r":\w+\}", "}", route.path), route


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def every(node: Any, key: str) -> Iterator[Any]:
    """All values under that key, anywhere."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from every(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from every(value, key)


# -- the document


def test_every_live_route_and_method_is_in_it_and_nothing_else(
    document: Any, routes: list[BaseRoute]
) -> None:
    live = [(method, path) for method, path, _ in walked(routes)]
    assert len(set(live)) == len(live) > 25
    assert {(method, path) for method, path, _ in operations(document)} == set(live)


def test_it_is_built_as_openapi_3_1_wants_it(document: Any) -> None:
    assert document.keys() == {"openapi", "info", "servers", "security", "paths", "components"}
    assert document["openapi"] == "3.1.0"
    assert document["info"].keys() == {"title", "version", "description"}
    assert document["servers"] == [{"url": "/"}]
    assert document["components"].keys() == {"schemas", "headers", "securitySchemes"}
    found = list(operations(document))
    assert len({operation["operationId"] for _, _, operation in found}) == len(found)
    for method, path, operation in found:
        assert path.startswith("/")
        assert method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
        assert operation.keys() <= {
            "operationId", "tags", "summary", "description", "parameters", "requestBody",
            "responses", "security", "x-codeSamples",
        }  # fmt: skip
        assert operation["summary"]
        assert ("requestBody" in operation) <= (method in {"POST", "PUT", "PATCH"})
        check_parameters(path, operation["parameters"])
        for status, response in operation["responses"].items():
            assert re.fullmatch("101|[2-5][0-9][0-9]", status)
            assert response["description"]
            assert response.keys() <= {"description", "headers", "content"}
            for header in response.get("headers", {}).values():
                assert header.keys() in ({"description", "schema"}, {"$ref"})


def check_parameters(path: str, parameters: list[Any]) -> None:
    assert len({(each["in"], each["name"]) for each in parameters}) == len(parameters)
    in_path = [each["name"] for each in parameters if each["in"] == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", path)
    for each in parameters:
        assert each.keys() <= {"name", "in", "description", "required", "schema", "example"}
        assert each["in"] in {"path", "query", "header"}
        assert each["required"] or each["in"] != "path"
        # OpenAPI passes over header parameters of these names.
        assert each["name"].lower() not in {"accept", "content-type", "authorization"}


def test_every_reference_leads_somewhere_and_every_component_is_used(document: Any) -> None:
    references = set(every(document, "$ref"))
    for reference in references:
        resolved(document, reference)
    for kind in ("schemas", "headers"):
        for name in document["components"][kind]:
            assert f"#/components/{kind}/{name}" in references, name
    for needed in document["security"]:
        assert needed.keys() <= document["components"]["securitySchemes"].keys()


def test_every_schema_uses_words_of_json_schema(document: Any) -> None:
    def check(schema: Any) -> None:
        if isinstance(schema, bool):
            return
        assert schema.keys() <= KNOWN | SILENT, schema
        for inner in schema.get("properties", {}).values():
            check(inner)
        for name in ("anyOf", "oneOf", "prefixItems"):
            for inner in schema.get(name, []):
                check(inner)
        for name in ("items", "additionalProperties"):
            check(schema.get(name, True))

    schemas = [*every(document["paths"], "schema"), *document["components"]["schemas"].values()]
    assert len(schemas) > 100
    for schema in schemas:
        check(schema)


def test_it_says_who_needs_a_token(document: Any) -> None:
    for method, path, operation in operations(document):
        open_to_all = (method, path) in OPEN_ROUTES
        assert (operation.get("security") == []) is open_to_all, (method, path)
        refusals = operation["responses"].get("401", {}).get("description", "")
        assert ("`not_signed_in`" not in refusals) is open_to_all, (method, path)


def test_problems_are_those_of_the_table_under_their_status(document: Any) -> None:
    named = set()
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            for media in response.get("content", {}).values():
                schema = media.get("schema", {})
                for code in schema.get("properties", {}).get("code", {}).get("enum", []):
                    assert PROBLEMS[code].status == int(status)
                    named.add(code)
    on_the_wire = {code for code, problem in PROBLEMS.items() if problem.status}
    # One is what comes where there is no such call, one stands in an item of an answer alone.
    assert named == on_the_wire - {"method_not_allowed", "fetch_alone"}
    listed = document["components"]["schemas"]["ProblemCode"]["oneOf"]
    assert {each["const"] for each in listed} == on_the_wire


def test_every_example_is_one(document: Any, routes: list[BaseRoute]) -> None:
    checked = 0
    for _, call in openapi.calls(routes):
        described = call.described
        bodies: list[tuple[Any, Any]] = [(described.takes, None)]
        bodies += [(a.body, a.example) for a in described.answers.values()]
        for kind, own in bodies:
            if isinstance(kind, type):
                example = own or examples.OF_TYPE[kind]
                assert msgspec.json.decode(msgspec.json.encode(example), type=kind) == example
                checked += 1
    assert checked > 20
    shown = [
        media
        for _, _, operation in operations(document)
        for content in every(operation, "content")
        for media in content.values()
        if "example" in media
    ]
    assert len(shown) >= checked
    for media in shown:
        assert list(faults(document, media["schema"], media["example"])) == []


def test_a_route_that_does_not_say_what_it_is_stops_the_start() -> None:
    async def nothing(request: Request) -> Response:
        return Response()

    with pytest.raises(TypeError, match="does not say what it is"):
        openapi.document([Route("/nothing", nothing)], frozenset())
