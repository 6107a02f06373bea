"""What was replaced is kept, told of, fetched and brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.native import Native, home, random_content, version_file

if TYPE_CHECKING:
    from kit.receiver import RunningReceiver


def test_versions_are_listed_with_who_and_when(native: Native, folder: str) -> None:
    first = native.published(f"{folder}/a", b"first")
    native.digested(first["id"])
    second = native.published(f"{folder}/a", b"second")
    found = native.versions(second["id"]).json["versions"]
    assert [v["id"] for v in found] == [second["version"], first["version"]]
    assert [v["current"] for v in found] == [True, False]
    assert [v["size"] for v in found] == [6, 5]
    assert (
        found[1]["sha256"]
        == native.get(f"/files/{second['id']}/versions/{first['version']}").json["sha256"]
    )
    assert {(v["origin"], v["account"], v["device"]) for v in found} == {
        ("upload", "owner", "test")
    }
    (now,), (then,) = found[0]["stood"], found[1]["stood"]
    assert now == {"path": f"{folder}/a", "from_ns": second["added_ns"]}
    assert then == {"path": f"{folder}/a", "from_ns": first["added_ns"], "to_ns": now["from_ns"]}


def test_a_kept_version_is_fetched_like_a_file(native: Native, folder: str) -> None:
    content = random_content(200_000)
    first = native.published(f"{folder}/a", content)
    file = native.published(f"{folder}/a", b"second")
    answer = native.version_content(file["id"], first["version"], Range="bytes=100-199")
    assert (answer.status, answer.body) == (206, content.data[100:200])
    assert answer.headers["etag"] == f'"{first["version"]}"'
    assert native.version_content(file["id"], first["version"]).body == content.data
    assert native.version_content(file["id"], file["version"]).body == b"second"
    assert native.version_content(file["id"], "0" * 32).code == "file_not_found"
    other = native.published(f"{folder}/b", b"other")
    assert native.version_content(other["id"], first["version"]).code == "file_not_found"


def test_a_restored_version_is_the_same_version_again(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    first = native.published(f"{folder}/a", b"first")
    second = native.published(f"{folder}/a", b"second")
    answer = native.restore_version(second["id"], first["version"])
    assert answer.status == 200
    assert answer.json["version"] == first["version"]
    assert native.content(second["id"]).body == b"first"
    assert native.content(second["id"]).headers["etag"] == f'"{first["version"]}"'
    assert (home(shared) / folder / "a").read_bytes() == b"first"
    assert version_file(shared, second["version"]).read_bytes() == b"second"
    assert not version_file(shared, first["version"]).exists()
    found = native.versions(second["id"]).json["versions"]
    assert [v["id"] for v in found] == [first["version"], second["version"]]
    assert len(found[0]["stood"]) == 2
    again = native.restore_version(second["id"], second["version"])
    assert again.json["version"] == second["version"]
    assert native.restore_version(second["id"], second["version"]).json == again.json  # it stands


def test_another_version_than_the_wanted_one_stays(native: Native, folder: str) -> None:
    first = native.published(f"{folder}/a", b"first")
    second = native.published(f"{folder}/a", b"second")
    answer = native.restore_version(second["id"], first["version"], if_version=first["version"])
    assert (answer.status, answer.code) == (412, "version_conflict")


def test_what_was_edited_outside_is_kept_when_a_version_comes_back(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    first = native.published(f"{folder}/a", b"first")
    second = native.published(f"{folder}/a", b"second")
    (home(shared) / folder / "a").write_bytes(b"edited by hand")
    native.restore_version(second["id"], first["version"])
    found = native.versions(second["id"]).json["versions"]
    assert found[1]["origin"] == "outside"
    assert native.version_content(second["id"], found[1]["id"]).body == b"edited by hand"


def test_a_version_goes_for_good_but_not_what_stands_there(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    first = native.published(f"{folder}/a", b"first")
    second = native.published(f"{folder}/a", b"second")
    assert native.remove_version(second["id"], second["version"]).code == "version_current"
    assert native.remove_version(second["id"], first["version"]).status == 204
    assert native.remove_version(second["id"], first["version"]).code == "file_not_found"
    assert not version_file(shared, first["version"]).exists()
    assert len(native.versions(second["id"]).json["versions"]) == 1
