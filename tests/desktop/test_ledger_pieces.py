"""What the ledger remembers of pieces: the last version of each file, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.engine import ledger_pieces
from howdah_desktop.engine.ledger import Ledger
from howdah_desktop.engine.ledger_pieces import UNUSED_SECONDS, remembered


def test_the_last_version_of_a_file_is_remembered_for_any_thread(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.keep_pieces("f", "v1", b"one", 1.0)
    ledger.keep_pieces("g", "w1", b"other", 1.0)
    ledger.keep_pieces("f", "v2", b"two", 2.0)
    assert remembered(tmp_path, "f") == ("v2", b"two")
    assert remembered(tmp_path, "g") == ("w1", b"other")
    assert remembered(tmp_path, "h") is None
    ledger.close()


def test_all_lists_together_are_bounded_and_the_oldest_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_pieces, "MOST_BYTES", 100)
    ledger = Ledger(tmp_path)
    ledger.keep_pieces("a", "v", bytes(40), 1.0)
    ledger.keep_pieces("b", "v", bytes(40), 2.0)
    ledger.keep_pieces("a", "w", bytes(40), 3.0)
    ledger.keep_pieces("c", "v", bytes(40), 4.0)
    assert [ledger.pieces(name) is not None for name in "abc"] == [True, False, True]
    ledger.keep_pieces("d", "v", bytes(101), 5.0)
    assert [ledger.pieces(name) for name in "abcd"] == [None] * 4
    ledger.close()


def test_what_was_not_used_for_long_is_forgotten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.keep_pieces("a", "v", b"x", 1.0)
    ledger.keep_pieces("b", "v", b"x", 2.0 + UNUSED_SECONDS)
    assert ledger.pieces("a") is None
    assert ledger.pieces("b") is not None
    ledger.close()


def test_without_a_ledger_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="ledger_damaged"):
        remembered(tmp_path, "f")
