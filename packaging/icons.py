"""Make the pictures that the window ships from its drawings.

The application's icon in the sizes that desktops ask for, and the small signs inside of controls,
which a stylesheet can only take from files with the colour in them. For maintainers.
"""

from __future__ import annotations

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from howdah_desktop.window import icons
from howdah_desktop.window.palette import DARK, LIGHT

CONTROLS = icons.ASSETS / "icons" / "controls"

INKS = {"white": LIGHT.on_accent, "ink": DARK.on_accent, "light": LIGHT.muted, "dark": DARK.muted}

SIGNS = {
    "check": ("white", "ink", "light", "dark"),
    "minus": ("white", "ink"),
    "chevron-down": ("white", "ink", "light", "dark"),
    "chevron-up": ("light", "dark"),
    "chevron-right": ("light", "dark"),
}


def write_controls() -> None:
    """The signs, each in the inks that it is used in."""
    CONTROLS.mkdir(exist_ok=True)
    for name, inks in SIGNS.items():
        for ink in inks:
            text = icons.drawing(name).replace("currentColor", INKS[ink])
            (CONTROLS / f"{name}-{ink}.svg").write_text(text)


def write_application_icon() -> None:
    """The icon in each size."""
    for size in icons.SIZES:
        # Legs and strokes of the large drawing are thinner than a dot in the smallest ones.
        name = "howdah-small.svg" if size <= 32 else "howdah.svg"
        renderer = QSvgRenderer(QByteArray((icons.ASSETS / "app" / name).read_bytes()))
        picture = QImage(size, size, QImage.Format.Format_ARGB32)
        picture.fill(0)
        painter = QPainter(picture)
        renderer.render(painter)
        painter.end()
        picture.save(str(icons.ASSETS / "app" / f"howdah-{size}.png"))


if __name__ == "__main__":
    app = QGuiApplication(["icons", "-platform", "offscreen"])
    write_controls()
    write_application_icon()
