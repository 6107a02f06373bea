"""A receipt is what `sha256sum -c` checks, and what the receiver has."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah_desktop import receipts
from howdah_desktop.receipts import Issuer, Received
from kit.client import Client

NAMES = ("plain.txt", "with space", "two\nlines", "turned\rback", "-dash", "Grün ✓")


def check(receipt: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sha256sum", "--strict", "-c", str(receipt)],
        cwd=folder, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@given(st.text(alphabet=st.sampled_from('ab\\\n\r "#*é'), min_size=1, max_size=12))
def test_a_line_is_the_one_that_sha256sum_writes(name: str) -> None:
    folder = Path(os.environ["TMPDIR"])
    path = folder / name
    if name in (".", ".."):
        return
    path.write_bytes(b"content")
    try:
        written = subprocess.run(
            ["sha256sum", "--", name], cwd=folder, capture_output=True, timeout=30, check=True
        ).stdout
    finally:
        path.unlink()
    assert receipts.line(hashlib.sha256(b"content").hexdigest(), name) == written


def test_no_name_ends_its_comment() -> None:
    issuer = Issuer("a\nb", "https://nas:1", "ab" * 32, "owner", 0.0)
    received = Received("0" * 64, "x", "x\n" + "1" * 64 + "  y", "space", "v", 3, 0)
    lines = (receipts.head(issuer) + receipts.entry(received)).decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["0" * 64 + "  x"]
    assert lines[0] == "# Howdah receipt of 1970-01-01T00:00:00Z"


@pytest.fixture
def folder(short_path: Path, paired: Client, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = short_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    for number, name in enumerate(NAMES):
        (path / name).write_bytes(os.urandom(1000 + number))
    paired.run("send", *(path / name for name in NAMES), "--to", "there")
    return path


def test_sha256sum_checks_a_receipt_of_files_with_any_names(
    paired: Client, folder: Path, short_path: Path
) -> None:
    receipt = short_path / "receipt"
    paired.run("receipt", ".", "--output", receipt)
    done = check(receipt, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": OK") == len(NAMES)
    text = receipt.read_text()
    assert "# Receiver: " in text
    assert "# there/plain.txt: space " in text
    assert (paired.home / "token").read_text() not in text


def test_a_file_that_differs_now_is_named_and_the_receipt_tells_what_was_received(
    paired: Client, folder: Path, short_path: Path
) -> None:
    before = hashlib.sha256((folder / "plain.txt").read_bytes()).hexdigest()
    (folder / "plain.txt").write_bytes(b"changed")
    (folder / "new.txt").write_bytes(b"never sent")
    (folder / "with space").unlink()
    receipt = short_path / "receipt"
    told = paired.run("receipt", folder, "--output", receipt, code=1).stderr
    named = sorted(line.split(": ")[1].rpartition("/")[2] for line in told.splitlines())
    assert named == ["new.txt", "plain.txt", "with space"]
    assert f"{before}  {folder}/plain.txt\n" in receipt.read_text()
    done = check(receipt, folder)
    assert done.returncode == 1
    assert done.stdout.count(": OK") == len(NAMES) - 2


def test_a_freed_file_still_has_its_receipt(paired: Client, folder: Path) -> None:
    digest = hashlib.sha256((folder / "plain.txt").read_bytes()).hexdigest()
    paired.run("free", "plain.txt", "--delete")
    done = paired.run("receipt", "plain.txt", code=1)
    assert f"\n{digest}  plain.txt\n" in done.stdout
    assert "no longer here" in done.stderr


def test_what_was_never_sent_has_none(paired: Client, folder: Path) -> None:
    done = paired.run("receipt", "/etc/hostname", "missing", code=1)
    assert done.stdout == ""
    assert done.stderr.count("(not_sent)") == 2
