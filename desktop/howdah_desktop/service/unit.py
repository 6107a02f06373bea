"""The unit of a user's own systemd: written, enabled where that works, and removed again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from howdah_desktop.system import HOME_VARIABLE, target_problem

NAME = "howdah.service"
SYSTEMCTL_SECONDS = 20.0
VARIABLES = (
    HOME_VARIABLE,
    "HOWDAH_CONNECTIONS",
    "HOWDAH_SMALL_FILES",
    "HOWDAH_DEVICE_NAME",
    "PYTHON_KEYRING_BACKEND",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""What the service shall have as the shell that installs it."""

_UNIT = """\
# Written by `howdah run --install`; `howdah run --uninstall` removes it.
[Unit]
Description=Howdah, in the background
Documentation=man:systemd.unit(5)

[Service]
Type=notify
ExecStart={command}
{environment}Restart=on-failure
RestartSec=5
# It stops within 10 s by itself, and everything goes on later.
TimeoutStopSec=20
# Bytes for other people's machines may wait for those of this desk.
Nice=5
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def unit_path() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME", "")
    # A relative one is to be ignored (XDG Base Directory Specification).
    folder = Path(config) if config.startswith("/") else Path.home() / ".config"
    return folder / "systemd" / "user" / NAME


def unit_text(home: Path) -> str:
    """With absolute paths: the service has neither the shell's folder nor its PATH."""
    program = [os.path.abspath(sys.executable), "-m", "howdah_desktop", "run"]  # noqa: PTH100
    variables = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if HOME_VARIABLE in variables:
        variables[HOME_VARIABLE] = str(home)
    environment = "".join(
        f"Environment={quoted(f'{name}={value}')}\n" for name, value in variables.items()
    )
    # A dollar means a variable in commands alone (systemd.service(5), COMMAND LINES).
    command = " ".join(quoted(word).replace("$", "$$") for word in program)
    return _UNIT.format(command=command, environment=environment)


def quoted(word: str) -> str:
    """A word as systemd.syntax(7) reads it: percent signs are its specifiers."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    escaped = escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f'"{escaped}"' if escaped != word or any(sign in word for sign in " ';#") else word


def install(home: Path) -> tuple[Path, bool]:
    """Write the unit; whether systemd has it now, enabled and started.

    Raises ProblemError("target_unwritable").
    """
    path = unit_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit_text(home), encoding="utf-8")
    except OSError as error:
        raise target_problem(error) from error
    works = systemctl("daemon-reload") and systemctl("enable", "--now", NAME)
    return path, works


def uninstall() -> Path | None:
    """Stop the service and remove its unit: which; None: there was none. Raises ProblemError."""
    path = unit_path()
    if not path.exists():
        return None
    systemctl("disable", "--now", NAME)
    try:
        path.unlink()
    except OSError as error:
        raise target_problem(error) from error
    systemctl("daemon-reload")
    return path


def systemctl(*words: str) -> bool:
    """Whether the user's systemd did it."""
    try:
        done = subprocess.run(
            ["systemctl", "--user", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SYSTEMCTL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
