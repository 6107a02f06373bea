"""The stylesheet: what a widget looks like by its property `look`.

QPushButton     (none) or plain, primary, quiet, chip, link, danger
QToolButton     icon (nothing round it), framed
QFrame          card, sidebar, footer, dashed, line, banner-warn, banner-error
QLabel          title, heading, strong, muted, small, label, number, warn, error, mono
QLineEdit       wrong (what stands in it is not taken)
QListView       list

Qt asks for the property once: a look that changes later needs the widget polished anew.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from howdah_desktop.window import fonts

if TYPE_CHECKING:
    from howdah_desktop.window.palette import Colours

FOLDER: Final = Path(__file__).parent / "assets"


def stylesheet(colours: Colours, *, dark: bool) -> str:
    """The whole sheet in these colours."""
    controls = (FOLDER / "icons" / "controls").as_posix()
    on_accent = "ink" if dark else "white"
    muted = "dark" if dark else "light"
    words = {
        **asdict(colours),
        # What Qt draws inside of controls comes from files, with the colour in them.
        "check": f"{controls}/check-{on_accent}.svg",
        "minus": f"{controls}/minus-{on_accent}.svg",
        "tick": f"{controls}/check-{muted}.svg",
        "more_on_accent": f"{controls}/chevron-down-{on_accent}.svg",
        "more": f"{controls}/chevron-down-{muted}.svg",
        "less": f"{controls}/chevron-up-{muted}.svg",
        "further": f"{controls}/chevron-right-{muted}.svg",
        **{f"{role}_size": f"{fonts.points(it.pixels)}pt" for role, it in fonts.ROLES.items()},
    }
    return Template((FOLDER / "window.qss").read_text()).substitute(words)
