"""What is left out of a watched folder, and by which rule."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import lru_cache

from howdah_common import remote_path
from howdah_desktop.folders.directory import Entry, Ground, Listed, What, joined, parted
from howdah_desktop.folders.ignore import IGNORE_FILE, Ignore
from howdah_desktop.folders.rule import Rule
from howdah_desktop.folders.watched import FolderSettings
from howdah_desktop.link_names import is_reserved

NAME_NOT_UNICODE = Rule("name", 0, "name_not_unicode")
BAD_PATH = Rule("name", 0, "bad_path")
OWN_FOLDER = Rule("kind", 0, "own_folder")
LINK_NAME = Rule("kind", 0, "link_name")


class LeftOut:
    """The rules of one walk: each directory's are read once.

    `remote_of`: where an entry would go at the receiver; may raise UnicodeDecodeError.
    """

    def __init__(
        self,
        settings: FolderSettings,
        ground: Ground,
        remote_of: Callable[[bytes, What], str],
        own_folder: bytes,
    ) -> None:
        self._ground = ground
        self._remote_of = remote_of
        self._own_folder = own_folder
        self._ignores: dict[bytes, Ignore] = {}
        self._top = _top_rules(settings.ignore, settings.only, settings.default_rules)

    def fingerprint(self, path: bytes) -> str:
        """Of the rules in force at a directory."""
        return self.ignore(path).fingerprint

    def ignore(self, path: bytes, listing: Iterable[Listed] | None = None) -> Ignore:
        """The rules for the entries of a directory."""
        found = self._ignores.get(path)
        if found is None:
            above = self.ignore(parted(path)[0]) if path else self._top
            # Nearly all directories have no rules of their own, and their entries were just read.
            name = IGNORE_FILE.encode()
            has_own = listing is None or any(one[0] == name for one in listing)
            text = self._ground.read_small(path, name) if has_own else None
            found = self._ignores[path] = above.within(os.fsdecode(path), text)
        return found

    def rule_for(self, entry: Entry, path: bytes, text: str, ignore: Ignore) -> Rule | None:
        name = os.fsdecode(entry.name)
        is_dir = entry.what is What.FOLDER
        if rule := ignore.rule_for(text, name, is_dir):
            return rule
        if entry.what is What.LINK and is_reserved(name):
            return LINK_NAME
        if is_dir and joined(self._ground.root, joined(path, entry.name)) == self._own_folder:
            return OWN_FOLDER
        try:
            remote_path.check_path(self._remote_of(joined(path, entry.name), entry.what))
        except UnicodeError:
            return NAME_NOT_UNICODE
        except remote_path.BadPath:
            return BAD_PATH
        return None


@lru_cache(maxsize=64)
def _top_rules(ignore: tuple[str, ...], only: tuple[str, ...], defaults: bool) -> Ignore:
    """Kept, as each look at a single directory begins with them."""
    return Ignore.of(ignore, only, defaults=defaults)
