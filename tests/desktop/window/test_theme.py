"""The window can be read, in every scheme, and follows what the user and the system want."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QIcon, QImage, QPalette
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton

from howdah_desktop.window import fonts, icons
from howdah_desktop.window.palette import DARK, LIGHT, Colours, from_system, is_dark, qt_palette
from howdah_desktop.window.stylesheet import stylesheet
from howdah_desktop.window.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

SCHEMES = [pytest.param(LIGHT, id="light"), pytest.param(DARK, id="dark")]

GROUNDS = ("window", "sidebar", "surface", "hover", "selected", "tile")

# Which colour stands as text on which.
TEXTS = [
    *((text, ground) for text in ("text", "muted") for ground in GROUNDS),
    ("text", "pressed"),
    ("text", "accent_soft"),
    *(("on_accent", ground) for ground in ("accent", "accent_hover", "accent_pressed")),
    *(("accent", ground) for ground in ("window", "surface", "selected", "accent_soft")),
    *((text, ground) for text in ("warn", "error") for ground in ("window", "surface", "selected")),
    ("warn", "warn_soft"),
    ("error", "error_soft"),
]

# What must be seen, but not read: bars on their track, the ring of the focus, boxes to tick.
SHAPES = [
    *((bar, "track") for bar in ("accent", "warn", "error")),
    *(("accent", ground) for ground in GROUNDS),
    *(("text", ground) for ground in ("window", "accent_soft")),
    *(("outline", ground) for ground in ("window", "surface")),
]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def too_faint(colours: Colours, pairs: list[tuple[str, str]], least: float) -> list[str]:
    ratios = {
        f"{over} on {under}": contrast(getattr(colours, over), getattr(colours, under))
        for over, under in pairs
    }
    return [f"{pair}: {ratio:.2f}" for pair, ratio in ratios.items() if ratio < least]


@pytest.mark.parametrize("colours", SCHEMES)
def test_every_text_can_be_read_on_what_it_stands_on(colours: Colours) -> None:
    assert not too_faint(colours, TEXTS, 4.5)


@pytest.mark.parametrize("colours", SCHEMES)
def test_bars_boxes_and_the_focus_are_seen(colours: Colours) -> None:
    assert not too_faint(colours, SHAPES, 3)


@pytest.mark.parametrize("colours", SCHEMES)
def test_no_role_of_the_palette_is_left_to_the_style(colours: Colours) -> None:
    assert is_dark(qt_palette(colours)) == (colours is DARK)
    ours = {QColor(getattr(colours, field.name)).name() for field in fields(colours)}
    palette = qt_palette(colours)
    for group in (
        QPalette.ColorGroup.Active,
        QPalette.ColorGroup.Inactive,
        QPalette.ColorGroup.Disabled,
    ):
        for role in QPalette.ColorRole:
            if role not in (QPalette.ColorRole.NColorRoles, QPalette.ColorRole.NoRole):
                assert palette.color(group, role).name() in ours, (group, role)


def test_high_contrast_takes_the_system_s_colours() -> None:
    system = QPalette(QColor("#000000"))
    system.setColor(QPalette.ColorRole.Text, QColor("#ffff00"))
    system.setColor(QPalette.ColorRole.Highlight, QColor("#00ffff"))
    colours = from_system(system)
    assert (colours.text, colours.muted, colours.border) == ("#ffff00",) * 3
    assert (colours.window, colours.accent) == ("#000000", "#00ffff")


@pytest.mark.parametrize("colours", SCHEMES)
def test_the_stylesheet_has_every_name_filled_in(colours: Colours) -> None:
    sheet = stylesheet(colours, dark=colours is DARK)
    assert "$" not in sheet
    assert "None" not in sheet
    for file in re.findall(r'url\("([^"]*)"\)', sheet):
        assert QImage(file).width() > 0, file


def test_a_colour_that_nobody_named_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("howdah_desktop.window.stylesheet.asdict", lambda _: {})
    with pytest.raises(KeyError):
        stylesheet(LIGHT, dark=False)


def drawn(image: QImage) -> set[str]:
    """The colours of an image's opaque dots."""
    dots = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return {dot.name() for dot in dots if dot.alpha() == 255}


def test_an_icon_has_the_colour_of_its_role_and_changes_with_the_scheme(theme: Theme) -> None:
    assert drawn(theme.pixmap("plus", "accent", 24).toImage()) == {LIGHT.accent}
    theme.choose("dark")
    assert drawn(theme.pixmap("plus", "accent", 24).toImage()) == {DARK.accent}
    assert drawn(theme.pixmap("plus", "error", 24).toImage()) == {DARK.error}


def test_an_icon_is_drawn_anew_for_a_finer_screen(theme: Theme) -> None:
    fine = theme.pixmap("check", "text", 16, 2.0)
    assert (fine.width(), fine.devicePixelRatio()) == (32, 2.0)
    assert fine.deviceIndependentSize().width() == 16
    enlarged = theme.pixmap("check", "text", 16).toImage().scaled(32, 32)
    assert fine.toImage() != enlarged
    assert theme.icon("check", "text").pixmap(QSize(16, 16), 2.0).toImage() == fine.toImage()


def test_an_icon_is_made_once(theme: Theme) -> None:
    assert theme.pixmap("x") is theme.pixmap("x")
    assert theme.icon("x") is theme.icon("x")
    assert theme.icon("x") is not theme.icon("x", "error")


def test_an_icon_is_faint_where_it_cannot_be_used(theme: Theme) -> None:
    picture = theme.icon("plus", "text").pixmap(QSize(16, 16), 2.0, QIcon.Mode.Disabled)
    assert drawn(picture.toImage()) == {LIGHT.faint}


def test_every_icon_that_is_shipped_can_be_drawn(theme: Theme) -> None:
    names = [file.stem for file in (icons.ASSETS / "icons").glob("*.svg")]
    assert len(names) > 40
    for name in [*names, "mark"]:
        assert LIGHT.text in drawn(theme.pixmap(name, "text", 48).toImage()), name
    with pytest.raises(KeyError):
        theme.pixmap("nonsense")


def test_the_application_has_its_icon_in_every_size(theme: Theme) -> None:
    icon = icons.application_icon()
    assert {size.width() for size in icon.availableSizes()} == set(icons.SIZES)
    for size in icons.SIZES:
        assert LIGHT.accent in drawn(icon.pixmap(QSize(size, size), 1.0).toImage())


def test_the_licences_lie_beside_what_they_are_for() -> None:
    assert "SIL Open Font License" in (fonts.FOLDER / "LICENSE-Inter.txt").read_text()
    lucide = (icons.ASSETS / "icons" / "LICENSE-Lucide.txt").read_text()
    assert "ISC License" in lucide
    assert "Cole Bemis" in lucide


@pytest.mark.parametrize("role", fonts.ROLES)
def test_every_role_is_set_in_our_letters_and_weight(theme: Theme, role: str) -> None:
    font = theme.font(role)
    found = QFontInfo(font)
    assert found.family() == fonts.FAMILY
    assert found.weight() == fonts.ROLES[role].weight
    assert font.pointSizeF() == fonts.points(fonts.ROLES[role].pixels)


@pytest.mark.skipif(not hasattr(QFont, "setFeature"), reason="needs Qt 6.7")
def test_numbers_that_change_do_not_change_their_width(theme: Theme) -> None:
    for role in ("number", "small", "label", "tag"):
        metrics = QFontMetricsF(theme.font(role))
        assert metrics.horizontalAdvance("111") == metrics.horizontalAdvance("888"), role
    metrics = QFontMetricsF(theme.font("title"))
    assert metrics.horizontalAdvance("111") < metrics.horizontalAdvance("888")


def test_a_name_is_shown_as_it_is(theme: Theme) -> None:
    """Inter would draw an arrow for these two."""
    metrics = QFontMetricsF(theme.font("name"))
    apart = metrics.horizontalAdvance("-") + metrics.horizontalAdvance(">")
    assert metrics.horizontalAdvance("->") == pytest.approx(apart, abs=1.5)
    assert metrics.horizontalAdvance("->") != metrics.horizontalAdvance("\N{RIGHTWARDS ARROW}")


def test_the_system_s_letters_can_be_had(theme: Theme) -> None:
    assert fonts.FAMILY not in fonts.font("body", "").families()


def test_who_chooses_a_scheme_gets_it(theme: Theme, qtbot: QtBot) -> None:
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert (theme.choice, theme.dark, theme.colours) == ("dark", True, DARK)
    with qtbot.waitSignal(theme.changed):
        theme.choose("light")
    assert (theme.choice, theme.dark, theme.colours) == ("light", False, LIGHT)
    with pytest.raises(ValueError, match="mauve"):
        theme.choose("mauve")


def test_nothing_is_dressed_anew_if_nothing_changes(theme: Theme, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(theme.changed):
        theme.choose("light")


class System:
    """A desktop that says which scheme it wants."""

    def __init__(self, theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scheme = Qt.ColorScheme.Unknown
        self.contrast = False
        self._theme = theme
        monkeypatch.setattr(theme, "_hints", lambda: self)
        monkeypatch.setattr(theme, "_wants_contrast", lambda: self.contrast)

    def colorScheme(self) -> Qt.ColorScheme:  # noqa: N802
        return self.scheme

    def setColorScheme(self, scheme: Qt.ColorScheme) -> None:  # noqa: N802
        self.asked_for = scheme

    def turn(self, scheme: Qt.ColorScheme) -> None:
        self.scheme = scheme
        self._theme._follow()


@pytest.fixture
def system(theme: Theme) -> Iterator[System]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield System(theme, monkeypatch)
    theme.choose("light")


def test_the_system_is_followed_by_who_chose_it(theme: Theme, system: System) -> None:
    theme.choose("system")
    assert system.asked_for == Qt.ColorScheme.Unknown
    system.turn(Qt.ColorScheme.Dark)
    assert theme.dark
    system.turn(Qt.ColorScheme.Light)
    assert not theme.dark


def test_the_system_is_not_followed_by_who_chose_otherwise(theme: Theme, system: System) -> None:
    theme.choose("light")
    assert system.asked_for == Qt.ColorScheme.Light
    system.turn(Qt.ColorScheme.Dark)
    assert not theme.dark


def test_a_system_that_says_nothing_is_judged_by_its_colours(
    theme: Theme, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    theme.choose("system")
    for colours, dark in ((DARK, True), (LIGHT, False)):
        monkeypatch.setattr(theme, "_system_palette", qt_palette(colours))
        system.turn(Qt.ColorScheme.Unknown)
        assert theme.dark == dark


def test_high_contrast_comes_and_goes(theme: Theme, system: System) -> None:
    theme.choose("light")
    system.contrast = True
    system.turn(Qt.ColorScheme.Light)
    assert theme.colours not in (LIGHT, DARK)
    assert theme.colours.muted == theme.colours.text
    system.contrast = False
    system.turn(Qt.ColorScheme.Light)
    assert theme.colours == LIGHT


def test_a_widget_that_is_shown_changes_its_colours(theme: Theme, qtbot: QtBot) -> None:
    button = QPushButton("Add")
    button.setProperty("look", "primary")
    qtbot.addWidget(button)
    button.resize(100, 30)
    button.show()
    middle = button.rect().center().y()
    assert button.grab().toImage().pixelColor(8, middle).name() == LIGHT.accent
    theme.choose("dark")
    assert button.grab().toImage().pixelColor(8, middle).name() == DARK.accent


def test_buttons_and_fields_are_as_high_as_drawn_and_do_not_move_with_the_focus(
    theme: Theme, qtbot: QtBot
) -> None:
    for widget in (QPushButton("Add"), QLineEdit("text")):
        qtbot.addWidget(widget)
        widget.show()
        before = widget.sizeHint()
        assert before.height() == 30
        widget.setFocus()
        assert widget.sizeHint() == before


def test_a_label_takes_its_size_from_its_look(theme: Theme, qtbot: QtBot) -> None:
    label = QLabel("Transfers")
    label.setProperty("look", "title")
    qtbot.addWidget(label)
    label.ensurePolished()
    assert label.font().pointSizeF() == pytest.approx(fonts.points(18))
    assert label.font().weight() == QFont.Weight.DemiBold


def test_colours_are_written_in_full() -> None:
    for colours in (LIGHT, DARK, replace(LIGHT)):
        for field in fields(colours):
            assert re.fullmatch("#[0-9a-f]{6}", getattr(colours, field.name))
