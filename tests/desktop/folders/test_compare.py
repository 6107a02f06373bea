"""A directory beside what is known of it: what is new, changed, gone."""

from __future__ import annotations

import os
from pathlib import Path

from howdah_desktop.folders.compare import SeenRow, differences
from howdah_desktop.folders.directory import Ground
from howdah_desktop.folders.rule import Rule


def known_of(ground: Ground) -> dict[bytes, SeenRow]:
    return {
        name: (name, False, found.st_ino, found.st_size, found.st_mtime_ns, None)
        for name, found in ground.listing(b"")
    }


def test_what_is_gone_is_seen_however_much_is_new(short_path: Path) -> None:
    for name in ("a", "b", "c"):
        (short_path / name).write_text(name)
    ground = Ground(os.fsencode(short_path))
    known = {name: row for name, row in known_of(ground).items() if name in (b"a", b"b", b"c")}
    (short_path / "b").unlink()
    (short_path / "d").write_text("d")
    (short_path / "c").write_text("changed")
    listing = [one for one in ground.listing(b"") if one[0] in (b"a", b"b", b"c", b"d")]
    found = differences(listing, known, lambda entry: None, all_rules=False)
    ground.close()
    assert found.gone == [b"b"]
    assert [entry.name for entry in found.fresh] == [b"d"]
    assert [entry.name for entry in found.changed] == [b"c"]


def test_what_a_link_took_the_place_of_is_gone_and_what_a_rule_names_is_not(
    short_path: Path,
) -> None:
    for name in ("named", "linked"):
        (short_path / name).write_text(name)
    ground = Ground(os.fsencode(short_path))
    mine = (b"named", b"linked")
    known = {name: row for name, row in known_of(ground).items() if name in mine}
    (short_path / "linked").unlink()
    (short_path / "linked").symlink_to("named")
    listing = [one for one in ground.listing(b"") if one[0] in mine]
    rule = Rule("watched", 1, "named")
    found = differences(listing, known, lambda entry: rule, all_rules=True)
    ground.close()
    assert found.gone == [b"linked"]
    assert found.forgotten == [b"named"]
    assert sorted(entry.name for entry, _ in found.left_out) == [b"linked", b"named"]
