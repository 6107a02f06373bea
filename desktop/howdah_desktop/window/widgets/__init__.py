"""The window's widgets: each is shown plain data and says what the user wants by signals.

None knows the engine, the ledger or a file. Order of reading: parts (what they share), the small
ones (text, glyph, button), then the pieces of the window from top to bottom.
"""

from __future__ import annotations
