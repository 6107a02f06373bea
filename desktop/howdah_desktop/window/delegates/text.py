"""Names of files as they can be shown: one line, and no longer than a tooltip can be."""

from __future__ import annotations

import re
from html import escape
from typing import Final

_UNSEEN: Final = re.compile(
    # Controls and line ends; marks that turn the direction of what follows (a name could pretend
    # to another ending); halves of characters, which is how a name that is no UTF-8 arrives.
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
LONGEST_WORD: Final = 60


def one_line(text: str) -> str:
    """What would break the line, turn it or cannot be drawn becomes a mark that is seen."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def tooltip(text: str) -> str:
    """Never taken for HTML, though a file may be called so; long names are broken."""
    if not text:
        return ""
    broken = re.sub(rf"(\S{{{LONGEST_WORD}}})(?=\S)", "\\1\N{ZERO WIDTH SPACE}", one_line(text))
    return f"<qt>{escape(broken)}</qt>"
