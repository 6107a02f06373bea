"""The page at `/docs`: the OpenAPI document as HTML, whole without scripts. Its files lie in `web`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from howdah_common.problems import MEDIA_TYPE

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
"""In the order of the page; HEAD is shown with its GET."""


def style() -> str:
    """The style sheet, as it stands in the page; the policy names it by its hash."""
    return _file("docs.css")


def render(document: Json, style: str) -> str:
    operations = list(_operations(document))
    schemas = document["components"]["schemas"]
    messages = {name: schema for name, schema in schemas.items() if "properties" in schema}
    return Template(_file("docs.html")).substitute(
        style=style,
        title=escape(document["info"]["title"]),
        about=_text(document["info"]["description"]),
        menu="".join(_menu(operations)),
        calls="".join(_call(path, method, item) for path, method, item in operations),
        types="".join(_type(name, schema) for name, schema in sorted(messages.items())),
        problems="".join(_problem(known) for known in schemas["ProblemCode"]["oneOf"]),
    )


def _file(name: str) -> str:
    return files("howdah_receiver").joinpath("web", name).read_text(encoding="utf-8")


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """(path, method, path item), those of one tag together."""
    found = [
        (path, method, item)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    tags = list(dict.fromkeys(_tag(item[method]) for _, method, item in found))
    yield from sorted(found, key=lambda each: tags.index(_tag(each[2][each[1]])))


def _tag(operation: Json) -> str:
    return str(operation["tags"][0])


def _menu(operations: list[tuple[str, str, Json]]) -> Iterator[str]:
    tag = None
    for _, method, item in operations:
        operation = item[method]
        if _tag(operation) != tag:
            tag = _tag(operation)
            yield f"<li><strong>{escape(tag.capitalize())}</strong></li>"
        yield f'<li><a href="#{operation["operationId"]}">{_inline(operation["summary"])}</a></li>'


# -- a call


def _call(path: str, method: str, item: Json) -> str:
    operation = item[method]
    methods = f'<b class="method">{method.upper()}</b>'
    if method == "get" and "head" in item:
        methods += f' <b class="method" id="{item["head"]["operationId"]}">HEAD</b>'
    return Template(_file("call.html")).substitute(
        id=operation["operationId"],
        methods=methods,
        path=escape(path),
        summary=_inline(operation["summary"]),
        open=" <small>open to everyone</small>" if operation.get("security") == [] else "",
        description=_text(operation["description"]),
        parameters=_parameters(operation["parameters"]),
        body=_body(operation.get("requestBody")),
        answers="".join(_answer(*each) for each in operation["responses"].items()),
        example=escape(operation["x-codeSamples"][0]["source"]),
    )


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}"
        f"{', required' if each['required'] else ''}</td><td>{_kind(each['schema'])}</td>"
        f"<td>{_inline(each['description'])}</td></tr>"
        for each in parameters
    )
    return _table("Parameters", rows)


def _table(title: str, rows: str) -> str:
    return f'<h4>{title}</h4><div class="wide"><table>{rows}</table></div>' if rows else ""


def _body(body: Json | None) -> str:
    if body is None:
        return ""
    words = f" {_inline(body['description'])}" if "description" in body else ""
    return f"<h4>Body</h4><p>{_content(body['content'])}{'.' if words else ''}{words}</p>"


def _content(content: Json) -> str:
    return ", ".join(
        f"<code>{escape(media_type)}</code>"
        + (f": {_kind(media['schema'])}" if "schema" in media else "")
        for media_type, media in content.items()
    )


def _answer(status: str, answer: Json) -> str:
    content = answer.get("content", {})
    if MEDIA_TYPE in content:
        words = _problem_links(content[MEDIA_TYPE]["schema"]["properties"])
    else:
        words = _inline(answer["description"])
        words += f"<br>{_content(content)}" + _example(content) if content else ""
    headers = ", ".join(f"<code>{escape(name)}</code>" for name in answer.get("headers", ()))
    headers = f"<br><small>{headers}</small>" if headers else ""
    return f"<tr><td>{status}</td><td>{words}{headers}</td></tr>"


def _problem_links(properties: Json) -> str:
    links = ", ".join(
        f'<a href="#problem-{code}"><code>{code}</code></a>' for code in properties["code"]["enum"]
    )
    members = [f"<code>{escape(name)}</code>" for name in properties if name != "code"]
    return f"{links}, with {', '.join(members)}" if members else links


def _example(content: Json) -> str:
    shown = [
        json.dumps(media["example"], indent=2) for media in content.values() if "example" in media
    ]
    return "".join(
        f"<details><summary>Example</summary><pre>{escape(each)}</pre></details>" for each in shown
    )


# -- types and problems


def _type(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(member)}</code></td><td>{_kind(kind)}</td>"
        f"<td>{'' if member in required else 'may be left out. '}"
        f"{_inline(kind.get('description', ''))}</td></tr>"
        for member, kind in schema["properties"].items()
    )
    words = _text(schema.get("description", ""))
    return f'<section id="type-{name}"><h3>{name}</h3>{words}{_table("Members", rows)}</section>'


def _problem(known: Json) -> str:
    code = known["const"]
    return (
        f'<tr id="problem-{code}"><td><code>{code}</code></td>'
        f"<td>{_inline(known['title'])}</td><td>{_inline(known['description'])}</td></tr>"
    )


def _kind(schema: Json) -> str:
    """A schema in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = "problems" if name == "ProblemCode" else f"type-{name}"
        return f'<a href="#{target}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_kind(each) for each in schema['prefixItems'])}]"
        return f"list of {_kind(schema['items'])}"
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        return "object"
    if schema.get("type") == "object":
        return f"object of {_kind(schema['additionalProperties'])}s"
    return escape(schema["type"]) + _limits(schema)


def _limits(schema: Json) -> str:
    shown = {"contentEncoding": "", "pattern": "", "minimum": "from ", "maximum": "to ",
             "default": "default "}  # fmt: skip
    words = [
        f"{before}<code>{escape(str(schema[name]))}</code>"
        for name, before in shown.items()
        if schema.get(name) not in (None, "")
    ]
    return f" <small>{', '.join(words)}</small>" if words else ""


# -- prose


def _text(words: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in re.split(r"\n{2,}", words) if part)


def _inline(words: str) -> str:
    """Escaped, with `code` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))
