"""What a newcomer sees first must work: `make demo`, with a smaller file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kit.xvfb import MISSING, has_xvfb, screen
from together.carriage import wait_until

DEMO = Path(__file__).with_name("demo.py")


def test_the_demo_survives_both_kills_and_sends_nothing_twice() -> None:
    done = subprocess.run(
        [sys.executable, DEMO, "--command", "--megabytes", "100"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SIGKILL to the") == 2
    assert done.stdout.count("\nok ") == 4


@pytest.mark.skipif(not has_xvfb(), reason=MISSING)
def test_where_there_is_a_screen_the_demo_opens_the_window() -> None:
    with screen() as environment:
        demo = subprocess.Popen(
            [sys.executable, DEMO, "--megabytes", "20"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            stored = "howdah-demo-*/receiver/files/owner/videos/film.bin"
            wait_until(lambda: any(Path(tempfile.gettempdir()).glob(stored)), "the file is there")
            demo.send_signal(signal.SIGTERM)
            told, _ = demo.communicate(timeout=40)
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGKILL)
                demo.wait()
    assert demo.returncode == 0, told
    assert "howdah send --window film.bin" in told
    assert "\nok  the stored file is equal" in told
