"""`python -m howdah_desktop` is the `howdah` command."""

from __future__ import annotations

from howdah_desktop.cli import main

if __name__ == "__main__":
    main()
