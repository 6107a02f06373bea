"""The `howdah` command.

Read in this order: `app` and `app_more` (the commands), `ending`, `follow` (transfers watched to their
end), `display` (what is printed), `exits` (how it ends), then `pipe`, `listing` and `verify`; `run` is the
service.
"""

from __future__ import annotations


def main() -> None:
    """The console script."""
    from howdah_desktop.cli.app import run  # late: importing this package costs nothing

    run()
