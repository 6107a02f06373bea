"""The colours of the window: ours, light and dark, or the system's where it asks for high contrast."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette


@dataclass(frozen=True, slots=True)
class Colours:
    """Every colour that the window uses, as "#rrggbb". The fields' names are the roles of icons.

    Text is readable (4.5:1) on each of the grounds that it stands on, a bar is seen (3:1) on its
    track; borders only decorate.
    """

    window: str
    sidebar: str
    surface: str
    """Cards, lists, fields and buttons."""
    hover: str
    pressed: str
    selected: str
    border: str
    outline: str
    """Round what may be clicked into but has no words of its own: boxes to tick."""
    track: str
    in_flight: str
    """The part of a bar that is on its way: half-way between bar and track."""
    tile: str
    text: str
    muted: str
    faint: str
    """Disabled text."""
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    accent_soft: str
    warn: str
    warn_soft: str
    error: str
    error_soft: str


LIGHT = Colours(
    window="#f6f6f4",
    sidebar="#f6f6f4",
    surface="#ffffff",
    hover="#f1f0ed",
    pressed="#e9e8e4",
    selected="#e9f1ee",
    border="#e5e4e0",
    outline="#8f8c85",
    track="#e9e8e4",
    in_flight="#a2bab1",
    tile="#f1f0ed",
    text="#1d1c1a",
    muted="#6b6862",
    faint="#a5a29b",
    accent="#2f6f5e",
    accent_hover="#296353",
    accent_pressed="#235547",
    on_accent="#ffffff",
    accent_soft="#dcebe6",
    warn="#8f5a10",
    warn_soft="#f8ecd6",
    error="#b83a3a",
    error_soft="#f7e1e0",
)

DARK = Colours(
    window="#1b1c1c",
    sidebar="#1b1c1c",
    surface="#232524",
    hover="#2a2c2b",
    pressed="#323534",
    selected="#263733",
    border="#333635",
    outline="#757a78",
    track="#373a39",
    in_flight="#46695e",
    tile="#2a2c2b",
    text="#ecebe7",
    muted="#9d9b95",
    faint="#686b69",
    accent="#5fb69c",
    accent_hover="#6dc3a9",
    accent_pressed="#52a68d",
    on_accent="#10201b",
    accent_soft="#24403a",
    warn="#d9a441",
    warn_soft="#423620",
    error="#e98080",
    error_soft="#472a2a",
)


def from_system(palette: QPalette) -> Colours:
    """The system's own colours, for who asked for high contrast: no tints, outlines in full.

    What needs the user is told by icon and words alone then, as the system's palette has no
    colours for it.
    """
    group = QPalette.ColorGroup.Active
    role = QPalette.ColorRole
    window, text = palette.color(group, role.Window).name(), palette.color(group, role.Text).name()
    surface = palette.color(group, role.Base).name()
    accent = palette.color(group, role.Highlight).name()
    on_accent = palette.color(group, role.HighlightedText).name()
    faint = palette.color(QPalette.ColorGroup.Disabled, role.Text).name()
    return Colours(
        window=window,
        sidebar=window,
        surface=surface,
        hover=surface,
        pressed=surface,
        selected=surface,
        border=text,
        outline=text,
        track=surface,
        in_flight=mixed(accent, surface, 0.5),
        tile=surface,
        text=text,
        muted=text,
        faint=faint,
        accent=accent,
        accent_hover=accent,
        accent_pressed=accent,
        on_accent=on_accent,
        accent_soft=surface,
        warn=text,
        warn_soft=surface,
        error=text,
        error_soft=surface,
    )


def mixed(over: str, under: str, share: float) -> str:
    """What `over` looks like on `under` if only `share` of it is opaque."""
    top, ground = QColor(over), QColor(under)

    def part(a: int, b: int) -> int:
        return round(share * a + (1 - share) * b)

    return QColor(
        part(top.red(), ground.red()),
        part(top.green(), ground.green()),
        part(top.blue(), ground.blue()),
    ).name()


def is_dark(palette: QPalette) -> bool:
    """Whether text is lighter than what it stands on."""
    ground = palette.color(QPalette.ColorRole.Window)
    return ground.lightness() < palette.color(QPalette.ColorRole.WindowText).lightness()


def qt_palette(colours: Colours) -> QPalette:
    """Every role of Qt's palette, so that nothing stays in the style's own grey."""
    role = QPalette.ColorRole
    active = {
        role.Window: colours.window,
        role.WindowText: colours.text,
        role.Base: colours.surface,
        role.AlternateBase: colours.hover,
        role.Text: colours.text,
        role.PlaceholderText: colours.muted,
        role.Button: colours.surface,
        role.ButtonText: colours.text,
        role.BrightText: colours.error,
        role.ToolTipBase: colours.text,
        role.ToolTipText: colours.surface,
        role.Highlight: colours.accent,
        role.HighlightedText: colours.on_accent,
        role.Accent: colours.accent,
        role.Link: colours.accent,
        role.LinkVisited: colours.accent,
        # The style shades its frames with these.
        role.Light: colours.surface,
        role.Midlight: colours.hover,
        role.Mid: colours.border,
        role.Dark: colours.outline,
        role.Shadow: colours.border,
    }
    disabled = {
        role.WindowText: colours.faint,
        role.Text: colours.faint,
        role.ButtonText: colours.faint,
        role.PlaceholderText: colours.faint,
        role.Highlight: colours.track,
        role.HighlightedText: colours.faint,
        role.Accent: colours.track,
        role.Link: colours.faint,
        role.LinkVisited: colours.faint,
    }
    palette = QPalette()
    for which, colour in active.items():
        palette.setColor(which, QColor(colour))
    for which, colour in disabled.items():
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(colour))
    return palette
