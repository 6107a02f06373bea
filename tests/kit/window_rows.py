"""Views of transfers as tests write them: what matters said, the rest made up."""

from __future__ import annotations

from typing import Any

from howdah_desktop.engine.views import Overview, RootView, TransferView

NOW = 1_790_000_000.0
MB = 1_000_000


def transfer(id_: int, state: str = "queued", **others: Any) -> TransferView:
    name = others.pop("name", f"file-{id_}.bin")
    values: dict[str, Any] = {
        "group": 1,
        "kind": "upload",
        "source": f"/home/me/{name}",
        "target": f"Videos/{name}",
        "size": 10 * MB,
        "done_bytes": 0,
        "added": NOW + id_,
    }
    return TransferView(id=id_, name=name, state=state, **(values | others))


def folder(id_: int, files: dict[str, int], **others: Any) -> RootView:
    values: dict[str, Any] = {
        "group": 1,
        "kind": "upload",
        "name": f"Folder {id_}",
        "source": f"/home/me/Folder {id_}",
        "target": f"Photos/Folder {id_}",
        "listing": False,
        "size": 100 * MB,
        "done_bytes": 0,
        "left_bytes": 100 * MB,
        "added": NOW + id_,
    }
    return RootView(id=id_, files=files, **(values | others))


def news(**what: Any) -> Overview:
    return Overview(change=1, **what)
