"""What has to be done for a folder to be as it was at a time. Pure: rows in, a plan out.

Whatever stood there and can still be had comes back, each content from where it is now:

- the file stands there with another content: the two change places;
- it stands elsewhere in the folder: it goes back to where it stood;
- it is in the trash, by itself or in a folder: it is taken out of it;
- it was moved out of the folder: it stays where it is, and a copy of its content of then is made.

What stands there and did not goes to the trash, all as one entry. Where what stood there cannot be had any
more, what stands there now is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from howdah_common import remote_path
from howdah_receiver.catalogue.then import Now, Then

Why = Literal["removed", "lost", "damaged"]


@dataclass(slots=True)
class Plan:
    """By path, what is to be done."""

    unchanged: set[str] = field(default_factory=set)
    missing: dict[str, Why] = field(default_factory=dict)
    swaps: list[Then] = field(default_factory=list)
    backs: list[Then] = field(default_factory=list)
    """From elsewhere in the folder."""
    untrashed: list[Then] = field(default_factory=list)
    copies: list[Then] = field(default_factory=list)
    outs: list[Now] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    @property
    def restored(self) -> int:
        return len(self.swaps) + len(self.backs) + len(self.untrashed) + len(self.copies)

    @property
    def trashed(self) -> int:
        return len(self.outs) - len(self.backs)

    @property
    def copied(self) -> set[tuple[str, str]]:
        """Versions of which a copy is needed, and for which paths."""
        return {(then.version_id, then.path) for then in self.copies}


def plan(
    folder: str,
    stood: Mapping[str, Then],
    standing: Iterable[Now],
    folders: Iterable[tuple[str, int]],
    at_ns: int,
) -> Plan:
    """`folders`: those below the folder now and when they were made, the deepest first."""
    found = Plan()
    standing = list(standing)
    claimed: set[str] = set()
    digests = {now.path: now.digest for now in standing}
    # Who stands where it stood comes first: a history that was merged may hold two that stood at once.
    for then in sorted(stood.values(), key=lambda one: (not _in_place(one), one.path)):
        why = _why_not(then)
        if why is not None:
            found.missing[then.path] = why
        elif not _in_place(then) and digests.get(then.path) == then.digest:
            found.unchanged.add(then.path)  # another file, with the very same content
        elif then.file_id in claimed:
            found.copies.append(then)
        else:
            _claim(found, then, folder)
            claimed.add(str(then.file_id))
    stays = {*found.unchanged, *found.missing, *(then.path for then in found.swaps)}
    found.outs = [now for now in standing if now.path not in stays]
    found.folders = _emptied(found, stood, standing, folders, at_ns)
    return found


def _why_not(then: Then) -> Why | None:
    if then.file_id is None or (then.trash_id is not None and then.trash_path is None):
        return "removed"
    if then.place == "lost":
        return "lost"
    return "damaged" if then.damaged else None


def _in_place(then: Then) -> bool:
    return then.trash_id is None and then.now_path == then.path


def _claim(found: Plan, then: Then, folder: str) -> None:
    if then.trash_id is not None:
        found.untrashed.append(then)
    elif then.now_path == then.path:
        if then.version_id == then.current_id:
            found.unchanged.add(then.path)
        else:
            found.swaps.append(then)
    elif not folder or str(then.now_path).startswith(f"{folder}/"):
        found.backs.append(then)
    else:
        found.copies.append(then)


def _emptied(
    found: Plan,
    stood: Mapping[str, Then],
    standing: list[Now],
    folders: Iterable[tuple[str, int]],
    at_ns: int,
) -> list[str]:
    """Folders that were made later and hold nothing then, or stand where a file stood."""
    going = {now.path for now in found.outs}
    filled = {
        above
        for path in [*stood, *(now.path for now in standing if now.path not in going)]
        for above in remote_path.parents(path)
    }
    coming = {path for path in stood if path not in found.missing}
    blocking = [f"{path}/" for path, _ in folders if path in coming]
    return [
        path
        for path, made_ns in folders
        if path not in filled
        and (made_ns > at_ns or any(f"{path}/".startswith(above) for above in blocking))
    ]
