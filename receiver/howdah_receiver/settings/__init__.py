"""What can be set: from flags, the environment (`HOWDAH_RECEIVER_*`) and a TOML file, parsed once.

Flags come before the environment, the environment before the file, the file before the defaults.
Read in this order: `groups` (every setting), `values` (what they may hold), `sources` (where they come
from), `model` (what puts them together), `agreement` (what does not go together) and `shown` (the page in
the docs, and `howdah-receiver settings`).

To add a setting, write one field with its description below it into the group in `groups` where an owner
would look for it, and run `make docs`:

    trash_seconds: Annotated[Seconds, Field(ge=0)] = 30 * DAY
    \"\"\"So long is what was deleted kept.\"\"\"

It is then a key of the file, `HOWDAH_RECEIVER_TRASH_SECONDS`, `HOWDAH_RECEIVER_TRASH_SECONDS_FILE`, `--set
trash_seconds=...`, a row of `docs/settings.md`, and `settings.trash_seconds`. A name ends in its unit
(`_seconds`, `_bytes`), as that is what a plain number means; secrets are `SecretStr`, and are masked wherever
they would be shown. What two settings must agree on belongs into `agreement`.
"""

from __future__ import annotations

from howdah_receiver.settings.model import Settings

__all__ = ["Settings"]
