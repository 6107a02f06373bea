"""The Qt that is installed can be called as often as painting calls it."""

from __future__ import annotations

import subprocess
import sys

# PySide6 6.12.0 takes a reference off None with every call that returns it (and off True and
# False), which kills a Python before 3.12 after some 5,000 of them. In a process of its own, as the
# test's would die. No assertion inside: True is what may be broken.
CALLS = """
import sys
from PySide6.QtCore import QObject, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter

rectangle, point, size, thing = QRect(0, 0, 8, 8), QPoint(), QSize(), QObject()
image = QImage(8, 8, QImage.Format.Format_ARGB32)
painter = QPainter(image)
for _ in range(20_000):
    rectangle.setWidth(1)
    rectangle.isEmpty()
    rectangle.isValid()
    rectangle.contains(point)
    point.isNull()
    size.isValid()
    thing.setObjectName("thing")
    thing.parent()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRect(rectangle)
    painter.isActive()
painter.end()
print(sys.getrefcount(None) > 1_000, sys.getrefcount(True) > 10, sys.getrefcount(False) > 10)
"""


def test_twenty_thousand_calls_that_return_nothing_leave_python_alive() -> None:
    run = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "True True True\n"), run.stderr
