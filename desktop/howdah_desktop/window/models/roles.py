"""What the list's model is asked for, beside what Qt asks."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt

LookRole: Final = int(Qt.ItemDataRole.UserRole) + 1
"""A `RowLook`: everything that is painted of the row."""
KeyRole: Final = int(Qt.ItemDataRole.UserRole) + 2
"""The row's number: a transfer's id; of a folder, its root's below zero."""
