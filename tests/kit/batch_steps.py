"""What a client does with small files that came in batches, before and after they are synced."""

from __future__ import annotations

import hashlib

from kit.small_files import Small, stream
from kit.tree_steps import Step, at, bring_back, move, publish, remove, some, trash
from kit.wire import Wire
from kit.workload import content

_HEADERS = {"Content-Type": "application/vnd.howdah.files"}


def small(path: str, data: bytes | None = None, **more: str) -> Small:
    """The same client id each time: a step is one batch."""
    data = some(path) if data is None else data
    client_id = content(f"{path} {data[:20]!r}", 16).hex()
    return Small(path, data, client_id, algorithm="sha-256", **more)  # type: ignore[arg-type]


def batch(*files: Small) -> Step:
    def do(wire: Wire) -> None:
        answer = wire.call("POST", "/batch", stream(files), _HEADERS).expect(200)
        assert [item["status"] for item in answer["items"]] == [201] * len(files), answer

    return Step(f"a batch of {', '.join(file.path for file in files)}", do)


def restore(path: str, wanted: bytes) -> Step:
    """Make the version with that content stand there again."""
    digest = hashlib.sha256(wanted).hexdigest()

    def do(wire: Wire) -> None:
        item = at(wire, path)
        assert item is not None, path
        address = f"/files/{item['id']}/versions"
        versions = wire.get(address).expect(200)["versions"]
        found = next(one for one in versions if one.get("sha256") == digest)
        wire.post(f"{address}/{found['id']}/restore", {}).expect(200)

    return Step(f"restore a version of {path}", do)


def first_tree() -> list[Step]:
    """What there is before anybody dies."""
    return [
        publish("old/a", some("a1")),
        publish("old/b", some("b1")),
    ]


def all_changes() -> list[Step]:
    """What becomes of files while they are not synced. A batch that replaces something has one file:
    only what is new comes in one step."""
    return [
        batch(*(small(f"new/{n % 3}/{n}") for n in range(8)), small("new/empty", b"")),
        move("new/0/0", "moved/0"),
        batch(small("old/a", some("a2"))),
        trash("new/0/3"),
        publish("new/1/1", some("published over it")),
        batch(small("new/1/4", some("replaced by a batch"))),
        batch(small("old/b", some("b2"), if_exists="keep_both"), small("old/c")),
        move("new/2", "moved/2"),
        batch(
            small("new/2/again"), small("moved/2/beside"), small("large", content("large", 90_000))
        ),
        bring_back("new/0/3", "new/back"),
        restore("new/1/4", some("new/1/4")),
        trash("moved"),
        remove("moved"),
        batch(small("new/0/0", some("where something stood"))),
    ]
