"""What somebody has on their disk in the pictures: names and sizes."""

from __future__ import annotations

import os
from pathlib import Path

from together.carriage import MB, MIB, write_random

CHUNK = 256 * 1024
SMALL = 30 * CHUNK
"""What still goes beside a large file, in the lane for small ones."""
PHOTOS = 312
PHOTO_BYTES = 410_000
ISO_BYTES = 3_900 * MB


class Belongings:
    """The files, below one folder; made when they are needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.fetched = folder / "fetched"

    def film(self) -> Path:
        return write_random(self.folder / "interview-take-3.mp4", 310 * MB)

    def database(self) -> Path:
        return write_random(self.folder / "shop-nightly.sql", SMALL)

    def change_end(self, database: Path, count: int) -> None:
        """As a database does that was added to: the last `count` bytes are others."""
        with database.open("r+b") as file:
            file.seek(-count, os.SEEK_END)
            file.write(os.urandom(count))

    def photos(self) -> Path:
        kyoto = self.folder / "Kyoto"
        for number in range(PHOTOS):
            size = PHOTO_BYTES + 997 * (number * 37 % 200) - 100_000
            write_random(kyoto / f"DSC_{4101 + number}.jpg", size)
        return kyoto

    def image(self) -> Path:
        """Mostly a hole: only what is sent of it has to be there."""
        path = write_random(self.folder / "debian-13.2-amd64-DVD-1.iso", 96 * MB)
        os.truncate(path, ISO_BYTES)
        return path

    def thesis(self) -> Path:
        return write_random(self.folder / "thesis-final.pdf", 21_400_000)

    def orders(self) -> Path:
        return self.hole("orders-2026-q3.csv", 84 * MB)

    def plan(self) -> Path:
        return write_random(self.folder / "site-plan-rev-d.zip", SMALL - 3 * CHUNK)

    def recording(self) -> Path:
        return write_random(self.folder / "kick-off-2026-11.m4a", SMALL)

    def hole(self, name: str, size: int) -> Path:
        """A file of nothing but zeros, which takes no room."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, size)
        return path

    def letters(self, count: int) -> list[Path]:
        return [
            write_random(self.folder / "letters" / f"letter-{n:02}.odt", MIB // 64)
            for n in range(1, count + 1)
        ]

    def archive(self) -> Path:
        """More than anyone drops by accident."""
        folder = self.folder / "Archive"
        for number in range(12_400):
            place = folder / f"{2009 + number // 1000}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"scan-{number:05}.tif").touch()
        for year in range(2009, 2018):
            self.hole(f"Archive/{year}/camera.mov", 18_300 * MB)
        return folder
