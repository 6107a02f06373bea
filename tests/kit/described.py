"""Whether what a receiver answers is what its OpenAPI document says of that call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kit.json_schema import faults, resolved

if TYPE_CHECKING:
    from kit.native import Answer

PROBLEM = "application/problem+json"
SOMETIMES = {"Repr-Digest"}
"""A header that comes once it is known."""


@dataclass(frozen=True)
class Description:
    document: Any

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], str]]:
        return [
            (re.compile(re.sub(r"\\{(\w+)\\}", _one_step, re.escape(path))), path)
            for path in self.document["paths"]
        ]

    def operation(self, method: str, path: str) -> Any:
        """None for an address or a method that there is not."""
        for pattern, known in self._paths:
            if pattern.fullmatch(path):
                return self.document["paths"][known].get(method.lower())
        return None

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Raises AssertionError where the answer is not one that the document knows."""
        operation = self.operation(method, path)
        if operation is None:
            assert answer.status in (400, 401, 404, 405), (method, path, answer)
            return
        where = f"{method} {path}: {answer}"
        assert str(answer.status) in operation["responses"], f"not described: {where}"
        response = operation["responses"][str(answer.status)]
        for name, header in response.get("headers", {}).items():
            assert name in answer.headers or name in SOMETIMES, f"no {name}: {where}"
            self._check_header(header, answer.headers.get(name))
        self._check_body(response, answer, where)

    def _check_header(self, header: Any, value: str | None) -> None:
        header = resolved(self.document, header["$ref"]) if "$ref" in header else header
        if value is not None and header["schema"]["type"] == "integer":
            assert value.isdecimal()

    def _check_body(self, response: Any, answer: Answer, where: str) -> None:
        if "content" not in response:
            assert not answer.body, where
            return
        media_type = answer.headers["content-type"].partition(";")[0]
        schema = response["content"][media_type].get("schema")
        if schema is not None:
            assert list(faults(self.document, schema, answer.json)) == [], where


def _one_step(match: re.Match[str]) -> str:
    return {"number": r"\d+", "below": ".+"}.get(match[1], "[^/]+")
