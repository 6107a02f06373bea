"""What the operating system says of network and power."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from howdah_desktop.surroundings import (
    LinuxSurroundings,
    UnknownSurroundings,
    of_this_computer,
    run_command,
)


def saying(**answers: str) -> LinuxSurroundings:
    def run(command: Sequence[str]) -> str | None:
        return answers.get(command[0])

    return LinuxSurroundings(run)


@pytest.mark.parametrize(
    ("told", "metered"),
    [("u 1\n", True), ("u 2\n", False), ("u 3\n", True), ("u 4\n", False), ("u 0\n", None)],
)
def test_network_manager_says_whether_the_network_is_metered(
    told: str, metered: bool | None
) -> None:
    assert saying(busctl=told, nmcli="").metered() is metered


def test_where_nobody_answers_nobody_knows() -> None:
    assert saying().metered() is None
    assert saying(busctl="what?").metered() is None


def test_without_busctl_nmcli_is_asked_about_devices_that_are_connected() -> None:
    away = "GENERAL.STATE:30 (disconnected)\nGENERAL.METERED:yes\n\n"
    wifi = "GENERAL.STATE:100 (connected)\nGENERAL.METERED:{}\n\n"
    unknown = wifi.format("unknown")
    assert saying(nmcli=away + wifi.format("no (guessed)") + unknown).metered() is False
    assert saying(nmcli=wifi.format("no") + wifi.format("yes (guessed)")).metered() is True
    assert saying(nmcli=away + unknown).metered() is None


def power(folder: Path, **supplies: dict[str, str]) -> bool | None:
    for name, files in supplies.items():
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(f"{text}\n")
    return LinuxSurroundings(power_supplies=folder).on_battery()


BATTERY = {"type": "Battery", "status": "Discharging"}


def test_a_laptop_without_its_cable_runs_on_its_battery(tmp_path: Path) -> None:
    assert power(tmp_path, AC={"type": "Mains", "online": "0"}, BAT0=BATTERY) is True


def test_a_laptop_with_its_cable_does_not(tmp_path: Path) -> None:
    assert power(tmp_path, AC={"type": "Mains", "online": "1"}, BAT0=BATTERY) is False


def test_a_full_or_charging_battery_is_not_used(tmp_path: Path) -> None:
    assert power(tmp_path, BAT0={"type": "Battery", "status": "Full"}) is False


def test_the_battery_of_a_mouse_is_not_the_computers(tmp_path: Path) -> None:
    assert power(tmp_path, mouse=BATTERY | {"scope": "Device"}) is None


def test_a_computer_that_says_nothing_of_its_power_is_not_known(tmp_path: Path) -> None:
    assert power(tmp_path) is None
    assert LinuxSurroundings(power_supplies=tmp_path / "nowhere").on_battery() is None


def test_a_program_that_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("howdah_desktop.surroundings.COMMAND_SECONDS", 0.2)
    assert run_command(["/nowhere/at/all"]) is None
    assert run_command([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert run_command(["sleep", "60"]) is None
    assert run_command(["echo", "u 1"]) == "u 1\n"


def test_other_systems_are_not_asked() -> None:
    unknown = UnknownSurroundings()
    assert (unknown.metered(), unknown.on_battery()) == (None, None)
    assert isinstance(of_this_computer(), LinuxSurroundings) == (sys.platform == "linux")
