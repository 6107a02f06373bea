"""What may stand for an address, and who may answer there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from howdah_common.messages import CATALOGUE_HEADER
from howdah_common.problems import ProblemError
from howdah_desktop.remote.moving import moved, new_address
from howdah_desktop.remote.paired import PairedReceiver
from kit.cued_receiver import TOKEN, CuedReceiver, cued_receiver

PAIRED = PairedReceiver("https://nas.home:8484", "ab" * 32, TOKEN, "d1", "owner", "nas", "c1")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://new.home:9000", "https://new.home:9000"),
        ("https://files.example.org/", "https://files.example.org:443"),
        ("new.home:9000", "https://new.home:9000"),
        ("new.home", "https://new.home:8484"),
        (" 192.0.2.7 ", "https://192.0.2.7:8484"),
        ("[2001:db8::1]", "https://[2001:db8::1]:8484"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
    ],
)
def test_what_is_left_out_of_an_address_stays_as_it_was(text: str, address: str) -> None:
    assert new_address(text, PAIRED) == address


@pytest.mark.parametrize(
    "text",
    ["", ":80", "https://", "ftp://nas", "nas:port", "nas:99999", "https://me@nas", "nas/files",
     "https://nas/?a=b", "howdah://nas:1/pair?code=x"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the reason is for nobody
        new_address(text, PAIRED)


@pytest.fixture
def scripted() -> Iterator[CuedReceiver]:
    with cued_receiver() as running:
        yield running


def answers_as(scripted: CuedReceiver, catalogue: str) -> None:
    listing = {"kind": "folder", "items": [], "page": 1, "per_page": 1, "total": 0}
    header = {CATALOGUE_HEADER: catalogue}
    scripted.on("GET", "/files", lambda exchange: exchange.json(200, listing, **header))


def test_the_same_catalogue_is_the_same_receiver(scripted: CuedReceiver) -> None:
    answers_as(scripted, "c1")
    before = replace(scripted.paired(), address="http://127.0.0.1:1")
    assert moved(before, scripted.address) == scripted.paired()


def test_another_catalogue_is_another_receiver(scripted: CuedReceiver) -> None:
    answers_as(scripted, "c2")
    with pytest.raises(ProblemError) as caught:
        moved(scripted.paired(), scripted.address)
    assert caught.value.code == "other_receiver"


def test_the_token_goes_nowhere_in_the_clear() -> None:
    with pytest.raises(ProblemError) as caught:
        moved(PAIRED, "http://new.home:8484")
    assert caught.value.code == "insecure_address"
