"""A directory as the disk has it beside what is known of it: what is new, changed, gone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from howdah_desktop.folders.directory import Entry, Listed, What, entry_of
from howdah_desktop.folders.rule import Rule


class Seen(NamedTuple):
    """What is known of an entry, as far as a comparison needs it."""

    name: bytes
    is_dir: bool
    inode: int
    size: int | None
    mtime_ns: int | None
    gone: float | None


SeenRow = tuple[bytes, bool, int, int | None, int | None, float | None]
"""The same as SQLite gives it: rows are read by the hundred thousand, and looked into where they differ."""


@dataclass(slots=True)
class Differences:
    """Of one directory."""

    fresh: list[Entry] = field(default_factory=list)
    """Files that nothing is known of."""
    changed: list[Entry] = field(default_factory=list)
    """Files that are not what was agreed on."""
    back: list[Entry] = field(default_factory=list)
    """Deleted once, and now here again as they were."""
    folders: list[Entry] = field(default_factory=list)
    """That are known and still the same."""
    fresh_folders: list[Entry] = field(default_factory=list)
    """Of which nothing is known, or which others have replaced."""
    gone: list[bytes] = field(default_factory=list)
    """Known, and not there."""
    left_out: list[tuple[Entry, Rule]] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)
    """Known, and left out from now on: what is there stays."""
    empty: bool = True
    """Nothing in it is carried."""


SYMLINK = Rule("kind", 0, "symlink")
SPECIAL = Rule("kind", 0, "special")


def differences(
    listing: Iterable[Listed],
    known: Mapping[bytes, SeenRow],
    rule_for: Callable[[Entry], Rule | None],
    *,
    all_rules: bool,
    keep_links: bool = False,
) -> Differences:
    """`rule_for`: the rule that leaves an entry out, or None; asked only about what is not known as it is,
    unless `all_rules` (the rules are not what they were). `keep_links`: links count as files."""
    found = Differences()
    here = set()
    for name, looked in listing:
        row = known.get(name)
        # Nearly every file of nearly every comparison ends here, so that this is all that it costs.
        if (
            row is not None
            and row[4] == looked.st_mtime_ns
            and row[2] == looked.st_ino
            and row[3] == looked.st_size
            and row[5] is None
            and not all_rules
        ):
            here.add(name)
            continue
        seen = None if row is None else seen_of(row)
        entry = entry_of(name, looked)
        same = seen is not None and _is_same(entry, seen)
        if not same or all_rules:
            kind = _by_kind(entry, keep_links=keep_links)
            rule = kind or rule_for(entry)
            if rule is not None:
                found.left_out.append((entry, rule))
                # What a link or a device has taken the place of is gone; what a rule names now is not.
                if seen is not None and kind is None:
                    found.forgotten.append(name)
                    here.add(name)
                continue
        here.add(name)
        found.empty = False
        _place(found, entry, seen, same=same)
    if here:
        found.empty = False
    found.gone = [name for name, row in known.items() if name not in here and row[5] is None]
    return found


def seen_of(row: SeenRow) -> Seen:
    seen = Seen._make(row)
    # SQLite's integers are signed.
    return seen if seen.inode >= 0 else seen._replace(inode=seen.inode + 2**64)


def _place(found: Differences, entry: Entry, seen: Seen | None, *, same: bool) -> None:
    if entry.what is What.FOLDER:
        (found.folders if same else found.fresh_folders).append(entry)
        if seen is not None and seen.gone is not None:
            found.back.append(entry)
    elif seen is None or seen.is_dir:
        found.fresh.append(entry)
    elif not same:
        found.changed.append(entry)
    elif seen.gone is not None:
        found.back.append(entry)


def _is_same(entry: Entry, seen: Seen) -> bool:
    """The device's number is left out: a disk that is plugged in again may get another."""
    if seen.is_dir or entry.what not in (What.FILE, What.LINK):
        return bool(seen.is_dir) and entry.what is What.FOLDER and entry.inode == seen.inode
    return (entry.inode, entry.size, entry.mtime_ns) == (seen.inode, seen.size, seen.mtime_ns)


def _by_kind(entry: Entry, *, keep_links: bool) -> Rule | None:
    if entry.what is What.LINK:
        return None if keep_links else SYMLINK
    return SPECIAL if entry.what is What.OTHER else None
