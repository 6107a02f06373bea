"""Icons in any colour: line drawings from `assets/icons` (Lucide) and our own mark."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

ASSETS: Final = Path(__file__).parent / "assets"

# Small shapes that say more as areas than as outlines.
FILLED: Final = {"pause", "play"}

SIZES: Final = (16, 24, 32, 48, 64, 128, 256, 512)

# An icon holds a picture for each of these scales of a screen; Qt takes the nearest.
RATIOS: Final = (1.0, 1.25, 1.5, 2.0, 3.0)


@cache
def drawing(name: str) -> str:
    """The text of an icon's file. KeyError: there is none of this name."""
    folder = "app" if name == "mark" else "icons"
    file = ASSETS / folder / f"{name}.svg"
    if not file.is_file():
        raise KeyError(name)
    text = file.read_text()
    if name in FILLED:
        text = text.replace('fill="none"', 'fill="currentColor"')
    return text


def paint(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    """The icon as a picture of `size` by `size` on a screen with `ratio` dots a pixel."""
    renderer = QSvgRenderer(QByteArray(drawing(name).replace("currentColor", colour).encode()))
    side = round(size * ratio)
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


@cache
def application_icon() -> QIcon:
    """The program's own icon, for title bars, docks and task lists."""
    icon = QIcon()
    for size in SIZES:
        icon.addFile(str(ASSETS / "app" / f"howdah-{size}.png"), QSize(size, size))
    return icon
