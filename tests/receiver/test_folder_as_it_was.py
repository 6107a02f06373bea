"""A whole folder as it was at a date, in one act."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kit.native import Native, home

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def rewind(native: Native, path: str, at_ns: int, **query: Any) -> Any:
    answer = native.ask(
        "POST", "/api/v1/folders/restore", message={"path": path, "at_ns": at_ns}, query=query
    )
    assert answer.status == 200, answer
    return answer.json


def contents(receiver: RunningReceiver, folder: str) -> dict[str, bytes]:
    """All files below the folder on the disk."""
    top = home(receiver) / folder
    return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}


def known(native: Native, folder: str) -> dict[str, str]:
    """Paths and versions of all files below the folder, by the catalogue."""
    found: dict[str, str] = {}
    for item in native.items(folder):
        if item["kind"] == "folder":
            found |= known(native, item["path"])
        else:
            found[item["path"]] = item["version"]
    return found


def test_replaced_deleted_moved_and_added_files_are_as_they_were(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    f = f"{folder}/f"
    same = native.published(f"{f}/same", b"same")
    replaced = native.published(f"{f}/replaced", b"old")
    deleted = native.published(f"{f}/sub/deleted", b"deleted")
    renamed = native.published(f"{f}/renamed", b"renamed")
    left = native.published(f"{f}/left", b"left")
    changed_and_deleted = native.published(f"{f}/both", b"both, first")
    for name in ("x", "y"):
        native.published(f"{f}/pair/{name}", name.encode())
    native.published(f"{f}/folder/deep/file", b"in a folder")
    before, on_disk = known(native, f), contents(shared, f)
    at_ns = time.time_ns()

    native.published(f"{f}/replaced", b"new")
    native.published(f"{f}/both", b"both, second")
    native.delete(changed_and_deleted["id"])
    native.delete(deleted["id"])
    native.published(f"{f}/sub/deleted", b"another file of that name")
    native.move(renamed["id"], f"{f}/another name")
    native.published(f"{f}/another name", b"and changed")
    native.move(left["id"], f"{folder}/elsewhere")
    pair = {item["path"][-1]: item["id"] for item in native.items(f"{f}/pair")}
    native.move(pair["x"], f"{f}/pair/z")  # the two change places
    native.move(pair["y"], f"{f}/pair/x")
    native.move(pair["x"], f"{f}/pair/y")
    deep = next(i["id"] for i in native.items(f) if i["path"] == f"{f}/folder")
    native.delete_folder(deep)
    native.published(f"{f}/folder", b"a file where a folder was")
    native.published(f"{f}/added/later", b"later")
    after, then_on_disk = known(native, f), contents(shared, f)

    said = rewind(native, f, at_ns, dry_run="true")
    assert (known(native, f), contents(shared, f)) == (after, then_on_disk)
    done = rewind(native, f, at_ns)
    assert {**done, "dry_run": True, "trash": None} == {**said, "trash": None}
    assert (done["restored"], done["unchanged"], done["missing"]) == (8, 1, [])
    assert done["trashed"] == 3  # what was added, and two where others had stood
    assert contents(shared, f) == on_disk
    # Of what was moved away, a copy: another file with the same content.
    assert {p: v for p, v in known(native, f).items() if p != f"{f}/left"} == {
        p: v for p, v in before.items() if p != f"{f}/left"
    }
    assert native.content(left["id"]).body == b"left"
    assert native.content(same["id"]).body == b"same"
    assert native.content(replaced["id"]).body == b"old"
    assert native.file(renamed["id"]).json["path"] == f"{f}/renamed"
    entry = next(e for e in native.trash(per_page=1000).json["items"] if e["id"] == done["trash"])
    assert (entry["files"], entry["kind"], entry["path"]) == (3, "folder", f)
    assert not (home(shared) / f / "added").exists()
    # And back again: all that was there before is still to be had.
    back = native.bring_back(done["trash"]).json["item"]["path"]
    assert contents(shared, back) == {
        "added/later": b"later",
        "folder": b"a file where a folder was",
        "sub/deleted": b"another file of that name",
    }
    assert rewind(native, f, at_ns)["restored"] == 0


def test_there_and_back_again(native: Native, folder: str, shared: RunningReceiver) -> None:
    file = native.published(f"{folder}/f/a", b"first")
    first = time.time_ns()
    native.published(f"{folder}/f/a", b"second")
    native.published(f"{folder}/f/b", b"b")
    second = time.time_ns()
    native.move(file["id"], f"{folder}/f/c")
    for _ in range(2):
        rewind(native, f"{folder}/f", first)
        assert contents(shared, f"{folder}/f") == {"a": b"first"}
        rewind(native, f"{folder}/f", second)
        assert contents(shared, f"{folder}/f") == {"a": b"second", "b": b"b"}
    assert {p.rpartition("/")[2] for p in known(native, f"{folder}/f")} == {"a", "b"}


def test_a_folder_that_was_deleted_stands_again(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/f/a/b", b"b")
    at_ns = time.time_ns()
    top = next(i["id"] for i in native.items(folder) if i["path"] == f"{folder}/f")
    entry = native.delete_folder(top).json["id"]
    assert rewind(native, f"{folder}/f", at_ns)["restored"] == 1
    assert contents(shared, f"{folder}/f") == {"a/b": b"b"}
    left = next(e for e in native.trash(per_page=1000).json["items"] if e["id"] == entry)
    assert (left["files"], left["bytes"]) == (0, 0)
    assert native.remove(entry).status == 204


def test_what_is_gone_for_good_is_named_and_nothing_is_put_in_its_place(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    first = native.published(f"{folder}/f/a", b"first")
    gone = native.published(f"{folder}/f/gone", b"gone")
    edited = native.published(f"{folder}/f/edited", b"as sent")
    at_ns = time.time_ns()
    file = native.published(f"{folder}/f/a", b"second")
    native.remove_version(file["id"], first["version"])
    native.remove(native.delete(gone["id"]).json["id"])
    (home(shared) / folder / "f/edited").write_bytes(b"in place, so what was there is lost")
    done = rewind(native, f"{folder}/f", at_ns)
    assert done["missing"] == [
        {"path": f"{folder}/f/a", "why": "removed"},
        {"path": f"{folder}/f/edited", "why": "lost"},
        {"path": f"{folder}/f/gone", "why": "removed"},
    ]
    assert (done["missing_total"], done["restored"], done["trashed"]) == (3, 0, 0)
    assert native.content(file["id"]).body == b"second"
    assert native.content(edited["id"]).body == b"in place, so what was there is lost"


def test_what_other_hands_put_in_the_way_goes_to_the_trash_with_the_rest(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/f/a", b"a")
    deep = native.published(f"{folder}/f/d/e", b"e")
    at_ns = time.time_ns()
    native.delete(file["id"])
    native.delete(deep["id"])
    top = home(shared) / folder / "f"
    (top / "d").rmdir()
    (top / "d").write_bytes(b"a file by hand")
    (top / "a").mkdir()
    (top / "a/x").write_bytes(b"in a folder by hand")
    done = rewind(native, f"{folder}/f", at_ns)
    assert contents(shared, f"{folder}/f") == {"a": b"a", "d/e": b"e"}
    aside = [p for p in (shared.data / "trash").rglob("*") if p.is_file()]
    assert {p.read_bytes() for p in aside} >= {b"a file by hand", b"in a folder by hand"}
    assert done["restored"] == 2


def test_nothing_there_nothing_restored(native: Native, folder: str) -> None:
    ask = {"path": f"{folder}/none", "at_ns": time.time_ns()}
    assert native.post("/folders/restore", ask).code == "file_not_found"
    native.published(f"{folder}/file", b"x")
    assert (
        native.post("/folders/restore", {**ask, "path": f"{folder}/file"}).code == "path_conflict"
    )
    answer = native.ask("POST", "/api/v1/folders/restore", message=ask, query={"dry_run": "maybe"})
    assert answer.code == "bad_request"
