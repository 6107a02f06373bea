"""What is deleted goes to the trash, comes back from it, or goes for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.native import Native, home, version_file

if TYPE_CHECKING:
    from pathlib import Path

    from kit.receiver import RunningReceiver


def in_trash(receiver: RunningReceiver, entry: str) -> Path:
    return receiver.data / "trash" / entry


def folder_at(native: Native, path: str) -> str:
    above = path.rpartition("/")[0]
    return next(str(item["id"]) for item in native.items(above) if item["path"] == path)


def deleted(native: Native, file: dict[str, Any]) -> str:
    answer = native.delete(file["id"])
    assert answer.status == 200, answer
    return str(answer.json["id"])


def test_a_deleted_file_is_in_the_trash_with_its_versions(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a", b"first")
    file = native.published(f"{folder}/a", b"second")
    answer = native.delete(file["id"])
    entry = answer.json
    assert (answer.status, entry["path"], entry["kind"]) == (200, f"{folder}/a", "file")
    assert (entry["bytes"], entry["files"]) == (6, 1)
    assert native.file(file["id"]).code == "file_not_found"
    assert native.content(file["id"]).code == "file_not_found"
    assert native.versions(file["id"]).code == "file_not_found"
    assert native.delete(file["id"]).code == "file_not_found"
    assert native.items(folder) == []
    assert not (home(shared) / folder / "a").exists()
    assert in_trash(shared, entry["id"]).read_bytes() == b"second"
    assert entry in native.trash(per_page=1000).json["items"]
    back = native.bring_back(entry["id"])
    assert back.json["item"]["id"] == file["id"]
    assert back.json["item"]["version"] == file["version"]
    assert native.content(file["id"]).body == b"second"
    assert len(native.versions(file["id"]).json["versions"]) == 2
    assert entry not in native.trash(per_page=1000).json["items"]
    assert native.bring_back(entry["id"]).code == "file_not_found"


def test_an_upload_to_where_a_deleted_file_stood_is_a_new_file(native: Native, folder: str) -> None:
    old = native.published(f"{folder}/a.txt", b"old")
    entry = deleted(native, old)
    new = native.published(f"{folder}/a.txt", b"new")
    assert new["id"] != old["id"]
    back = native.bring_back(entry).json["item"]
    assert (back["id"], back["path"]) == (old["id"], f"{folder}/a (2).txt")
    assert native.content(old["id"]).body == b"old"
    assert native.content(new["id"]).body == b"new"


def test_a_folder_goes_and_comes_back_whole(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    files = [native.published(f"{folder}/f/{name}", name.encode()) for name in ("a", "b/c", "b/d")]
    native.make_folder(f"{folder}/f/empty")
    earlier = deleted(native, files[2])
    top = folder_at(native, f"{folder}/f")
    entry = native.delete_folder(top).json
    assert (entry["kind"], entry["files"], entry["bytes"]) == ("folder", 2, 4)
    assert native.items(folder) == []
    assert native.get(f"/folders/{top}").code == "file_not_found"
    native.published(f"{folder}/f", b"a file in the way")
    back = native.bring_back(entry["id"]).json["item"]
    assert (back["id"], back["path"]) == (top, f"{folder}/f (2)")
    assert native.content(files[0]["id"]).body == b"a"
    assert native.file(files[1]["id"]).json["path"] == f"{folder}/f (2)/b/c"
    assert (home(shared) / folder / "f (2)/empty").is_dir()
    # What was deleted by itself before is an entry of its own; its folder is a file now.
    assert native.bring_back(earlier).code == "path_conflict"
    assert native.bring_back(earlier, path=f"{folder}/x/d").json["item"]["id"] == files[2]["id"]


def test_where_something_stands_it_can_be_refused(native: Native, folder: str) -> None:
    entry = deleted(native, native.published(f"{folder}/a", b"old"))
    native.published(f"{folder}/a", b"new")
    assert native.bring_back(entry, if_exists="fail").code == "path_conflict"
    assert native.bring_back(entry, path="../x").code == "bad_path"


def test_removed_for_good_nothing_of_it_is_left(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    first = native.published(f"{folder}/f/a", b"first")
    file = native.published(f"{folder}/f/a", b"second")
    assert version_file(shared, first["version"]).exists()
    entry = native.delete_folder(folder_at(native, f"{folder}/f")).json["id"]
    assert native.remove(entry).status == 204
    assert native.remove(entry).code == "file_not_found"
    assert not in_trash(shared, entry).exists()
    assert not version_file(shared, first["version"]).exists()
    assert native.file(file["id"]).code == "file_not_found"


def test_emptied_it_is_empty(native: Native, folder: str, shared: RunningReceiver) -> None:
    deleted(native, native.published(f"{folder}/a", b"12345"))
    before = native.trash().json["total"]
    answer = native.empty_trash()
    assert answer.status == 200
    assert answer.json["entries"] == before
    assert answer.json["bytes"] >= 5
    assert native.trash().json == {"items": [], "page": 1, "per_page": 50, "total": 0}
    assert list((shared.data / "trash").iterdir()) == []


def test_pages_of_the_trash_are_checked(native: Native) -> None:
    assert native.trash(page=0).code == "bad_request"
    assert native.trash(per_page=1001).code == "bad_request"
    assert native.trash(page="x").code == "bad_request"
    assert native.trash(space="0" * 32).code == "not_found"
