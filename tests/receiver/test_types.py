"""Types by the first bytes: what they are, which are taken, and names that say something else."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from typing import TYPE_CHECKING, Any

import puremagic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from puremagic import main

from howdah_common.problems import ProblemError
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from howdah_receiver.uploads.sniffing import _KNOWN, _LEAST_CONFIDENCE, HEAD_BYTES, sniff
from howdah_receiver.uploads.type_names import contradict, suffix_of, type_by_name
from howdah_receiver.uploads.type_rules import TypeRules
from kit.native import SMALL_CHUNK, Content, Native, part_file
from kit.receiver import running_receiver
from kit.services import services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.receiver import RunningReceiver


def zipped(name: str = "a.txt", data: bytes = b"hello") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100)
PROGRAM = b"MZ\x90\0\x03" + bytes(55) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + bytes(200)
ELF = b"\x7fELF\x02\x01\x01" + bytes(100)
DOCX = zipped("[Content_Types].xml", b"<x/>")

HEADS = {
    "png": (PNG, "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(100), "image/jpeg"),
    "gif": (b"GIF89a" + bytes(100), "image/gif"),
    "webp": (b"RIFF\0\0\0\0WEBPVP8 " + bytes(50), "image/webp"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    "pdf of text alone": (b"%PDF-1.4\n1 0 obj\n", "application/pdf"),
    "program of Windows": (PROGRAM, "application/x-dosexec"),
    "program of Linux": (ELF, "application/x-executable"),
    "program of macOS": (b"\xcf\xfa\xed\xfe\7\0\0\1" + bytes(50), "application/x-mach-binary"),
    "zip": (zipped(), "application/zip"),
    "epub": (zipped("mimetype", b"application/epub+zip"), "application/epub+zip"),
    "gzip": (gzip.compress(b"hello"), "application/gzip"),
    "7z": (b"7z\xbc\xaf'\x1c" + bytes(30), "application/x-7z-compressed"),
    "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(50), "video/mp4"),
    "wav": (b"RIFF\0\0\0\0WAVEfmt " + bytes(50), "audio/wav"),
    "flac": (b"fLaC" + bytes(40), "audio/flac"),
    "text": (b"Hello world, this is text.\n", "text/plain"),
    "text that begins like a picture": (b"BMW is a car.\n", "text/plain"),
    "text that begins like a program": (b"MZ is two letters.\n", "text/plain"),
    "text cut within a letter": ("aä".encode()[:2], "text/plain"),
    "text of Windows": ("hällo".encode("utf-16"), "text/plain"),
    "three letters": (b"abc", "text/plain"),
    "html": (b"\n<!DOCTYPE html><html>", "text/html"),
    "xml": (b'<?xml version="1.0"?><a/>', "application/xml"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="x">', "image/svg+xml"),
    "script": (b"#!/bin/sh\necho hi\n", "text/x-shellscript"),
    "zeros": (bytes(HEAD_BYTES), "application/octet-stream"),
    "noise": (bytes(range(200, 256)) * 4, "application/octet-stream"),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("what", HEADS)
def test_the_first_bytes_tell_what_it_is(what: str) -> None:
    head, kind = HEADS[what]
    assert sniff(head) == kind


@given(st.binary(max_size=400), st.sampled_from([head for head, _ in HEADS.values()]))
def test_any_bytes_have_a_type(some: bytes, before: bytes) -> None:
    for head in (some, before + some, before[:7] + some):
        kind = sniff(head)
        assert kind is None or ("/" in kind and kind.isprintable())


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a/b.PNG", ".png"), ("b.tar.gz", ".gz"), (".profile", ""), ("a.d/b", ""), ("b.", "")],
)
def test_the_end_of_a_name(path: str, suffix: str) -> None:
    assert suffix_of(path) == suffix


LIES = [
    ("picture.png", PROGRAM),
    ("picture.png", b"Hello"),
    ("picture.jpg", PNG),
    ("notes.txt", PNG),
    ("notes.txt", ELF),
    ("film.mp4", zipped()),
    ("song.mp3", PNG),
    ("data.json", PNG),
    ("letter.pdf", DOCX),
    ("letter.docx", PROGRAM),
    ("setup.exe", b"Hello"),
]
TRUTHS = [
    ("picture.png", PNG),
    ("picture.PNG", PNG),
    ("setup.exe", PROGRAM),
    ("library.so", ELF),
    ("program", ELF),
    ("anything.bin", PNG),
    ("letter.docx", DOCX),
    ("letter.odt", zipped("mimetype", b"application/vnd.oasis.opendocument.text")),
    ("program.jar", zipped()),
    ("archive.unknown", zipped()),
    ("table.csv", b"a,b\n1,2\n"),
    ("notes.md", b"# Notes\n"),
    ("program.py", b"#!/usr/bin/env python\n"),
    ("page.svg", b"<svg></svg>"),
    ("old.txt", b"caf\xe9"),  # Latin-1
    ("film.mkv", b"\x1a\x45\xdf\xa3" + bytes(60)),
    ("film.mov", b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(50)),
    ("empty.png", b""),
]


@pytest.mark.parametrize(("path", "head"), LIES)
def test_a_name_that_lies_is_noticed(path: str, head: bytes) -> None:
    assert TypeRules().judge(path, sniff(head)).flagged
    assert not TypeRules(mismatch="ignore").judge(path, sniff(head)).flagged
    with pytest.raises(ProblemError, match="type_refused"):
        TypeRules(mismatch="refuse").judge(path, sniff(head))


@pytest.mark.parametrize(("path", "head"), TRUTHS)
def test_a_name_that_may_be_true_is_taken(path: str, head: bytes) -> None:
    assert not TypeRules(mismatch="refuse").judge(path, sniff(head)).flagged


def test_a_type_contradicts_no_name_of_its_own() -> None:
    for path in ("a.png", "a.zip", "a.txt", "a.exe", "a.pdf", "a.flac", "a.svg"):
        said = type_by_name(path)
        assert said is not None
        assert not contradict(said, said)


def taken(rules: TypeRules, path: str, head: bytes) -> bool:
    try:
        rules.check_name(path)
        rules.judge(path, sniff(head))
    except ProblemError as problem:
        return problem.code != "type_refused"
    return True


def test_what_is_allowed_and_denied() -> None:
    pictures = TypeRules(allowed=("image/*", ".cr2"), mismatch="ignore")
    assert taken(pictures, "a.png", PNG)
    assert taken(pictures, "without a suffix", PNG)
    assert taken(pictures, "raw.CR2", b"\0\1\2\3")
    assert taken(pictures, "empty.png", b"")
    assert not taken(pictures, "a.png", PROGRAM)
    assert not taken(pictures, "a.txt", b"abc")
    assert not taken(pictures, "empty", b"")
    no_programs = TypeRules(denied=("application/x-dosexec", "application/x-exec*", ".exe", ".js"))
    assert taken(no_programs, "a.png", PNG)
    assert not taken(no_programs, "a.png", PROGRAM)
    assert not taken(no_programs, "A.EXE", b"abc")
    assert not taken(no_programs, "program", ELF)
    assert not taken(no_programs, "b.js", b"alert(1)")
    both = TypeRules(allowed=("image/*",), denied=("image/svg+xml",))
    assert taken(both, "a.png", PNG)
    assert not taken(both, "a.svg", b"<svg/>")
    assert not taken(both, "a.png", b"<svg/>")


def test_what_the_name_alone_tells_is_told_before_the_bytes() -> None:
    TypeRules(allowed=("image/*",)).check_name(
        "a.txt"
    )  # it may be a picture, whatever it is called
    for rules in (
        TypeRules(allowed=(".png", ".jpg")),
        TypeRules(denied=(".txt",)),
        TypeRules(denied=("text/*",)),
    ):
        rules.check_name("a.png")
        with pytest.raises(ProblemError, match="type_refused"):
            rules.check_name("a.txt")


@pytest.mark.parametrize("wrong", ["image", "png", "image/", ".", "a b/c", "image//"])
def test_a_pattern_that_is_none_keeps_it_from_starting(short_path: Any, wrong: str) -> None:
    with pytest.raises(StartRefused, match="types_denied"):
        Settings.model_validate({"data": short_path, "types_denied": wrong})


# -- a receiver with rules


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {
        "HOWDAH_RECEIVER_TYPES_DENIED": ".exe, application/x-dosexec",
        "HOWDAH_RECEIVER_TYPE_MISMATCH": "flag",
    }


def test_a_file_says_its_type_and_whether_its_name_lies(native: Native, folder: str) -> None:
    true = native.published(f"{folder}/a.png", PNG)
    assert (true["media_type"], true.get("flagged", False)) == ("image/png", False)
    large = Content(PNG + bytes(3 * SMALL_CHUNK))
    by_chunks = native.started(f"{folder}/e", large)
    for number in (2, 0, 1, 3):
        native.put(by_chunks, number, large.chunk(number))
    assert native.status(by_chunks).json["media_type"] == "image/png"
    lie = native.published(f"{folder}/b.txt", PNG)
    assert (lie["media_type"], lie["flagged"]) == ("image/png", True)
    assert "media_type" not in native.published(f"{folder}/c", b"")
    pipe = Content(b"%PDF-1.4 or so", SMALL_CHUNK)
    upload = native.started(f"{folder}/d", None)
    native.stream(upload, pipe.stream())
    assert native.status(upload).json["media_type"] == "application/pdf"
    assert native.complete(upload, pipe).json["file"]["media_type"] == "application/pdf"
    listed = {item["path"]: item.get("flagged", False) for item in native.items(folder)}
    assert listed == {f"{folder}/{n}": n == "b.txt" for n in ("a.png", "b.txt", "c", "d")}


def test_a_name_that_is_denied_is_refused_before_the_bytes(native: Native, folder: str) -> None:
    answer = native.start(f"{folder}/setup.EXE", Content(PROGRAM))
    assert (answer.status, answer.code) == (415, "type_refused")
    assert "setup.EXE" in answer.json["detail"]


def test_a_type_that_is_denied_is_refused_with_its_first_chunk(
    native: Native, folder: str, shared: RunningReceiver
) -> None:
    content = Content(PROGRAM + bytes(3 * SMALL_CHUNK))
    upload = native.started(f"{folder}/picture", content)
    answer = native.stream(upload, content.frame(0))
    assert (answer.status, answer.code) == (415, "type_refused")
    assert native.put(upload, 0, content.chunk(0)).code == "type_refused"
    assert native.received(upload) == set()
    assert native.cancel(upload).status == 204
    assert not part_file(shared, upload).exists()


def test_a_type_that_is_refused_at_completion_frees_the_part(short_path: Any) -> None:
    data = short_path / "data"
    content = Content(PROGRAM)
    with services(data) as inside:
        upload = inside.start("picture.png", content).id
        inside.put(upload, content, 0)
    with services(data, type_mismatch="refuse") as inside:  # the rules came after its first chunk
        with pytest.raises(ProblemError, match="type_refused"):
            inside.complete(upload, content)
        row = inside.row(upload)
        assert (row.state.value, row.problem, row.reserved_bytes) == ("rejected", "type_refused", 0)
        assert not (data / "parts" / upload).exists()
        assert not (data / "files" / "owner" / "picture.png").exists()
        with pytest.raises(ProblemError, match="upload_not_open"):
            inside.complete(upload, content)


def test_a_type_counts_by_the_name_that_the_completion_says(short_path: Any) -> None:
    content = Content(PNG)
    with services(short_path / "data", types_denied="text/*", type_mismatch="refuse") as inside:
        upload = inside.start("a.png", content).id
        inside.put(upload, content, 0)
        with pytest.raises(ProblemError, match="type_refused"):
            inside.complete(upload, content, path="a.txt")
        assert inside.state(upload) == "rejected"


@pytest.fixture
def strict(short_path: Any) -> Iterator[Native]:
    env = {"HOWDAH_RECEIVER_TYPES_ALLOWED": ".png", "HOWDAH_RECEIVER_TYPE_MISMATCH": "refuse"}
    with (
        running_receiver(short_path / "data", env=env) as receiver,
        Native.paired_with(receiver) as native,
    ):
        yield native


def test_a_receiver_for_pictures_alone(strict: Native) -> None:
    assert strict.published("a.png", PNG)["media_type"] == "image/png"
    assert strict.start("a.gif", Content(PNG)).code == "type_refused"
    refused = strict.stream(strict.started("b.png", Content(PROGRAM)), Content(PROGRAM).stream())
    assert (refused.status, refused.code) == (415, "type_refused")
    assert "image/png" in refused.json["detail"]
    assert [item["path"] for item in strict.items()] == ["a.png"]


def test_what_is_not_asked_would_have_known_nothing() -> None:
    """The short cut before puremagic changes no answer, for any beginning or end that it knows."""
    chance = random.Random(1)
    heads = [chance.randbytes(length) for length in (1, 2, 3, 8, 60, 4096) for _ in range(50)]
    for row in (*main.magic_header_array, *main.magic_footer_array):
        before = chance.randbytes(row.offset if row.offset >= 0 else 40)
        after = max(0, -row.offset - len(row.byte_match)) if row.offset < 0 else 30
        heads.append((before + row.byte_match + chance.randbytes(after))[-HEAD_BYTES:])
    told = 0
    for head in heads:
        if _KNOWN.may_tell(head):
            told += 1
            continue
        try:
            found = puremagic.magic_string(head)
        except puremagic.PureError:
            continue
        assert all(match.confidence < _LEAST_CONFIDENCE for match in found), head
    assert told > 500
