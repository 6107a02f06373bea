"""The container's files, as far as they can be held without an engine: what they name is there."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from howdah_receiver.settings import Settings
from howdah_receiver.settings.sources import PREFIX
from kit.receiver import running_receiver
from kit.serving import command

if TYPE_CHECKING:
    from collections.abc import Iterator

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "packaging" / "docker"
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, continued lines as one."""
    text = re.sub(r"\\\n\s*", " ", (FOLDER / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    return [rest for found, rest in instructions() if found == name]


def test_what_is_copied_is_there_and_let_through() -> None:
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    let_through = [line[1:] for line in ignored if line.startswith("!")]
    sources = [
        source
        for words in map(shlex.split, of("COPY"))
        if not words[0].startswith("--from")
        for source in words[:-1]
    ]
    assert len(sources) > 5
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).match(pattern) for pattern in let_through), source


def test_it_runs_as_a_user_without_rights_and_stops_by_the_signal_that_is_heard() -> None:
    users, stages = of("USER"), of("FROM")
    assert users == ["10001:10001"]
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:3\.12-slim( AS build)?", stage) for stage in stages)
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert of("VOLUME") == ["/data"]
    assert "install --directory --owner=howdah --group=howdah --mode=0700 /data" in of("RUN")[-1]


def test_every_package_is_checked_against_its_hash() -> None:
    installs = [
        part for run in of("RUN") for part in run.split("&&") if re.search(r"pip install", part)
    ]
    assert len(installs) == 3
    for part in installs:
        assert "--no-cache-dir" in part
        assert "--require-hashes" in part or "--no-deps /wheels/" in part, part


def test_what_is_installed_is_what_the_lock_has_for_the_receiver() -> None:
    module = runpy.run_path(str(ROOT / "packaging" / "docker_lock.py"))
    for name, root in module["FILES"].items():
        assert (FOLDER / name).read_text() == module["page"](root), "run packaging/docker_lock.py"
    names = module["needed"]("howdah[receiver]")
    assert names >= {"starlette", "uvloop", "sqlalchemy", "httptools", "uvicorn"}
    assert not {name for name in names if name.startswith(("pyside", "pytest", "keyring"))}


def test_what_it_starts_and_asks_are_commands() -> None:
    (entry,) = of("ENTRYPOINT")
    (check,) = (rest.partition("CMD ")[2] for rest in of("HEALTHCHECK"))
    (start,) = of("CMD")
    assert json.loads(entry) == ["howdah-receiver"]
    assert json.loads(check)[0] == "howdah-receiver"
    assert set(SCRIPTS) >= {"howdah-receiver"}
    for words in (json.loads(start), json.loads(check)[1:]):
        assert command(*words, "--help").returncode == 0


def variables(text: str) -> Iterator[str]:
    yield from re.findall(rf"\b{PREFIX}([A-Z0-9_]+)", text)


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", ".env.example"])
def test_every_variable_is_a_setting(name: str) -> None:
    found = list(variables((FOLDER / name).read_text()))
    assert found or name == "compose.yaml"
    assert {word.lower() for word in found} <= set(Settings.model_fields)


def test_the_example_is_taken_as_it_stands_and_with_each_of_its_choices(short_path: Path) -> None:
    text = (FOLDER / ".env.example").read_text()
    files = dict(re.findall(rf"^(?:# )?({PREFIX}\w+)=(\S*)$", text, re.MULTILINE))
    image = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", " ".join(of("ENV"))))
    assert image == {f"{PREFIX}DATA": "/data", f"{PREFIX}HOST": "0.0.0.0"}
    done = command("settings", "--json", env={**image, **files})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["public_url"]["value"].startswith("https://")


def test_compose_starts_it_with_nothing_that_it_does_not_need() -> None:
    whole: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    service = whole["services"]["receiver"]
    assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    (volume,) = service["volumes"]
    assert volume.partition(":")[0] in whole["volumes"]
    assert volume.partition(":")[2] == of("VOLUME")[0]
    (port,) = service["ports"]
    assert port.rpartition(":")[2] in of("EXPOSE")
    assert service["env_file"] == ".env"


# -- the question that the engine asks


def test_healthy_says_whether_it_answers(short_path: Path) -> None:
    with running_receiver(short_path / "d") as receiver:
        port = ("--set", f"port={receiver.port}")
        assert command("healthy", *port).returncode == 0
        receiver.stop()
        done = command("healthy", *port)
        assert done.returncode == 1
        assert done.stdout == "The receiver does not answer: [Errno 111] Connection refused.\n"
    assert "free port" in command("healthy", "--set", "port=0").stderr


def test_healthy_speaks_tls_to_a_receiver_that_does(short_path: Path) -> None:
    env = {"HOWDAH_RECEIVER_HOST": "0.0.0.0"}
    with running_receiver(short_path / "d", env=env) as receiver:
        assert command("healthy", "--set", f"port={receiver.port}", env=env).returncode == 0
