from __future__ import annotations

from howdah_receiver.cli import main

main()
