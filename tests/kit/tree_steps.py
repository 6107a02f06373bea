"""What a client does to a tree of a receiver that may die at any moment, step by step.

Each step can be asked for again after a lost answer, and finds out by itself whether it was done: ids stay,
and what was done shows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from howdah_common.digests import SHA256
from kit.wire import Wire
from kit.workload import Load, content

_JSON = {"Content-Type": "application/json"}


@dataclass(eq=False)
class Step:
    """`before`: what other hands do first, once."""

    name: str
    do: Callable[[Wire], None]
    before: Callable[[Path], None] | None = None
    acknowledged: bool = False
    begun: bool = False

    def go_on(self, wire: Wire, data: Path) -> None:
        """Raises NoAnswer."""
        if self.before is not None and not self.begun:
            self.before(data)
        self.begun = True
        self.do(wire)
        self.acknowledged = True


def at(wire: Wire, path: str) -> dict[str, Any] | None:
    """The file or folder that stands there."""
    folder = path.rpartition("/")[0]
    answer = wire.get(f"/files?path={quote(folder)}&per_page=1000")
    if answer.status == 404:
        return None
    items: list[dict[str, Any]] = answer.expect(200)["items"]
    return next((item for item in items if item["path"] == path), None)


def _address(item: dict[str, Any]) -> str:
    return f"/{item['kind']}s/{item['id']}"


def move(path: str, to: str, **more: Any) -> Step:
    def do(wire: Wire) -> None:
        item = at(wire, path)
        if item is None:
            assert at(wire, to), f"{path} is nowhere"
            return
        body = json.dumps({"path": to, **more}).encode()
        wire.call("PATCH", _address(item), body, _JSON).expect(200)

    return Step(f"move {path} to {to}", do)


def trash(path: str) -> Step:
    def do(wire: Wire) -> None:
        item = at(wire, path)
        if item is not None:
            wire.call("DELETE", _address(item)).expect(200)

    return Step(f"trash {path}", do)


def _entry(wire: Wire, path: str) -> dict[str, Any] | None:
    items: list[dict[str, Any]] = wire.get("/trash?per_page=1000").expect(200)["items"]
    return next((item for item in items if item["path"] == path), None)


def bring_back(path: str, to: str) -> Step:
    def do(wire: Wire) -> None:
        entry = _entry(wire, path)
        if entry is not None:
            wire.post(f"/trash/{entry['id']}/restore", {"path": to}).expect(200)

    return Step(f"bring {path} back to {to}", do)


def remove(path: str) -> Step:
    def do(wire: Wire) -> None:
        entry = _entry(wire, path)
        if entry is not None:
            wire.call("DELETE", f"/trash/{entry['id']}").expect(204)

    return Step(f"remove {path} for good", do)


def empty() -> Step:
    return Step("empty the trash", lambda wire: wire.call("DELETE", "/trash").expect(200))


def _version(wire: Wire, path: str, wanted: bytes) -> tuple[str, dict[str, Any] | None]:
    """The file's address, and its version with that content."""
    item = at(wire, path)
    assert item is not None, path
    digest = Load(path, wanted, algorithm=SHA256).manifest.digest().hex()
    versions = wire.get(f"/files/{item['id']}/versions").expect(200)["versions"]
    found = (one for one in versions if one["manifest_digest"] == digest)
    return f"/files/{item['id']}/versions", next(found, None)


def restore_version(path: str, wanted: bytes) -> Step:
    def do(wire: Wire) -> None:
        address, version = _version(wire, path, wanted)
        assert version is not None
        wire.post(f"{address}/{version['id']}/restore", {}).expect(200)

    return Step(f"restore a version of {path}", do)


def remove_version(path: str, wanted: bytes) -> Step:
    def do(wire: Wire) -> None:
        address, version = _version(wire, path, wanted)
        if version is not None:
            wire.call("DELETE", f"{address}/{version['id']}").expect(204)

    return Step(f"remove a version of {path}", do)


def rewind(path: str, at_ns: int) -> Step:
    def do(wire: Wire) -> None:
        wire.post("/folders/restore", {"path": path, "at_ns": at_ns}).expect(200)

    return Step(f"{path} as it was", do)


def publish(path: str, data: bytes, *, edited: bytes | None = None) -> Step:
    """`edited`: what other hands have put there just before, as an editor saves."""
    # With its SHA-256 known at once, and the same client id each time: a step is one upload.
    load = Load(path, data, "plain", SHA256, with_sha256=True, client_id=_client_id(path, data))

    def edit(folder: Path) -> None:
        target = folder / "files" / "owner" / path
        new = target.with_name(f"{target.name}.new")
        new.write_bytes(edited or b"")
        new.rename(target)

    return Step(f"publish {path}", load.go_on, edit if edited is not None else None)


def _client_id(path: str, data: bytes) -> str:
    return Load(f"{path}", data).manifest.digest().hex()[:32]


def some(name: str) -> bytes:
    return content(name, 700)


def first_tree() -> list[Step]:
    """What there is before anybody dies."""
    return [
        publish("a", some("a1")), publish("a", some("a2")),
        publish("f/x", some("x1")), publish("f/x", some("x2")),
        publish("f/sub/y", some("y1")),
        publish("f/sub/z", some("z1")),
        publish("f/gone", some("gone")),
        publish("f/left", some("left")),
        publish("b", some("b1")), publish("c", some("c1")),
        publish("d", some("d1")), publish("d", some("d2")),
    ]  # fmt: skip


def all_changes(at_ns: int) -> list[Step]:
    """All kinds of changes; `at_ns`: after `first_tree`."""
    return [
        move("a", "new/place/a"),
        trash("f/gone"),
        publish("f/gone", some("another of that name")),
        move("f/left", "elsewhere/left"),
        publish("f/x", some("x3"), edited=some("edited by hand")),
        publish("f/added/later", some("later")),
        move("f/sub/y", "f/y again"),
        move("b", "c", if_exists="version"),
        trash("d"),
        rewind("f", at_ns),
        move("f", "deep/f"),
        trash("deep/f"),
        bring_back("deep/f", "f"),
        restore_version("f/x", some("x3")),
        remove_version("c", some("c1")),
        bring_back("d", "d again"),
        trash("f/sub"),
        remove("f/sub"),
        empty(),
    ]


def now_ns() -> int:
    return time.time_ns()
