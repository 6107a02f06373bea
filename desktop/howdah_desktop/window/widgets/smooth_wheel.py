"""A mouse wheel's notches as motion instead of jumps. Touchpads move smoothly by themselves."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QAbstractAnimation, QEasingCurve, QObject, QPoint, Qt, QVariantAnimation
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QScrollBar, QStyle

MILLISECONDS: Final = 140
NOTCH: Final = 120
"""In eighths of a degree, as wheels without finer steps report it."""


class SmoothWheel(QObject):
    def __init__(self, bar: QScrollBar) -> None:
        super().__init__(bar)
        self._bar = bar
        self._motion = QVariantAnimation(self)
        self._motion.setDuration(MILLISECONDS)
        self._motion.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._motion.valueChanged.connect(lambda value: bar.setValue(round(value)))
        bar.sliderPressed.connect(self.stop)

    def turn(self, event: QWheelEvent) -> bool:
        """Whether the event was a notch, and is seen to. Others are Qt's."""
        notches = event.angleDelta().y() / NOTCH
        fine = event.pixelDelta() != QPoint() or event.phase() != Qt.ScrollPhase.NoScrollPhase
        if fine or not notches.is_integer() or not notches or event.modifiers() != _NONE:
            return False
        if not self._bar.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration):
            return False  # who wants no motion gets none
        step = QApplication.wheelScrollLines() * self._bar.singleStep()
        self._move_to(self._goal() - round(notches * step))
        return True

    def stop(self) -> None:
        self._motion.stop()

    def _goal(self) -> int:
        """Where it is going already: quick notches add up."""
        if self._motion.state() == QAbstractAnimation.State.Running:
            return int(self._motion.endValue())
        return self._bar.value()

    def _move_to(self, goal: int) -> None:
        goal = max(self._bar.minimum(), min(self._bar.maximum(), goal))
        self._motion.stop()
        self._motion.setStartValue(self._bar.value())
        self._motion.setEndValue(goal)
        self._motion.start()


_NONE: Final = Qt.KeyboardModifier.NoModifier
