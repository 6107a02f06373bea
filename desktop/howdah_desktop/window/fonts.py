"""The window's letters: Inter, which comes with Howdah, or the system's own face."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from PySide6.QtGui import QFont, QFontDatabase

FOLDER: Final = Path(__file__).parent / "assets" / "fonts"
FAMILY: Final = "Howdah Inter"
"""Renamed when it was made smaller (packaging/fonts.sh): an Inter of the user's never mixes in."""

# One pixel of the design, in points: the design counts 96 to the inch, a Mac 72. Points follow the
# size of text that the user has chosen for the system; pixels would not.
POINTS_PER_PIXEL: Final = 1.0 if sys.platform == "darwin" else 0.75


class Role(NamedTuple):
    """How a piece of text is set."""

    pixels: float
    weight: QFont.Weight = QFont.Weight.Normal
    tabular: bool = False
    """All figures of one width: numbers that change do not make their neighbours tremble."""


ROLES: Final = {
    "title": Role(18, QFont.Weight.DemiBold),
    "heading": Role(15, QFont.Weight.DemiBold),
    "body": Role(13),
    "strong": Role(13, QFont.Weight.Medium),
    "name": Role(13.5, QFont.Weight.DemiBold),
    "small": Role(12, tabular=True),
    "label": Role(11.5, tabular=True),
    "number": Role(18, QFont.Weight.DemiBold, tabular=True),
    "tag": Role(11.5, QFont.Weight.DemiBold, tabular=True),
    "tile": Role(10.5, QFont.Weight.Bold),
}


@cache
def load() -> str:
    """The family of our face; empty if its files cannot be read, and the system's is used then."""
    families: set[str] = set()
    for file in sorted(FOLDER.glob("*.ttf")):
        number = QFontDatabase.addApplicationFont(str(file))
        families.update(QFontDatabase.applicationFontFamilies(number) if number >= 0 else ())
    return FAMILY if FAMILY in families else ""


def points(pixels: float) -> float:
    """A size of the design, in points."""
    return pixels * POINTS_PER_PIXEL


def font(role: str, family: str) -> QFont:
    """The font for a role; an empty family is the system's."""
    setting = ROLES[role]
    made = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if family:
        # The system's face helps out with the letters that ours does not have.
        made.setFamilies([family, *made.families()])
    made.setPointSizeF(points(setting.pixels))
    made.setWeight(setting.weight)
    if setting.tabular and hasattr(made, "setFeature"):
        made.setFeature(QFont.Tag("tnum"), 1)
    return made
