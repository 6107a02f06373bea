"""The test kit keeps its word; every other test leans on it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import pytest

from kit.ports import free_port
from kit.processes import spawn


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_test_has_a_home_of_its_own(own_machine: Path) -> None:
    for name in ("HOME", "HOWDAH_HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        assert Path(os.environ[name]).is_relative_to(own_machine)
    assert Path(tempfile.gettempdir()) == own_machine / "tmp"
    assert Path.home() == own_machine / "home"
    assert time.tzname == ("UTC", "UTC")


def test_a_socket_fits_into_a_test_s_folders(own_machine: Path) -> None:
    path = own_machine / "howdah" / "a-rather-long-name-of-a-control.sock"
    assert len(os.fsencode(path)) < 100
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass


def test_a_line_is_found_whether_it_was_printed_before_or_comes_later() -> None:
    code = "print('first'); print('port 42'); import sys; sys.stdin.read(); print('last')"
    with spawn(python(code)) as process:
        assert process.wait_for(r"port (\d+)")[1] == "42"
        process.wait_for("^first$")
        process.wait_for("^last$")
        assert process.wait() == 0
    assert process.stdout.lines == ["first", "port 42", "last"]
    assert process.stdout.text == "first\nport 42\nlast\n"


def test_a_line_that_never_comes_fails_with_what_was_printed_instead() -> None:
    code = "import sys; print('nonsense'); print('sorry', file=sys.stderr); sys.exit(3)"
    with spawn(python(code)) as process, pytest.raises(AssertionError) as failure:
        process.wait_for("ready")
    for part in ("ready", "nonsense", "sorry"):
        assert part in str(failure.value)


def test_more_output_than_a_pipe_holds_does_not_block_a_child() -> None:
    with spawn(python("print('x' * 1_000_000)")) as process:
        assert process.wait() == 0
    assert len(process.stdout.text) == 1_000_001


def test_a_child_that_ignores_the_request_to_stop_is_still_gone_after_the_block() -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('up'); signal.pause()"
    with spawn(python(code)) as process:
        process.wait_for("up")
        with pytest.raises(AssertionError, match="still ran"):
            process.stop(seconds=0.05)
    assert not process.running


def test_the_exit_of_a_killed_child_names_the_signal() -> None:
    with spawn(python("import signal; print('up'); signal.pause()")) as process:
        process.wait_for("up")
        assert process.kill() == -signal.SIGKILL


def test_what_a_child_started_ends_with_it() -> None:
    grandchild = "import signal; print('grandchild', flush=True); signal.pause()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with spawn(python(code)) as process:
        process.wait_for("grandchild")
    # The stream ends only when its last writer is gone, and leaving the block waits for that.
    assert process.stdout.ended
