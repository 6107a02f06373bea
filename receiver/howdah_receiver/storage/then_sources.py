"""Where each content of then lies now, as the names that an intent goes by."""

from __future__ import annotations

from collections.abc import Iterator

from howdah_receiver.catalogue import files as file_rows
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.then import Then
from howdah_receiver.ids import new_id
from howdah_receiver.storage.copies import Copies
from howdah_receiver.storage.ground import Ground
from howdah_receiver.storage.intents import Taken
from howdah_receiver.storage.then_plan import Plan


def taken(
    ground: Ground, space: Space, folder: str, trash_id: str, todo: Plan, copies: Copies
) -> Iterator[Taken]:
    """`trash_id`: the entry that what goes is put into first, also what comes back elsewhere."""
    for then in todo.swaps:
        yield _of(then, f"versions/{then.version_id}", swap=_kept_name(ground, space, then))
    for then in todo.backs:
        below = str(then.now_path)[len(folder) :].lstrip("/")
        yield _from(then, f"trash/{trash_id}/{below}")
    for then in todo.untrashed:
        yield _from(then, str(then.trashed_as))
    for then in todo.copies:
        part = copies.part(then.version_id, then.path)
        yield _of(then, f"parts/{part}", copy_of=then.version_id)


def _from(then: Then, lies: str) -> Taken:
    """The file lies there with what it held last; what it held then may be an earlier version."""
    if then.version_id == then.current_id:
        return _of(then, lies)
    return _of(then, f"versions/{then.version_id}", aside=lies, aside_id=str(then.current_id))


def _of(
    then: Then,
    source: str,
    *,
    swap: str | None = None,
    aside: str | None = None,
    aside_id: str = "",
    copy_of: str | None = None,
) -> Taken:
    return Taken(
        path=then.path,
        file_id=str(then.file_id),
        version_id=then.version_id if copy_of is None else new_id(),
        source=source,
        swap=swap,
        aside=aside,
        aside_id=aside_id,
        copy_of=copy_of,
    )


def _kept_name(ground: Ground, space: Space, then: Then) -> str:
    """An id of its own for what other hands put there in this moment."""
    with ground.catalogue.read() as connection:
        row = file_rows.at_path(connection, space.id, then.path)
    return row.version_id if row is not None and ground.stands(space, row) else new_id()
