"""In a folder whose links are kept, each is a small file there, and as true as a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_desktop.folders.watched import FolderSettings, Links
from kit.watching import SETTLE_SECONDS, Watching, make, quick_watching, tree, watching

if TYPE_CHECKING:
    from kit.client import Client
    from kit.receiver import RunningReceiver

KEEP = FolderSettings(settle_seconds=SETTLE_SECONDS, links=Links.KEEP)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_watching(monkeypatch)


@pytest.fixture
def local(short_path: Path) -> Path:
    path = short_path / "watched"
    make(path, {"file.txt": b"content", "folder/deep.txt": b"deep"})
    return path


def link(folder: Path, name: str, target: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)


def there(folder: Watching) -> dict[str, bytes | None]:
    """What came of it, without the two files that each test begins with."""
    folder.at_rest()
    ours = {"file.txt": b"content", "folder/deep.txt": b"deep"}
    return {path: data for path, data in tree(folder.there).items() if path not in ours}


def test_links_are_kept_wherever_they_lead_and_never_followed(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    link(local, "to-file", "file.txt")
    link(local, "to-folder", "folder")
    link(local, "folder/out", "../../../etc/passwd")
    link(local, "to-nowhere", "missing")
    os.symlink(b"not-utf8-\xff", os.fsencode(local / "to-bytes"))
    with watching(paired, receiver, local, settings=KEEP) as folder:
        assert there(folder) == {
            "to-file.howdah-link": b"file.txt",
            "to-folder.howdah-link": b"folder",
            "folder/out.howdah-link": b"../../../etc/passwd",
            "to-nowhere.howdah-link": b"missing",
            "to-bytes.howdah-link": b"not-utf8-\xff",
        }
        assert not folder.view().left_out
        before = folder.engine._ledger.writes
        assert set(folder.at_rest().transfers) == {"done"}
        assert folder.engine._ledger.writes - before <= 2, "nothing is sent twice"


@pytest.mark.parametrize("mirror", [False, True])
def test_a_link_is_changed_renamed_and_deleted_as_a_file_is(
    paired: Client, receiver: RunningReceiver, local: Path, mirror: bool
) -> None:
    link(local, "a", "file.txt")
    link(local, "b", "folder")
    make(local, {f"more/{n}": b"%d" % n for n in range(20)})
    with watching(paired, receiver, local, mirror=mirror, settings=KEEP) as folder:
        more = {f"more/{n}": b"%d" % n for n in range(20)}
        assert there(folder) == {
            **more,
            "a.howdah-link": b"file.txt",
            "b.howdah-link": b"folder",
        }
        link(local, "a", "elsewhere")
        (local / "b").rename(local / "folder" / "c")
        assert there(folder) == {
            **more,
            "a.howdah-link": b"elsewhere",
            "folder/c.howdah-link": b"folder",
        }
        acts = folder.engine._ledger.rows("SELECT kind, remote, moved_to FROM acts")
        assert ("move", "copy/b.howdah-link", "copy/folder/c.howdah-link") in acts
        (local / "a").unlink()
        kept = {} if mirror else {"a.howdah-link": b"elsewhere"}
        assert there(folder) == {**more, **kept, "folder/c.howdah-link": b"folder"}


@pytest.mark.parametrize("mirror", [False, True])
def test_a_link_becomes_a_file_and_a_link_again_and_a_folder(
    paired: Client, receiver: RunningReceiver, local: Path, mirror: bool
) -> None:
    link(local, "a", "file.txt")
    with watching(paired, receiver, local, mirror=mirror, settings=KEEP) as folder:
        assert there(folder) == {"a.howdah-link": b"file.txt"}
        (local / "a").unlink()
        make(local, {"a": b"a file"})
        old = {} if mirror else {"a (2).howdah-link": b"file.txt"}
        assert there(folder) == {**old, "a": b"a file"}
        link(local, "a", "folder")
        old |= {} if mirror else {"a (2)": b"a file"}
        assert there(folder) == {**old, "a.howdah-link": b"folder"}
        (local / "a").unlink()
        make(local, {"a/b": b"inside"})
        old |= {} if mirror else {"a (3).howdah-link": b"folder"}
        assert there(folder) == {**old, "a/b": b"inside"}
        assert set(folder.view().transfers) == {"done"}


def test_a_renamed_folder_takes_its_links_along(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    link(local, "folder/a", "deep.txt")
    with watching(paired, receiver, local, settings=KEEP) as folder:
        folder.at_rest()
        (local / "folder").rename(local / "other")
        folder.at_rest()
        assert tree(folder.there) == {
            "file.txt": b"content",
            "other/deep.txt": b"deep",
            "other/a.howdah-link": b"deep.txt",
        }
        assert folder.view().transfers == {"done": 3}


def test_a_file_that_has_such_a_name_itself_stays_beside_the_link(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    # The bytes of both are the same, so that nothing but their names tells them apart.
    make(local, {"a.howdah-link": b"file.txt", "b.howdah-file": b"mine"})
    link(local, "a", "file.txt")
    with watching(paired, receiver, local, settings=KEEP) as folder:
        assert there(folder) == {
            "a.howdah-link": b"file.txt",
            "a.howdah-link.howdah-file": b"file.txt",
            "b.howdah-file.howdah-file": b"mine",
        }
        # A link of such a name is not kept, and that is said.
        link(local, "c.howdah-link", "file.txt")
        folder.at_rest()
        assert sum(folder.view().left_out.values()) == 1


def test_while_links_are_only_left_out_nothing_of_them_is_there(
    paired: Client, receiver: RunningReceiver, local: Path
) -> None:
    link(local, "a", "file.txt")
    with watching(paired, receiver, local) as folder:
        assert there(folder) == {}
        assert folder.view().left_out == {"symlink": 1}


# -- and back


def fetched(client: Client, into: Path, *options: str) -> tuple[dict[str, str | bytes], str]:
    """What `howdah get copy` brought: links as text; and what it said."""
    said = client.run("get", "copy", "--to", into, *options)
    found: dict[str, str | bytes] = {}
    for path in sorted((into / "copy").rglob("*")):
        name = str(path.relative_to(into / "copy"))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found, said.stderr


def test_get_writes_links_back_only_when_it_is_told_to(
    paired: Client, receiver: RunningReceiver, local: Path, short_path: Path
) -> None:
    link(local, "folder/a", "../file.txt")
    link(local, "b", "folder")
    make(local, {"c.howdah-link": b"a file"})
    with watching(paired, receiver, local, settings=KEEP) as folder:
        folder.at_rest()
    files = {"file.txt": b"content", "folder/deep.txt": b"deep"}
    assert fetched(paired, short_path / "texts")[0] == {
        **files,
        "b.howdah-link": b"folder",
        "c.howdah-link.howdah-file": b"a file",
        "folder/a.howdah-link": b"../file.txt",
    }
    links = {**files, "b": "folder", "c.howdah-link": b"a file", "folder/a": "../file.txt"}
    assert fetched(paired, short_path / "links", "--links") == (links, "")
    # Once more: they are there already.
    assert fetched(paired, short_path / "links", "--links")[0] == links


def test_a_link_that_would_lead_out_comes_as_text_and_that_is_said(
    paired: Client, receiver: RunningReceiver, local: Path, short_path: Path
) -> None:
    out = {
        "absolute": "/etc/passwd",
        "up": "../../elsewhere",
        # Through a link that is made beside it.
        "folder/by-the-way": "../to-top/../../elsewhere",
    }
    for name, target in out.items():
        link(local, name, target)
    link(local, "to-top", ".")
    link(local, "up-but-inside", "../copy/file.txt")
    with watching(paired, receiver, local, settings=KEEP) as folder:
        folder.at_rest()
    found, said = fetched(paired, short_path / "into", "--links")
    assert found == {
        "file.txt": b"content",
        "folder/deep.txt": b"deep",
        "to-top": ".",
        "up-but-inside": "../copy/file.txt",
        **{f"{name}.howdah-link": target.encode() for name, target in out.items()},
    }
    assert said.count("would lead out of the folder") == 3
    assert "up.howdah-link" in said


def test_a_link_is_not_written_over_something_else(
    paired: Client, receiver: RunningReceiver, local: Path, short_path: Path
) -> None:
    link(local, "a", "file.txt")
    with watching(paired, receiver, local, settings=KEEP) as folder:
        folder.at_rest()
    make(short_path / "into", {"copy/a": b"mine"})
    found, said = fetched(paired, short_path / "into", "--links")
    assert found["a"] == b"mine"
    assert found["a.howdah-link"] == b"file.txt"
    assert "Something else is called 'a' here" in said
