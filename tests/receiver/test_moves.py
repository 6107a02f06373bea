"""Files and folders get other paths, and stay what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.native import Native, home, version_file

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def at(native: Native, path: str) -> dict[str, Any]:
    """The file or folder at a path."""
    folder, _, _name = path.rpartition("/")
    found = [item for item in native.items(folder) if item["path"] == path]
    assert found, f"nothing at {path}"
    return found[0]


def test_a_file_that_is_moved_stays_the_same_file(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    native.published(f"{folder}/a", b"first")
    file = native.published(f"{folder}/a", b"second")
    moved = native.move(file["id"], f"{folder}/new/place/b")
    assert moved.status == 200, moved
    assert moved.json["id"] == file["id"]
    assert moved.json["version"] == file["version"]
    assert native.content(file["id"]).body == b"second"
    assert (home(shared) / folder / "new/place/b").read_bytes() == b"second"
    assert not (home(shared) / folder / "a").exists()
    assert len(native.versions(file["id"]).json["versions"]) == 2
    assert native.listing(f"{folder}/a").code == "file_not_found"


def test_a_name_that_is_taken_is_left_alone(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a.txt", b"a")
    other = native.published(f"{folder}/b.txt", b"b")
    native.make_folder(f"{folder}/c")
    for taken in ("b.txt", "c", "b.txt/x"):
        answer = native.move(file["id"], f"{folder}/{taken}")
        assert (answer.status, answer.code) == (409, "path_conflict")
    beside = native.move(file["id"], f"{folder}/b.txt", if_exists="keep_both")
    assert beside.json["path"] == f"{folder}/b (2).txt"
    assert native.content(other["id"]).body == b"b"
    assert native.move(file["id"], f"{folder}/b (2).txt").status == 200  # where it stands


def test_moved_over_another_it_is_a_version_of_that(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/draft", b"draft")
    file = native.published(f"{folder}/draft", b"better")
    target = native.published(f"{folder}/final", b"final")
    moved = native.move(file["id"], f"{folder}/final", if_exists="version")
    assert moved.status == 200
    assert (moved.json["id"], moved.json["version"]) == (target["id"], file["version"])
    assert native.content(target["id"]).body == b"better"
    kept = {v["id"] for v in native.versions(target["id"]).json["versions"]}
    assert len(kept) == 3
    assert version_file(shared, target["version"]).read_bytes() == b"final"
    assert native.file(file["id"]).code == "file_not_found"


def test_another_version_than_the_wanted_one_stays_where_it_is(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"first")
    answer = native.move(file["id"], f"{folder}/b", if_version="0" * 32)
    assert (answer.status, answer.code) == (412, "version_conflict")
    assert answer.json["version"] == file["version"]
    assert native.delete(file["id"], if_version="0" * 32).status == 412
    assert native.move(file["id"], f"{folder}/b", if_version=file["version"]).status == 200
    assert native.delete(file["id"], if_version=file["version"]).status == 200


def test_a_folder_moves_with_all_that_is_in_it(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    files = [native.published(f"{folder}/from/{name}", name.encode()) for name in ("a", "b/c")]
    top = at(native, f"{folder}/from")
    moved = native.move_folder(top["id"], f"{folder}/to/there")
    assert (moved.json["id"], moved.json["path"]) == (top["id"], f"{folder}/to/there")
    for file, name in zip(files, ("a", "b/c"), strict=True):
        assert native.file(file["id"]).json["path"] == f"{folder}/to/there/{name}"
        assert native.content(file["id"]).body == name.encode()
        assert (home(shared) / folder / "to/there" / name).exists()
    assert native.get(f"/folders/{top['id']}").json == moved.json
    assert [item["path"] for item in native.items(f"{folder}/to")] == [f"{folder}/to/there"]
    again = native.published(f"{folder}/from/a", b"another")
    assert again["id"] != files[0]["id"]


def test_a_folder_does_not_go_into_itself_nor_over_anything(native: Native, folder: str) -> None:
    native.make_folder(f"{folder}/a/b")
    native.make_folder(f"{folder}/c")
    top = at(native, f"{folder}/a")
    for path in (f"{folder}/a/b/a", f"{folder}/a/x", f"{folder}/c"):
        answer = native.move_folder(top["id"], path)
        assert (answer.status, answer.code) == (409, "path_conflict")
    root = native.items("")
    assert native.move_folder(top["id"], f"{folder}/ab").status == 200  # no part of itself
    assert len(native.items("")) == len(root)


def test_what_would_get_too_long_a_path_stays(native: Native, folder: str) -> None:
    deep = "/".join(["d" * 200] * 15)
    native.published(f"{folder}/a/{deep}/file", b"deep")
    target = "/".join(["e" * 200] * 6)
    answer = native.move_folder(at(native, f"{folder}/a")["id"], f"{folder}/{target}")
    assert (answer.status, answer.code) == (400, "bad_path")
    steep = "/".join("s" * 120)
    native.make_folder(f"{folder}/s/{steep}")
    answer = native.move_folder(at(native, f"{folder}/s")["id"], f"{folder}/1/2/3/4/5/6/7/8/9")
    assert (answer.status, answer.code) == (400, "bad_path")


def test_other_hands_file_is_not_overwritten(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"ours")
    (home(shared) / folder / "b").write_bytes(b"theirs")
    assert native.move(file["id"], f"{folder}/b").code == "path_conflict"
    assert (home(shared) / folder / "b").read_bytes() == b"theirs"
    assert native.content(file["id"]).body == b"ours"


def test_what_was_edited_outside_is_moved_as_it_is(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    file = native.published(f"{folder}/a", b"ours")
    (home(shared) / folder / "a").write_bytes(b"edited")
    moved = native.move(file["id"], f"{folder}/b")
    assert moved.json["version"] != file["version"]
    assert native.content(file["id"]).body == b"edited"


def test_nothing_goes_from_one_space_to_another(native: Native, folder: str) -> None:
    file = native.published(f"{folder}/a", b"a")
    answer = native.move(file["id"], f"{folder}/b", space="0" * 32)
    assert (answer.status, answer.code) == (409, "other_space")
    assert native.move(file["id"], f"{folder}/b", space=file["space"]).status == 200
