"""How a row of the list, and what stands around it, looks: plain data, made by `sentences` and `overall`,
shown by the delegate and the widgets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Tone(Enum):
    """What a piece of text says beyond its words; words and icons always say it too."""

    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"
    ERROR = "error"


class Act(Enum):
    """The next sensible thing to do with a row: its one button."""

    PAUSE = "pause"
    GO_ON = "go on"
    TRY_NOW = "try now"
    SEND_ALL = "send all"
    """Its drop is larger than anyone drops by accident; it waits for a yes."""
    REMOVE = "remove"


class Part(Enum):
    """What a piece of the chunk map stands for."""

    RECEIVED = "received"
    KNOWN = "already there"
    IN_FLIGHT = "in flight"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the chunk map; ends are shares of the whole, from 0 to 1."""

    first: float
    last: float
    part: Part


@dataclass(frozen=True, slots=True)
class RowLook:
    """Everything that is painted of one row, and what a screen reader says of it."""

    title: str
    tile: str
    """Up to four letters: the kind of file, "DIR" for a folder."""
    target: str
    """Where it goes, `Videos/2026/`; of a download: where it comes from."""
    note: str = ""
    """After the target, muted: "312 files"."""
    tag: str = ""
    tag_tone: Tone = Tone.GOOD
    bar: tuple[Span, ...] | None = None
    """None: no bar is drawn, and the two lines stand in the middle."""
    bar_tone: Tone = Tone.GOOD
    status: str = ""
    status_tone: Tone = Tone.PLAIN
    right: str = ""
    """At the end of the status line: "15 s left", "10:42"."""
    act: Act | None = None
    act_words: str = ""
    """Empty: the button shows its icon alone."""
    download: bool = False
    expandable: bool = False
    expanded: bool = False
    child: bool = False
    """Stands below an expanded folder."""
    spoken: str = ""
    """The whole row in one sentence, for screen readers."""


@dataclass(frozen=True, slots=True)
class Column:
    """ "Sending", "84.2", "MB/s"."""

    label: str
    number: str
    unit: str


@dataclass(frozen=True, slots=True)
class CardState:
    """What the card says."""

    tone: Tone
    name: str
    """The receiver's: `nas.home`."""
    line: str
    """How it stands: "Connected", "No answer, next try in 8 s"."""
    detail: str = ""
    busy: bool = False
    """It is being asked at this moment."""

    @property
    def spoken(self) -> str:
        """All of it in one sentence, for screen readers."""
        return ". ".join(part for part in (f"Receiver {self.name}", self.line, self.detail) if part)


@dataclass(frozen=True, slots=True)
class BannerText:
    """What a banner says."""

    tone: Tone
    """WARN or ERROR."""
    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    """Label and value to compare, in monospace: fingerprints are shown in groups of four."""
    acts: tuple[tuple[str, str], ...] = ()
    """Key and words of each button; the first is the primary one."""
