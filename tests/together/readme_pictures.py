"""The README's pictures: the busy scene out of build/screenshots, 1.5 pixels for one, in 256 colours.

After `make screenshots`: `.venv/bin/python tests/together/readme_pictures.py`. A window has few colours and
many shades of them where letters end: with a palette of its own, the picture is a third of the size, and
nobody sees it.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 1680
MOST_COLOURS = 256
NEAR = 7
"""Shades that differ by less, in red, green and blue together, may stand for each other."""
MOST_BYTES = 250_000

Colour = tuple[int, int, int]


def main() -> int:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        source = SCREENSHOTS / f"busy-{scheme}-2x.png"
        image = QImage(str(source))
        if image.isNull():
            print(f"{source.name} is missing: run `make screenshots` first.", file=sys.stderr)
            return 1
        target = PICTURES / f"transfers-{scheme}.png"
        smooth = Qt.TransformationMode.SmoothTransformation
        few_colours(image.scaledToWidth(WIDTH, smooth)).save(str(target), "PNG", 0)  # type: ignore[call-overload]
        print(f"{target.name}  {target.stat().st_size:,} bytes")
        if target.stat().st_size > MOST_BYTES:
            return 1
    return 0


def few_colours(image: QImage) -> QImage:
    """The same picture with a palette."""
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = memoryview(image.constBits()).cast("B").cast("I")  # lines of 32 bits have no filling
    counts = Counter(pixels)
    palette = _palette([_colour(pixel) for pixel, _ in counts.most_common()])
    nearest = {pixel: _nearest(_colour(pixel), palette) for pixel in counts}
    small = QImage(image.size(), QImage.Format.Format_Indexed8)
    small.setColorTable([0xFF000000 | r << 16 | g << 8 | b for r, g, b in palette])
    lines = memoryview(small.bits()).cast("B")
    width, step = image.width(), small.bytesPerLine()
    for line in range(image.height()):
        row = pixels[line * width : (line + 1) * width]
        lines[line * step : line * step + width] = bytes([nearest[pixel] for pixel in row])
    return small


def _palette(colours: list[Colour]) -> list[Colour]:
    """The most frequent ones, none near another: the rare ones too have something to stand for them."""
    palette: list[Colour] = []
    for colour in colours:
        if all(_distance(colour, other) >= NEAR for other in palette):
            palette.append(colour)
            if len(palette) == MOST_COLOURS:
                break
    return palette


def _nearest(colour: Colour, palette: list[Colour]) -> int:
    return min(range(len(palette)), key=lambda place: _distance(colour, palette[place]))


def _colour(pixel: int) -> Colour:
    return pixel >> 16 & 255, pixel >> 8 & 255, pixel & 255


def _distance(one: Colour, other: Colour) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2])


if __name__ == "__main__":
    sys.exit(main())
