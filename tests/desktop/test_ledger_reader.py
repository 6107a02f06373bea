"""The ledger as a window reads it while an engine works on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine.ledger import Ledger, NewTransfer
from howdah_desktop.engine.ledger_orders import Chosen
from howdah_desktop.engine.ledger_reader import LedgerReader
from howdah_desktop.engine.showing import view
from howdah_desktop.engine.transfers import (
    HELD,
    USER,
    Hold,
    IfExists,
    Kind,
    Transfer,
    TransferState,
)

S = TransferState


@pytest.fixture
def ledger(short_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(short_path)
    yield ledger
    ledger.close()


def upload(path: str, size: int = 10) -> NewTransfer:
    return NewTransfer(Kind.UPLOAD, os.fsencode(f"/x/{path}"), path, size=size)


def add(
    ledger: Ledger, *rows: NewTransfer, folder: str = "", hold: Hold = Hold.NO
) -> list[Transfer]:
    group = ledger.add_group(Kind.UPLOAD, IfExists.VERSION, sha256=False, held=hold)
    root = None
    if folder:
        ledger.add_root(group, os.fsencode(f"/x/{folder}"), f"to/{folder}")
        root = ledger.roots(group.id)[0]
    return ledger.put_in(group, rows, root=root).rows


CASES = {
    S.WAITING: {"code": "storage_full", "detail": "Much.", "next_try": 5.0, "attempt": 3},
    S.FAILED: {"code": "source_missing", "finished": 7.0},
    S.SETTLING: {"code": "source_changed", "next_try": 2.0},
    S.DONE: {"detail": "already there", "digest": "d", "final_path": "a (2)", "done_bytes": 10},
    S.SKIPPED: {"code": "exists"},
    S.PAUSED: {"code": USER},
}


def test_a_row_reads_the_same_here_as_from_the_engine_in_every_state(
    ledger: Ledger, short_path: Path
) -> None:
    rows = add(ledger, *[upload(f"{state.value}\xff") for state in S])
    rows = [
        replace(row, state=state, **CASES.get(state, {}))  # type: ignore[arg-type]
        for row, state in zip(rows, S, strict=True)
    ]
    folder = NewTransfer(Kind.FOLDER, b"/x/not utf-8 \xff", "empty", size=0)
    fetched = NewTransfer(Kind.DOWNLOAD, b"/down", "there/b.bin", "b.bin", size=5)
    root = NewTransfer(Kind.UPLOAD, b"/", "x", size=None, failed="unheard_of", detail="?")
    held = add(ledger, upload("held"), hold=Hold.ASKS) + add(ledger, upload("c"), hold=Hold.COUNTS)
    rows += add(ledger, folder, fetched, root) + held
    ledger.save(rows)
    reader = LedgerReader(short_path)
    assert {row.id: row for row in reader.top_level()} == {row.id: view(row) for row in rows}
    reader.close()


def test_what_is_paused_says_why(ledger: Ledger) -> None:
    paused = replace(add(ledger, upload("a"))[0], state=S.PAUSED, code=USER)
    assert view(paused).sentence == "Paused by you."
    held = add(ledger, upload("b"), hold=Hold.COUNTS)[0]
    assert (held.state, held.code) == (S.PAUSED, HELD)
    assert view(held).sentence == "Being counted."
    ledger.ask_for(held.group)
    asks = ledger.get(held.id)
    assert asks is not None
    told = "Waits for your yes: it is more than 10,000 files or 100 GB."
    assert view(asks).sentence == told


def test_what_was_removed_is_not_read(ledger: Ledger, short_path: Path) -> None:
    kept, removed = add(ledger, upload("a"), upload("b"))
    ledger.cancel(Chosen())
    ledger.hide(Chosen([removed.id]))
    reader = LedgerReader(short_path)
    assert [row.id for row in reader.top_level()] == [kept.id]
    reader.close()


def test_folders_come_with_their_figures_and_their_files_in_pages(
    ledger: Ledger, short_path: Path
) -> None:
    rows = add(ledger, *[upload(f"f/{n}") for n in range(7)], folder="f")
    single = add(ledger, upload("single"))[0]
    ledger.save(
        [
            replace(rows[0], state=S.DONE, done_bytes=10),
            replace(rows[1], state=S.WAITING, code="storage_full", next_try=3.0),
            replace(rows[2], state=S.FAILED, code="source_missing"),
        ]
    )
    reader = LedgerReader(short_path)
    [root] = reader.roots()
    assert (root.name, root.source, root.target) == ("f", "/x/f", "to/f")
    assert root.listing
    assert root.files == {"done": 1, "waiting": 1, "failed": 1, "queued": 4}
    assert (root.size, root.done_bytes, root.left_bytes) == (60, 10, 50)
    assert root.code == "source_missing"
    assert root.sentence
    assert root.remedy
    first = reader.children(root.id, limit=3)
    rest = reader.children(root.id, after=first[-1].id)
    assert [row.id for row in first + rest] == [row.id for row in rows]
    assert {row.root for row in first + rest} == {root.id}
    assert [row.id for row in reader.top_level()] == [single.id]
    reader.close()


def test_a_folder_is_in_the_list_while_it_is_listed_or_has_files_in_it(
    ledger: Ledger, short_path: Path
) -> None:
    add(ledger, folder="f")
    reader = LedgerReader(short_path)
    [root] = ledger.roots()
    assert [view.id for view in reader.roots()] == [root.id]
    ledger.root_listed(root)
    assert reader.roots() == []
    reader.close()


def test_a_folder_of_the_receiver_says_where_it_goes(ledger: Ledger, short_path: Path) -> None:
    group = ledger.add_group(Kind.DOWNLOAD, IfExists.FAIL, sha256=False)
    ledger.add_root(group, b"/down", "there/films")
    reader = LedgerReader(short_path)
    [root] = reader.roots()
    assert (root.kind, root.name, root.source) == ("download", "films", "there/films")
    assert root.target == "/down/films"
    reader.close()


def test_a_search_finds_names_in_folders_and_not_the_folders_own(
    ledger: Ledger, short_path: Path
) -> None:
    found = add(ledger, upload("film/A Film.mov"), upload("film/else"), folder="film")
    add(ledger, upload("film"))
    reader = LedgerReader(short_path)
    assert reader.roots_with("FILM") == {found[0].root: [found[0].id]}
    reader.close()


def test_where_there_is_no_ledger_yet_the_reader_says_so(short_path: Path) -> None:
    with pytest.raises(ProblemError):
        LedgerReader(short_path)
