"""Pairing: what a link may say, and where its outcome is kept."""

from __future__ import annotations

import json
import stat
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah_common.problems import ProblemError
from howdah_desktop.remote import secrets
from howdah_desktop.remote.paired import PairedReceiver
from howdah_desktop.remote.pairing import pair, parse_link
from howdah_desktop.remote.secrets import TokenPlace
from kit.cued_receiver import TOKEN, CuedReceiver, Exchange, cued_receiver

PIN = "ab" * 32
CODE = "code=ABCD-2345-WXYZ"
PAIRED = {
    "token": TOKEN,
    "device": "d1",
    "account": "owner",
    "receiver_name": "at home",
    "catalogue": "c1",
}


@pytest.fixture
def scripted() -> Iterator[CuedReceiver]:
    with cued_receiver() as running:
        yield running


@pytest.mark.parametrize(
    ("link", "address", "pin"),
    [
        (
            f"howdah://nas.example:8443/pair?{CODE}&pin=sha256:{PIN}",
            "https://nas.example:8443",
            PIN,
        ),
        (
            f"howdah://[2001:db8::1]:443/pair?{CODE}&pin=sha256:{PIN}",
            "https://[2001:db8::1]:443",
            PIN,
        ),
        (f"howdah://127.0.0.1:80/pair?{CODE}&tls=0", "http://127.0.0.1:80", None),
        (f"howdah://[::1]:80/pair?{CODE}&tls=0", "http://[::1]:80", None),
        (
            f"howdah://files.example.org:443/pair?{CODE}&tls=1",
            "https://files.example.org:443",
            None,
        ),
        (f"  howdah://localhost:80/pair?{CODE}&tls=0\n", "http://localhost:80", None),
        (f"howdah://h:1/pair?{CODE}&pin=sha256:{PIN.upper()}&new=1", "https://h:1", PIN),
    ],
)
def test_a_link_names_the_address_and_the_pin(link: str, address: str, pin: str | None) -> None:
    parsed = parse_link(link)
    assert (parsed.address, parsed.pin, parsed.code) == (address, pin, "ABCD-2345-WXYZ")
    assert "WXYZ" not in repr(parsed)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "howdah",
        f"https://h:1/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://h:1/other?{CODE}&pin=sha256:{PIN}",
        f"howdah://h/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://h:0/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://h:99999/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://h:x/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://:1/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://user:word@h:1/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://[::1/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://h%0d:1/pair?{CODE}&pin=sha256:{PIN}",
        f"howdah://h:1/pair?pin=sha256:{PIN}",
        f"howdah://h:1/pair?code=short&pin=sha256:{PIN}",
        f"howdah://h:1/pair?{CODE}",
        f"howdah://127.0.0.1:1/pair?{CODE}",
        f"howdah://h:1/pair?{CODE}&pin=sha256:abcd",
        f"howdah://h:1/pair?{CODE}&pin=md5:{PIN}",
        f"howdah://h:1/pair?{CODE}&pin=sha256:{PIN}&pin=sha256:{'cd' * 32}",
        f"howdah://127.0.0.1:1/pair?{CODE}&pin=sha256:{PIN}&tls=0",
        f"howdah://h:1/pair?{CODE}&tls=2",
        f"howdah://h:1/pair?{CODE}&tls=1&tls=1",
        f"howdah://h:1/pair?{CODE}&tls=1&pin=sha256:{PIN}&pin=sha256:{PIN}",
        f"howdah://h:1/pair?{CODE}&tls=1&pin=sha256:abcd",
        "howdah://h:1/pair?" + "&".join(f"a{n}=1" for n in range(50)),
    ],
)
def test_what_is_no_link_is_refused_in_a_sentence(link: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_link(link)
    assert caught.value.code == "bad_link"
    assert caught.value.detail.endswith((".", "?..."))


@pytest.mark.parametrize("host", ["192.168.1.2", "nas.example", "[2001:db8::1]", "0.0.0.0"])
def test_plain_http_goes_to_this_machine_alone(host: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_link(f"howdah://{host}:80/pair?{CODE}&tls=0")
    assert caught.value.code == "insecure_address"


def test_pairing_shows_the_code_and_keeps_the_token(scripted: CuedReceiver) -> None:
    sent: list[dict[str, str]] = []

    def play(exchange: Exchange) -> None:
        sent.append(json.loads(exchange.body()))
        exchange.json(201, PAIRED)

    scripted.on("POST", "/pair", play)
    link = f"howdah://127.0.0.1:{scripted.port}/pair?{CODE}&tls=0"
    paired = pair(link, "laptop\x1b[0m")
    assert sent == [{"code": "ABCD-2345-WXYZ", "device_name": "laptop [0m"}]
    assert paired == PairedReceiver(address=scripted.address, pin=None, **PAIRED)
    assert "Authorization" not in scripted.seen[0].headers
    assert TOKEN not in repr(paired)


@pytest.mark.parametrize("token", ["", "short", "a b" * 20, "x\r\nX-More: y" + "z" * 20, "ü" * 30])
def test_a_token_that_is_none_is_not_kept(scripted: CuedReceiver, token: str) -> None:
    scripted.on("POST", "/pair", lambda exchange: exchange.json(201, PAIRED | {"token": token}))
    with pytest.raises(ProblemError) as caught:
        pair(f"howdah://127.0.0.1:{scripted.port}/pair?{CODE}&tls=0", "laptop")
    assert caught.value.code == "answer_invalid"


def test_a_refused_code_is_said(scripted: CuedReceiver) -> None:
    scripted.on("POST", "/pair", lambda exchange: exchange.problem(403, "pairing_refused"))
    with pytest.raises(ProblemError) as caught:
        pair(f"howdah://127.0.0.1:{scripted.port}/pair?{CODE}&tls=0", "laptop")
    assert caught.value.code == "pairing_refused"


# -- keeping it


@pytest.fixture
def paired() -> PairedReceiver:
    return PairedReceiver(address="https://h:1", pin=PIN, **PAIRED)


@pytest.fixture
def folder(own_machine: Path) -> Path:
    return own_machine / "howdah"


class Keyring(types.ModuleType):
    """A keyring that works, or whatever a test makes of it."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, name: str, word: str) -> None:
        self.kept[service, name] = word

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    keyring = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    return keyring


def test_without_a_keyring_the_token_goes_into_a_file_of_its_own(
    paired: PairedReceiver, folder: Path
) -> None:
    folder.chmod(0o755)
    assert secrets.save(paired) is TokenPlace.FILE  # the tests' keyring keeps nothing
    assert secrets.load() == paired
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {"receiver.json", "token"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert TOKEN not in (folder / "receiver.json").read_text()


def test_a_keyring_that_works_keeps_the_token(
    paired: PairedReceiver, folder: Path, keyring: Keyring
) -> None:
    (folder / "token").write_text("an old one")
    assert secrets.save(paired) is TokenPlace.KEYRING
    assert secrets.load() == paired
    assert list(keyring.kept.values()) == [TOKEN]
    assert {path.name for path in folder.iterdir()} == {"receiver.json"}
    secrets.forget()
    assert keyring.kept == {}
    with pytest.raises(ProblemError, match="not_paired"):
        secrets.load()


def test_a_keyring_that_forgets_or_fails_counts_as_none(
    paired: PairedReceiver, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> None:
        raise RuntimeError("no D-Bus")

    for put in (lambda *_: None, fail):
        monkeypatch.setattr(keyring, "set_password", put)
        assert secrets.save(paired) is TokenPlace.FILE
        assert secrets.load() == paired


def test_a_keyring_that_waits_for_ever_counts_as_none(
    paired: PairedReceiver, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(secrets, "KEYRING_SECONDS", 0.1)
    monkeypatch.setattr(keyring, "set_password", lambda *_: released.wait(20))
    assert secrets.save(paired) is TokenPlace.FILE
    released.set()
    assert secrets.load() == paired


def test_a_missing_or_broken_record_is_not_paired(paired: PairedReceiver, folder: Path) -> None:
    with pytest.raises(ProblemError, match="not_paired"):
        secrets.load()
    secrets.save(paired)
    (folder / "token").unlink()
    with pytest.raises(ProblemError, match="not_paired"):
        secrets.load()
    secrets.save(paired)
    (folder / "receiver.json").write_bytes(b'{"address": 3')
    with pytest.raises(ProblemError, match="not_paired"):
        secrets.load()


def test_a_link_planted_for_the_token_is_replaced_not_followed(
    paired: PairedReceiver, folder: Path, own_machine: Path
) -> None:
    elsewhere = own_machine / "elsewhere"
    elsewhere.write_text("theirs")
    (folder / "token").symlink_to(elsewhere)
    secrets.save(paired)
    assert elsewhere.read_text() == "theirs"
    assert not (folder / "token").is_symlink()
