"""What a survey of a watched folder found, into the ledger: in one commit for each step of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from howdah_desktop.engine.ledger import Ledger, WatchedFile
from howdah_desktop.engine.ledger_known import Known
from howdah_desktop.engine.transfers import Kind, Transfer
from howdah_desktop.folders.directory import Entry, What, joined
from howdah_desktop.folders.found import Directory
from howdah_desktop.folders.places import Places
from howdah_desktop.folders.watched import CLOSED_SECONDS, Watched
from howdah_desktop.link_names import is_of_link


class Intake:
    """Belongs to the control thread. `wall` gives seconds since 1970."""

    def __init__(self, ledger: Ledger, wall: Callable[[], float]) -> None:
        self._ledger = ledger
        self._wall = wall

    def take(
        self, folder: Watched, found: Iterable[Directory], closed: Collection[bytes]
    ) -> list[Transfer]:
        """Gives the new rows. `closed`: files that whoever wrote them has closed."""
        places = Places(folder)
        files: list[WatchedFile] = []
        with self._ledger.one_commit():
            for directory in found:
                self._note(folder, directory, places)
                files += self._files(folder, directory, closed, places)
            return self._ledger.put_watched(folder, files)

    def _note(self, folder: Watched, directory: Directory, places: Places) -> None:
        ledger, path = self._ledger, directory.path
        if directory.folders:
            fresh = [
                (e, places.remote_of(joined(path, e.name), What.FOLDER)) for e in directory.folders
            ]
            ledger.know_folders(folder.id, path, fresh)
        for name in directory.back:
            ledger.mark_gone(folder.id, joined(path, name), None)
        for name in directory.forgotten:
            ledger.forget(folder.id, joined(path, name))
        if directory.left_out is not None:
            ledger.leave_out(folder.id, path, directory.left_out)

    def _files(
        self, folder: Watched, directory: Directory, closed: Collection[bytes], places: Places
    ) -> Iterable[WatchedFile]:
        for entry, source in directory.files:
            path = joined(directory.path, entry.name)
            known = self._ledger.known(folder.id, path)
            if known is not None and _is_same(known, entry):
                continue  # it has arrived since the survey read what was known
            if known is not None and known.version is not None and not known.is_dir:
                if is_of_link(path.decode(), known.remote) is not (entry.what is What.LINK):
                    continue  # it has just arrived as what stood here before: it is looked at again
                remote, expected = known.remote, known.version
            else:
                remote, expected = places.remote_of(path, entry.what), "none"
            yield WatchedFile(
                path.decode("utf-8"),
                places.local_of(source),
                remote,
                entry.size,
                expected,
                self._settles(folder, entry, path in closed),
                changed=entry.ctime_ns / 1e9,
            )
        if directory.empty:
            yield WatchedFile(
                directory.path.decode("utf-8"),
                places.local_of(directory.path),
                places.remote_of(directory.path, What.FOLDER),
                0,
                None,
                kind=Kind.FOLDER,
            )

    def _settles(self, folder: Watched, entry: Entry, closed: bool) -> float | None:
        """When it has been left alone long enough, in seconds since 1970; None: it was."""
        wanted = folder.settings.settle_seconds
        if closed:
            wanted = min(wanted, CLOSED_SECONDS)
        now = self._wall()
        # The inode's own time as well: nobody sets it, and a file that is being copied with the time of
        # its original has a new one of these.
        age = now - max(entry.mtime_ns, entry.ctime_ns) / 1e9
        return None if age >= wanted else now + wanted - max(0.0, age)


def _is_same(known: Known, entry: Entry) -> bool:
    was = (known.inode, known.size, known.mtime_ns)
    return known.gone is None and was == (entry.inode, entry.size, entry.mtime_ns)
