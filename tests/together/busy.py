"""How the busy window of the pictures comes about: what was begun yesterday, and what goes on today."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from howdah_desktop.cli import context
from howdah_desktop.engine.attach import attach
from howdah_desktop.engine.control import Face
from howdah_desktop.engine.views import TransferView
from howdah_desktop.window.look import Part
from kit.link import FaultyLink
from kit.native import home, rot
from kit.window_run import OpenWindow
from together.belongings import CHUNK, Belongings
from together.carriage import MB
from together.nas import Nas

FILM_SHARE = 0.25
PHOTOS_BEFORE = 214
IMAGE_BYTES = 312 * MB
CHANGED_BYTES = 13 * CHUNK
DOWN_BYTES_PER_SECOND = 700_000
RATES = (2.2, 2.5, 2.4, 2.9, 2.8, 3.3, 3.2, 3.6, 3.5, 3.7, 2.9, 2.2, 2.0, 2.9, 3.5, 3.6, 3.4, 3.8)
"""In MB/s, each for two seconds: the curve of a line at home."""
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 60.0
NICER_SECONDS = 3.0


class Yesterday:
    """Without a window: things are sent, half sent, paused and lost."""

    def __init__(self, face: Face, receiver: Nas, link: FaultyLink, mine: Belongings) -> None:
        self._face = face
        self._receiver = receiver
        self._link = link
        self._mine = mine

    def run(self) -> None:
        plan, recording = self._mine.plan(), self._mine.recording()
        for path, to in (
            (plan, "Projects/Harbour"),
            (recording, "Meetings/2026"),
            (self._mine.database(), "Backups/db"),
        ):
            self._whole(path, to)
        self._face.remove()
        # A disk that forgets a bit: whoever fetches this notices.
        rot(home(self._receiver) / "Projects" / "Harbour" / plan.name, at=24 * CHUNK)
        plan.unlink()
        recording.unlink()
        self._mine.fetched.mkdir()
        fetched = self._face.add_fetches(
            [f"Projects/Harbour/{plan.name}"], bytes(self._mine.fetched)
        )
        self._wait(fetched, lambda rows: rows[0].state == "waiting", plan.name)
        self._whole(self._mine.thesis(), "Documents")
        self._part_of_film()
        self._part_of_folder()
        self._part_of_image_and_a_file_that_goes()

    def _part_of_film(self) -> None:
        film = self._mine.film()
        group = self._add(film, "Videos/2026")
        enough = FILM_SHARE * film.stat().st_size
        self._wait(group, lambda rows: _gone_up(rows) >= enough, film.name)
        self._pause(group)

    def _part_of_folder(self) -> None:
        group = self._add(self._mine.photos(), "Photos")
        self._wait(group, lambda rows: _done(rows) >= PHOTOS_BEFORE, "Kyoto")
        self._pause(group)

    def _part_of_image_and_a_file_that_goes(self) -> None:
        image, table = self._mine.image(), self._mine.orders()
        group = self._add(image, "Images")
        # Large as well, so it has to wait: there is time to lose it.
        lost = self._add(table, "Data")
        table.unlink()
        self._wait(group, lambda rows: rows[0].done_bytes >= IMAGE_BYTES, image.name)
        self._pause(group)
        self._wait(lost, lambda rows: rows[0].state == "failed", table.name)

    # -- inside

    def _add(self, path: Path, to: str) -> int:
        return self._face.add_sends([bytes(path)], to)

    def _whole(self, path: Path, to: str) -> None:
        self._wait(self._add(path, to), lambda rows: _done(rows) == len(rows), path.name)

    def _pause(self, group: int) -> None:
        rows = self._rows(group)
        roots = {row.root for row in rows if row.root is not None}
        self._face.pause([row.id for row in rows if row.root is None], sorted(roots))
        self._wait(
            group, lambda rows: all(row.state in ("paused", "done") for row in rows), "a pause"
        )

    def _rows(self, group: int) -> tuple[TransferView, ...]:
        return self._face.snapshot(group=group).transfers

    def _wait(
        self, group: int, condition: Callable[[tuple[TransferView, ...]], bool], what: str
    ) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (rows := self._rows(group)) or not condition(rows):
            states = {(row.state, row.sentence) for row in rows}
            assert time.monotonic() < deadline, f"{what}: {states}"
            time.sleep(LOOK_SECONDS)


def _done(rows: tuple[TransferView, ...]) -> int:
    return sum(row.state == "done" for row in rows)


def _gone_up(rows: tuple[TransferView, ...]) -> int:
    """A request is acknowledged at its end alone, and may be a large one."""
    return sum(row.done_bytes + row.in_flight_bytes for row in rows)


@contextmanager
def yesterday(receiver: Nas, link: FaultyLink, mine: Belongings) -> Iterator[None]:
    settings = context.settings()
    attached = attach(settings, lambda: context.connect(settings))
    try:
        Yesterday(attached.engine, receiver, link, mine).run()
        yield
    finally:
        attached.close()


def go_on(opened: OpenWindow, link: FaultyLink, mine: Belongings) -> None:
    """Today: in the window, over a line like those at home, until all of it can be seen."""
    orders = opened.howdah.orders
    link.rate_bytes_per_second = RATES[0] * MB
    link.down_bytes_per_second = DOWN_BYTES_PER_SECOND
    opened.wait(lambda: opened.look("interview-take-3.mp4"), "the list")
    orders.resume([opened.key("interview-take-3.mp4")])
    for rate in RATES:
        link.rate_bytes_per_second = rate * MB
        _let(opened, 2.0)
    database = mine.folder / "shop-nightly.sql"
    mine.change_end(database, CHANGED_BYTES)
    orders.add([bytes(database)], "Backups/db", lambda group: None)
    face = opened.howdah.feed.face()
    face.add_fetches(["Meetings/2026/kick-off-2026-11.m4a"], bytes(mine.fetched))
    opened.wait(lambda: opened.look(database.name).bar, "the database on its way")
    opened.wait(lambda: opened.look("kick-off-2026-11.m4a").bar is not None, "a download")
    orders.resume([opened.key("Kyoto")])
    opened.wait(lambda: _is_busy(opened), "everything at work")
    with suppress(AssertionError):  # nicer, but a matter of luck
        opened.wait(lambda: _in_parts(opened), seconds=NICER_SECONDS)


def _is_busy(opened: OpenWindow) -> bool:
    """As the picture is to show it."""
    film, database = opened.look("interview-take-3.mp4"), opened.look("shop-nightly.sql")
    recording, plan = opened.look("kick-off-2026-11.m4a"), opened.look("site-plan-rev-d.zip")
    return (
        all(
            look.right.endswith("left")
            for look in (film, database, recording, opened.look("Kyoto"))
        )
        and any(span.part is Part.IN_FLIGHT for span in film.bar or ())
        and database.tag == "only changes"
        and plan.tag.startswith("next try in")
        and opened.look("orders-2026-q3.csv").tag == "file is gone"
        and opened.look("debian-13.2-amd64-DVD-1.iso").status.startswith("Paused by you")
        and "verified" in opened.look("thesis-final.pdf").status
    )


def _in_parts(opened: OpenWindow) -> bool:
    """Of the film's requests that are under way together, a later one was through before an earlier."""
    return len(opened.look("interview-take-3.mp4").bar or ()) >= 4 and _is_busy(opened)


def _let(opened: OpenWindow, seconds: float) -> None:
    """Time passes: the curve is one of seconds."""
    end = time.monotonic() + seconds
    opened.wait(lambda: time.monotonic() >= end, "the clock")
