"""The page at `/docs`: all calls, for people, and nothing that comes from elsewhere or runs."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from howdah_common.problems import PROBLEMS
from howdah_receiver.api.docs import Docs
from kit.inside import app_on
from kit.native import Native

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.native import Answer
    from kit.receiver import RunningReceiver

LONE = {"meta", "br"}
"""Elements without an end."""


@dataclass
class Page(HTMLParser):
    """What stands in the page; that every element ends where it should."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in LONE:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [str(attributes[name]) for _, attributes in self.elements if name in attributes]

    def end(self) -> Page:
        self.close()
        assert self._open == []
        return self


@pytest.fixture(scope="module")
def stranger(shared: RunningReceiver) -> Iterator[Native]:
    with Native(shared.url) as device:
        yield device


@pytest.fixture(scope="module")
def answer(stranger: Native) -> Answer:
    found = stranger.ask("GET", "/docs")
    assert (found.status, found.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return found


@pytest.fixture(scope="module")
def page(answer: Answer) -> Page:
    page = Page()
    page.feed(answer.body.decode())
    return page.end()


def test_it_holds_every_call_with_an_anchor_and_an_example(page: Page, stranger: Native) -> None:
    document = stranger.ask("GET", "/openapi.json").json
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    operations = [
        (path, operation) for path, item in document["paths"].items() for operation in item.values()
    ]
    assert len(operations) > 25
    for path, operation in operations:
        assert operation["operationId"] in ids
        assert path in page.text
        for sample in operation.get("x-codeSamples", []):
            assert sample["source"] in page.text
    for name in document["components"]["schemas"]:
        assert name in page.text
    for code, problem in PROBLEMS.items():
        assert (f"problem-{code}" in ids) is bool(problem.status)


def test_every_link_leads_to_something_on_it(page: Page) -> None:
    ids = page.values("id")
    links = page.values("href")
    assert len(links) > 100
    for link in links:
        assert link == "/openapi.json" or link[1:] in ids, link


def test_nothing_runs_and_nothing_comes_from_elsewhere(page: Page, answer: Answer) -> None:
    assert {tag for tag, _ in page.elements}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg", "video"}
    )
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src")]
    html = answer.body.decode()
    assert "://" not in re.sub("<pre>.*?</pre>", "", html, flags=re.DOTALL)
    assert not re.search(r"url\(|@import|javascript:", html)


def test_its_policy_allows_its_own_style_and_nothing_else(answer: Answer) -> None:
    found = re.search("<style>(.*)</style>", answer.body.decode(), re.DOTALL)
    assert found
    own = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    assert answer.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        f"style-src 'sha256-{own}'",
    ]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_what_a_client_has_is_not_sent_again(stranger: Native, path: str) -> None:
    first = stranger.ask("GET", path)
    tag = first.headers["etag"]
    again = stranger.ask("GET", path, headers={"If-None-Match": tag})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    other = stranger.ask("GET", path, headers={"If-None-Match": '"other"'})
    assert (other.status, other.body) == (200, first.body)
    head = stranger.ask("HEAD", path)
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", tag)
    assert "default-src 'none'" in head.headers["content-security-policy"]
    assert first.headers["cache-control"] == "no-cache"
    assert not [name for name in first.headers if name.startswith("howdah")]


def test_it_tells_the_same_of_every_receiver(short_path: Path, stranger: Native) -> None:
    for name in ("one", "other"):
        app = app_on(short_path / name, allowed_hosts=frozenset({"howdah.example"}))
        docs = app.state.docs
        assert isinstance(docs, Docs)
        assert docs.page.body == stranger.ask("GET", "/docs").body
        assert docs.openapi.body == stranger.ask("GET", "/openapi.json").body


# -- colours


def luminance(colour: str) -> float:
    """Relative, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_can_be_read_in_light_and_dark(answer: Answer) -> None:
    themes = re.findall(r":root \{(.*?)\}", answer.body.decode(), re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#[0-9A-F]{6});", theme))
        assert colours.keys() >= {"text", "quiet", "accent", "background", "surface"}
        for words in ("text", "quiet", "accent"):
            for ground in ("background", "surface"):
                low, high = sorted((luminance(colours[words]), luminance(colours[ground])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (words, ground)
