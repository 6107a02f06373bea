"""What the one button of a row shows and says."""

from __future__ import annotations

from typing import NamedTuple

from howdah_desktop.window.look import Act, RowLook, Tone


class Face(NamedTuple):
    icon: str
    words: str
    """Its tooltip, and its label where the row has no words of its own."""
    role: str = "muted"
    """The icon's colour."""


ACTS = {
    Act.PAUSE: Face("pause", "Pause"),
    Act.GO_ON: Face("play", "Go on"),
    Act.TRY_NOW: Face("rotate-cw", "Try now"),
    Act.SEND_ALL: Face("upload", "Send all"),
    Act.REMOVE: Face("check", "Remove from the list", "accent"),
}
REMOVE_UNDONE = Face("x", "Remove from the list")
"""A tick would say that it arrived."""
MENU_WORDS = "More"
OPEN_WORDS = "Show its files"
CLOSE_WORDS = "Hide its files"

_ILL = (Tone.WARN, Tone.ERROR)


def face(look: RowLook) -> Face | None:
    """None: the row has no button."""
    if look.act is None:
        return None
    ended_well = look.status_tone not in _ILL and not (look.tag and look.tag_tone in _ILL)
    if look.act is Act.REMOVE and not (ended_well and look.bar_tone is Tone.GOOD):
        return REMOVE_UNDONE
    return ACTS[look.act]


def spoken_act(look: RowLook) -> str:
    found = face(look)
    return "" if found is None else look.act_words or found.words
