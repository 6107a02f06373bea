"""Settings: where they come from, what they may be written as, and what is said of nonsense."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo

from howdah_receiver.cli.options import settings_from
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from howdah_receiver.settings.shown import MASK, plain
from kit.serving import command, refusal

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "HOWDAH_RECEIVER_"


@pytest.fixture
def toml(own_machine: Path) -> Path:
    """The file that is read where none is named."""
    folder = own_machine / "home" / ".config" / "howdah-receiver"
    folder.mkdir(parents=True)
    return folder / "receiver.toml"


def refused(*words: str, **flags: Any) -> str:
    """The sentence and the remedy for settings that cannot be; with every one of `words` in it."""
    with pytest.raises(StartRefused) as caught:
        settings_from(**flags)
    said = f"{caught.value.sentence} {caught.value.remedy}"
    assert caught.value.sentence.endswith(".")
    assert caught.value.remedy.endswith(".")
    for word in words:
        assert word in said, said
    return said


# -- where they come from


def test_nothing_needs_to_be_set(own_machine: Path) -> None:
    settings = Settings()
    assert settings.data == own_machine / "home" / ".local" / "share" / "howdah-receiver"
    assert (settings.host, settings.port, settings.tls) == ("127.0.0.1", 8484, "auto")
    assert settings.where("port") == ""


def test_flags_come_before_the_environment_that_before_the_file(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text("port = 1\nconnections = 1\nheader_bytes = 5000\n")
    monkeypatch.setenv(f"{PREFIX}PORT", "2")
    monkeypatch.setenv(f"{PREFIX}CONNECTIONS", "2")
    settings = settings_from(["connections_per_address=3"], port="3")
    assert (settings.port, settings.connections, settings.header_bytes) == (3, 2, 5000)
    assert settings.connections_per_address == 3
    assert settings.where("port") == "the flag --port"
    assert settings.where("connections") == f"the variable {PREFIX}CONNECTIONS"
    assert settings.where("header_bytes") == f"{toml}: header_bytes"
    assert settings.where("connections_per_address") == "the flag --set connections_per_address"


def test_the_file_may_be_named_by_flag_or_variable(
    toml: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text("port = 1\nconnections = 77\n")
    mine, other = short_path / "mine.toml", short_path / "other.toml"
    mine.write_text("port = 2\n")
    other.write_text("port = 3\n")
    monkeypatch.setenv(f"{PREFIX}CONFIG", str(mine))
    assert (Settings().port, Settings().connections) == (2, 512)
    assert settings_from(config=other).port == 3


def test_a_value_may_be_read_from_a_file(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (short_path / "port").write_text("99\n")
    monkeypatch.setenv(f"{PREFIX}PORT_FILE", str(short_path / "port"))
    assert Settings().port == 99
    assert "port" in Settings().where("port")
    monkeypatch.setenv(f"{PREFIX}PORT", "98")
    refused("port", "given twice", f"{PREFIX}PORT_FILE")
    monkeypatch.delenv(f"{PREFIX}PORT")
    monkeypatch.setenv(f"{PREFIX}PORT_FILE", str(short_path / "nothing"))
    refused(f"{PREFIX}PORT_FILE", "cannot be read", "No such file")


def test_a_name_that_ends_in_file_is_itself(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}KEY_FILE", str(short_path / "key"))
    monkeypatch.setenv(f"{PREFIX}CERTIFICATE_FILE", str(short_path / "certificate"))
    assert Settings().key_file == short_path / "key"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


# -- as people write them


@pytest.mark.parametrize(
    ("text", "number"),
    [("4096", 4096), ("32 KiB", 32768), ("1MiB", 1024**2), ("1.5 GB", 1_500_000_000),
     ("2tb", 2 * 10**12), ("10 kB", 10_000), ("5000 B", 5000), (" 1 GiB ", 1024**3)],
)  # fmt: skip
def test_a_size_may_have_a_unit(text: Any, number: int) -> None:
    assert Settings(header_bytes=text).header_bytes == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("90", 90), ("0.5", 0.5), ("15 min", 900), ("6h", 21600), ("30 d", 2_592_000),
     ("1 week", 604_800), ("1.5 h", 5400), ("20 seconds", 20)],
)  # fmt: skip
def test_a_span_of_time_may_have_a_unit(text: Any, number: float) -> None:
    assert Settings(header_seconds=text).header_seconds == number


@pytest.mark.parametrize("text", ["a, b", '["a", "b"]', "a,b,", ["a", "b"]])
def test_a_list_is_json_or_has_commas(text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(text, str):
        monkeypatch.setenv(f"{PREFIX}ALLOWED_HOSTS", text)
        assert Settings().allowed_hosts == ("a", "b")
    assert Settings(allowed_hosts=text).allowed_hosts == ("a", "b")


def test_networks_are_addresses_or_have_a_mask() -> None:
    settings = Settings(trusted_proxies="127.0.0.1, 10.1.2.3/8, ::1")  # type: ignore[arg-type]
    assert settings.trusted_proxies == (
        ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("::1/128"),
    )  # fmt: skip


# -- nonsense


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("port", "seven", "a whole number"),
        ("port", "70000", "at most 65535"),
        ("port", "", "a whole number"),
        ("header_bytes", "4 XB", "512 MiB"),
        ("header_bytes", "1", "at least 4096"),
        ("header_bytes", "5000.5", "a size"),
        ("header_seconds", "soon", "15 min"),
        ("header_seconds", "-1", "15 min"),
        ("header_seconds", "0", "more than 0"),
        ("header_seconds", "1 m", "15 min"),
        ("allowed_hosts", '["a"', "names between commas"),
        ("allowed_hosts", "not a list", "names between commas"),
        ("allowed_hosts", "[1]", "names between commas"),
        ("trusted_proxies", "localhost", "10.0.0.0/8"),
        ("trusted_proxies", "*", "10.0.0.0/8"),
        ("tls", "on", "auto or off"),
        ("pin", "sha256:12", "64 digits"),
        ("public_url", "files.example.org", "https://files.example.org"),
        ("public_url", "https://files.example.org/howdah", "https://files.example.org"),
        ("public_url", "https://files.example.org:99999", "https://files.example.org"),
        ("public_url", "http://files.example.org", "in the clear"),
        ("data", "", "a path"),
        ("debug", "perhaps", "true or false"),
    ],
)
def test_nonsense_gets_a_sentence_with_the_setting_the_value_what_is_right_and_where_it_stands(
    name: str, value: str, right: str, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)
    refused(name, value, right, PREFIX + name.upper())
    monkeypatch.delenv(PREFIX + name.upper())
    toml.write_text(f"{name} = {json.dumps(value)}\n")
    refused(name, value, right, str(toml))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", ("prot", "port")),
        ("xyzzy = 1", ("xyzzy", "Remove it.")),
        ("[listening]\nport = 1", ("[listening]", "without headings")),
        ("port = ", ("cannot be read", "in TOML")),
        ("port = [1]", ("port", "[1]")),
        ("config = 'x'", ("config",)),
    ],
)
def test_what_the_file_should_not_hold_is_refused(
    toml: Path, text: str, words: tuple[str, ...]
) -> None:
    toml.write_text(text)
    refused(str(toml), *words)


def test_a_file_that_is_named_must_be_there(short_path: Path) -> None:
    refused(str(short_path / "no.toml"), "no file", config=short_path / "no.toml")


def test_an_unknown_variable_or_flag_is_refused_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(StartRefused, match=r"connectoins .* perhaps connections was meant"):
        settings_from(["connectoins=3"])
    with pytest.raises(StartRefused, match="NAME=VALUE"):
        settings_from(["port"])
    monkeypatch.setenv(f"{PREFIX}ALOWED_HOSTS", "a")
    refused(f"{PREFIX}ALOWED_HOSTS", f"perhaps {PREFIX}ALLOWED_HOSTS was meant")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"host": "0.0.0.0", "tls": "off"}, ("Without TLS", "0.0.0.0", "trusted_proxies")),
        ({"key_file": "k"}, ("key_file", "certificate_file")),
        ({"certificate_file": "c"}, ("certificate_file", "not key_file")),
        ({"unix": "/run/x"}, ("/run/x", "public_url")),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    flags: dict[str, str], words: tuple[str, ...]
) -> None:
    refused(*words, **flags)


# -- the command


def test_the_command_prints_every_setting_and_where_it_was_given(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "99")
    data = str(short_path / "d")
    printed = json.loads(command("settings", "--json", "--data", data).stdout)
    assert set(printed) == set(Settings.model_fields)
    assert printed["port"] == {"value": 99, "from": f"the variable {PREFIX}PORT"}
    assert printed["data"] == {"value": data, "from": "the flag --data"}
    assert printed["host"]["from"] == ""
    lines = command("settings").stdout.splitlines()
    assert f"port = 99  # the variable {PREFIX}PORT" in lines
    assert 'tls = "auto"' in lines
    assert refusal(command("settings", "--set", "port=x"))


def test_secrets_are_masked() -> None:
    field = FieldInfo.from_annotated_attribute(SecretStr, Field(default=SecretStr("")))
    assert plain(field, SecretStr("hunter2")) == MASK
    assert plain(field, "hunter2") == MASK
    assert plain(field, SecretStr("")) == ""
    optional = FieldInfo.from_annotation(SecretStr | None)  # type: ignore[arg-type]
    assert plain(optional, "hunter2") == MASK
    assert plain(optional, None) is None
