"""What a newcomer sees first must work: `make demo`, with a smaller file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).with_name("demo.py")


def test_the_demo_survives_both_kills_and_sends_nothing_twice() -> None:
    done = subprocess.run(
        [sys.executable, DEMO, "--megabytes", "100"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SIGKILL to the") == 2
    assert done.stdout.count("\nok ") == 4
