"""A folder of ten thousand files: moved, deleted and brought back in one stroke; removed in steps."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from howdah_receiver.app import Receiver
from howdah_receiver.settings import Settings
from howdah_receiver.storage.disk import Identity
from kit.direct import Direct
from kit.forked import memory
from kit.tallies import complaints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = 10_000
SECONDS = 1.0
BUSY = 8.0
"""So many times as long is allowed: the machine has others to serve. What the promise is, stands above, and
the figures are printed."""


@pytest.fixture
def here() -> Iterator[Direct]:
    folder = Path(tempfile.mkdtemp(prefix="howdah-big-", dir=memory()))
    receiver = Receiver(Settings(data=folder / "data"))
    try:
        yield Direct(receiver)
    finally:
        receiver.stop()
        shutil.rmtree(folder)


def fill(here: Direct, path: str) -> None:
    """As if they had been published: rows copied from one that was, and files beside it. To send them would
    take minutes."""
    here.publish(f"{path}/0", b"abc")
    top = here.data / "files/owner" / path
    content = (top / "0").read_bytes()
    for number in range(1, FILES):
        (top / f"{number}").write_bytes(content)
    identities = {n: Identity.of((top / f"{n}").stat()) for n in range(1, FILES)}
    with here.receiver.catalogue.write() as connection:
        for table in ("files", "versions", "manifests"):
            columns = [
                row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")
                if row[1] != "number"
            ]  # fmt: skip
            version, file = "printf('%032x', n.value)", f"printf('%032x', n.value + {FILES})"
            new = {
                "version_id": version,
                "file_id": file,
                "path": f"'{path}/' || n.value",
                "name": "n.value",
                "folded": "n.value",
                "id": version if table == "versions" else file,
            }
            source = ", ".join(new.get(column, f"t.{column}") for column in columns)
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            connection.exec_driver_sql(
                f"""WITH RECURSIVE n(value) AS
                    (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {FILES - 1})
                    INSERT INTO {table} ({", ".join(columns)})
                    SELECT {source} FROM n, (SELECT * FROM {table} LIMIT 1) t"""
            )
        for number, identity in identities.items():
            connection.exec_driver_sql(
                "UPDATE versions SET device = ?, inode = ?, disk_modified_ns = ? WHERE id = ?",
                (identity.device, identity.inode, identity.modified_ns, f"{number:032x}"),
            )


def took(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def is_well(here: Direct) -> None:
    with closing(sqlite3.connect(here.data / "catalogue.sqlite3")) as catalogue:
        catalogue.row_factory = sqlite3.Row
        assert list(complaints(catalogue)) == []


def test_ten_thousand_files_move_go_and_come_back_in_a_second_each(
    here: Direct, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(here, "from")
    assert here.used() == (3 * FILES, FILES)
    moving = took(lambda: here.move("from", "to/there"))
    assert len(here.contents()) == FILES
    row = here.find("to/there/9999")
    with capsys.disabled():
        print(f"\n  {FILES} files: moved in {moving:.2f} s", end="")
    assert row.path == "to/there/9999"
    trashed: list[str] = []
    deleting = took(lambda: trashed.append(here.trash("to/there").id))
    assert here.contents() == {}
    restoring = took(lambda: here.restore(trashed[0], "back"))
    assert len(os.listdir(here.data / "files/owner/back")) == FILES
    is_well(here)
    trashed.append(here.trash("back").id)
    removing = took(lambda: here.tree.remove_entry(here.space, trashed[1], by=here.caller.actor))
    with capsys.disabled():
        print(f", deleted in {deleting:.2f} s, back in {restoring:.2f} s, gone in {removing:.2f} s")
    assert here.used() == (0, 0)
    assert list((here.data / "trash").iterdir()) == []
    is_well(here)
    assert max(moving, deleting, restoring) < SECONDS * BUSY
