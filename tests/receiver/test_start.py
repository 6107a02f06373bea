"""A receiver's life: what keeps it from starting, how it stops, and what it knows after each kind of end."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import socket
import sqlite3
import ssl
import stat
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from howdah_common.frames import MEDIA_TYPE
from kit.native import SMALL_CHUNK, Native, code_in, part_file, random_content, rot
from kit.ports import free_port
from kit.raw_http import Raw, is_alive
from kit.receiver import running_receiver
from kit.serving import command, refusal, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.receiver import RunningReceiver

CATALOGUE = "catalogue.sqlite3"


@pytest.fixture
def device(receiver: RunningReceiver) -> Iterator[Native]:
    with Native.paired_with(receiver) as paired:
        yield paired


# -- what keeps it from starting


def test_a_second_receiver_on_the_same_folder_refuses(
    receiver: RunningReceiver, device: Native
) -> None:
    file = device.published("a", b"abc")
    done = command("serve", "--data", receiver.data, "--port", "0")
    assert "Another receiver works on" in refusal(done)
    assert device.content(file["id"]).body == b"abc"
    assert receiver.new_link().startswith("howdah://")


def test_a_port_that_is_taken_is_a_sentence(short_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in refusal(command("serve", "--data", short_path / "d", "--port", port))
    assert not (short_path / "d").exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "999.1.1.1"])
def test_an_address_that_is_not_ours_is_a_sentence(short_path: Path, host: str) -> None:
    done = command("serve", "--data", short_path / "d", "--port", "0", "--host", host)
    assert host in refusal(done)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HOWDAH_RECEIVER_PORT", "seven"),
        ("HOWDAH_RECEIVER_PORT", "70000"),
        ("HOWDAH_RECEIVER_HEADER_SECONDS", "-1"),
        ("HOWDAH_RECEIVER_CONNECTIONS", ""),
        ("HOWDAH_RECEIVER_ALLOWED_HOSTS", "not a list"),
    ],
)
def test_a_setting_that_makes_no_sense_is_a_sentence(
    short_path: Path, setting: str, value: str
) -> None:
    sentence = refusal(command("serve", "--data", short_path / "d", env={setting: value}))
    assert setting.removeprefix("HOWDAH_RECEIVER_").lower() in sentence


def test_a_folder_that_cannot_be_is_a_sentence(short_path: Path) -> None:
    (short_path / "file").write_text("x")
    for data in (short_path / "file", short_path / "file" / "below"):
        refusal(command("serve", "--data", data, "--port", "0"))


def test_a_folder_that_this_user_may_not_write_is_a_sentence(short_path: Path) -> None:
    # Not as another user, who could not read this Python everywhere: what lets root write where the
    # mode says no is a capability.
    without = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    closed = short_path / "closed"
    closed.mkdir(mode=0o500)
    for data in (closed, closed / "below"):
        before = without if os.geteuid() == 0 else ()
        done = command("serve", "--data", data, "--port", "0", before=before)
        assert "cannot be used" in refusal(done)


def test_a_catalogue_of_a_newer_version_is_left_alone(receiver: RunningReceiver) -> None:
    receiver.stop()
    with closing(sqlite3.connect(receiver.data / CATALOGUE)) as catalogue, catalogue:
        catalogue.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (receiver.data / CATALOGUE).read_bytes()
    sentence = refusal(command("serve", "--data", receiver.data, "--port", "0"))
    assert "newer version" in sentence
    assert "9999" in sentence
    assert (receiver.data / CATALOGUE).read_bytes() == before


def test_a_catalogue_that_is_not_whole_is_never_begun_anew_over_files(
    receiver: RunningReceiver, device: Native
) -> None:
    device.published("a/b", random_content(100))
    receiver.stop()
    catalogue = receiver.data / CATALOGUE
    whole = catalogue.read_bytes()
    for harm in (None, b"", whole[: len(whole) // 2], bytes(len(whole)), b"hello"):
        catalogue.unlink(missing_ok=True)
        if harm is not None:
            catalogue.write_bytes(harm)
        refusal(command("serve", "--data", receiver.data, "--port", "0"))
    assert (receiver.data / "files" / "owner" / "a" / "b").exists()
    catalogue.write_bytes(whole)
    receiver.process.close()
    receiver.start()
    assert device.items("a")[0]["path"] == "a/b"


# -- the catalogue's shape


def test_the_tables_are_what_the_migrations_make(receiver: RunningReceiver) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from howdah_receiver.catalogue.tables import SEARCH_TABLES, metadata

    def is_ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name is None or not name.startswith(SEARCH_TABLES)

    engine = create_engine(f"sqlite:///{receiver.data / CATALOGUE}")
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "include_name": is_ours}
            )
            assert compare_metadata(context, metadata) == []
    finally:
        engine.dispose()


def test_the_newest_revision_is_the_one_that_a_start_looks_for() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from howdah_receiver.catalogue import migrate

    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS).replace("%", "%%"))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


# -- how it stops


@pytest.mark.parametrize(
    ("number", "env"),
    [(signal.SIGTERM, {}), (signal.SIGINT, {"HOWDAH_RECEIVER_STOP_SECONDS": "1"})],
    ids=["term", "int"],
)
def test_a_stop_with_uploads_under_way_is_in_time_and_clean(
    short_path: Path, number: signal.Signals, env: dict[str, str]
) -> None:
    with (
        running_receiver(short_path / "data", env=env) as receiver,
        Native.paired_with(receiver) as device,
    ):
        _stop_with_uploads_under_way(receiver, device, number)


def _stop_with_uploads_under_way(
    receiver: RunningReceiver, device: Native, number: signal.Signals
) -> None:
    contents = [random_content(4 * SMALL_CHUNK) for _ in range(10)]
    uploads = [device.started(f"a/{n}", content) for n, content in enumerate(contents)]
    with ExitStack() as stack:
        for upload, content in zip(uploads, contents, strict=True):
            assert device.stream(upload, content.frame(0)).status == 200
            raw = stack.enter_context(Raw(receiver.url))
            body = content.stream([1, 2, 3])
            raw.head(
                "POST",
                f"/api/v1/uploads/{upload}/chunks",
                Authorization=f"Bearer {device.token}",
                Content_Type=MEDIA_TYPE,
                Content_Length=len(body),
            )
            raw.send(body[: SMALL_CHUNK * 3 // 2])
        began = time.monotonic()
        receiver.process.send(number)
        assert receiver.process.wait() == 0
        assert time.monotonic() - began < 10.5
    assert (receiver.data / "clean").exists()
    assert not (receiver.data / "control.sock").exists()
    assert "Traceback" not in receiver.process.stderr.text
    receiver.process.close()
    receiver.start()
    assert not (receiver.data / "clean").exists()
    for upload, content in zip(uploads, contents, strict=True):
        there = device.received(upload)
        assert 0 in there
        missing = sorted(set(range(4)) - there)
        assert device.stream(upload, content.stream(missing)).status == 200
        assert device.complete(upload, content).status == 201


def test_an_idle_receiver_stops_at_once(receiver: RunningReceiver, device: Native) -> None:
    assert device.listing().status == 200
    began = time.monotonic()
    assert receiver.stop() == 0
    assert time.monotonic() - began < 4


def test_what_was_acknowledged_is_there_after_a_kill_and_what_rotted_is_asked_for_again(
    receiver: RunningReceiver, device: Native
) -> None:
    content, other = random_content(6 * SMALL_CHUNK), random_content(2 * SMALL_CHUNK)
    upload, untouched = device.started("a", content), device.sent("b", other)
    assert device.stream(upload, content.stream([0, 1, 3, 4])).status == 200
    assert device.put(upload, 2, content.chunk(2)).status == 201
    receiver.kill()
    rot(part_file(receiver, upload), 3 * SMALL_CHUNK + 7)
    receiver.process.close()
    receiver.start()
    assert device.received(upload) == {0, 1, 2, 4}
    assert device.received(untouched) == {0, 1}
    assert device.stream(upload, content.stream([3, 5])).status == 200
    file = device.complete(upload, content).json["file"]
    assert device.content(file["id"]).body == content.data
    assert device.complete(untouched, other).status == 201


def test_a_completion_right_after_a_kill_reads_what_was_not_safe(
    receiver: RunningReceiver, device: Native
) -> None:
    content = random_content(3 * SMALL_CHUNK)
    upload = device.sent("a", content)
    receiver.kill()
    rot(part_file(receiver, upload), SMALL_CHUNK)
    receiver.process.close()
    receiver.start()
    answer = device.complete(upload, content)
    assert (answer.code, answer.json["missing"]) == ("upload_incomplete", [[1, 1]])


def test_a_part_that_is_gone_after_a_kill_is_sent_again(
    receiver: RunningReceiver, device: Native
) -> None:
    content = random_content(2 * SMALL_CHUNK)
    upload = device.sent("a", content)
    receiver.kill()
    part_file(receiver, upload).unlink()
    stray = part_file(receiver, "f" * 32)
    stray.write_bytes(b"nobody's")
    receiver.process.close()
    receiver.start()
    assert not stray.exists()
    assert device.received(upload) == set()
    device.stream(upload, content.stream())
    assert device.complete(upload, content).status == 201


# -- TLS


def test_on_a_network_it_speaks_tls_and_the_link_pins_its_certificate(short_path: Path) -> None:
    with served(short_path / "data", "--host", "0.0.0.0") as receiver:
        assert receiver.url.startswith("https://")
        here = f"https://127.0.0.1:{receiver.port}"
        pin = parse_qs(urlsplit(receiver.link).query)["pin"][0]
        shown = ssl.get_server_certificate(("127.0.0.1", receiver.port))
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest()
        assert pin == f"sha256:{fingerprint}"
        assert "tls=0" not in receiver.link

        key, certificate = (
            receiver.data / "tls" / f"{name}.pem" for name in ("key", "certificate")
        )
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        trust = ssl.create_default_context(cafile=str(certificate))
        trust.check_hostname = False
        with Native(here, verify=trust) as stranger:
            token = stranger.pair(code_in(receiver.link)).json["token"]
        with Native(here, token, verify=trust) as device:
            file = device.published("a", random_content(SMALL_CHUNK + 1))
            assert len(device.content(file["id"]).body) == SMALL_CHUNK + 1
        with Raw(f"http://127.0.0.1:{receiver.port}") as plain:
            plain.head("GET", "/healthz")
            assert plain.answer().status == 0

        receiver.restart()
        assert ssl.get_server_certificate(("127.0.0.1", receiver.port)) == shown
        again = parse_qs(urlsplit(receiver.new_link()).query)["pin"][0]
        assert again == pin


def test_on_loopback_it_speaks_plainly(receiver: RunningReceiver) -> None:
    assert receiver.url == f"http://127.0.0.1:{receiver.port}"
    assert not (receiver.data / "tls").exists()
    assert is_alive(receiver.url, within_seconds=30)


def test_a_free_port_is_printed(short_path: Path) -> None:
    with served(short_path / "data", "--port", "0") as receiver:
        port = urlsplit(receiver.url).port
        assert port not in (0, None, receiver.port)
        assert is_alive(receiver.url, within_seconds=30)


def test_a_free_port_is_what_the_kit_says() -> None:
    assert free_port() > 1024


# -- doctor and help


def findings(data: Path, code: int) -> str:
    done = command("doctor", "--data", data)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_doctor_finds_nothing_wrong_whether_it_runs_or_not(
    receiver: RunningReceiver, device: Native
) -> None:
    if shutil.disk_usage(receiver.data).free < 1024**3:
        pytest.skip("less than 1 GiB is free here, and the doctor says so")
    device.published("a", b"abc")
    device.started("b", random_content(10))
    said = findings(receiver.data, 0)
    assert "A receiver is running." in said
    assert "1 uploads are on their way" in said
    receiver.stop()
    before = sorted(path.name for path in receiver.data.iterdir())
    said = findings(receiver.data, 0)
    assert "No receiver is running." in said
    assert "1 files are stored" in said
    assert sorted(path.name for path in receiver.data.iterdir()) == before


def test_the_doctor_finds_what_is_wrong(receiver: RunningReceiver, device: Native) -> None:
    file = device.published("dir/a", b"abc")
    device.digested(file["id"])
    rot(receiver.data / "files" / "owner" / "dir" / "a")
    device.verify_file(file["id"])
    receiver.stop()
    data = receiver.data
    data.chmod(0o755)
    part_file(receiver, "f" * 32).write_bytes(b"")
    said = findings(data, 1)
    assert f"chmod 700 {data}" in said
    assert "1 part files belong to no upload" in said
    assert "1 files no longer match their digests: 'dir/a'" in said
    with (data / CATALOGUE).open("r+b") as catalogue:
        catalogue.write(b"no database any more")
    assert "catalogue is damaged" in findings(data, 1)
    (data / CATALOGUE).unlink()
    assert "no catalogue" in findings(data, 1)
    assert "no data folder" in findings(data / "nothing", 1)


@pytest.mark.parametrize("arguments", [(), ("serve",), ("pair",), ("doctor",)], ids=str)
def test_help_comes_at_once(arguments: tuple[str, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command(*arguments, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert "Usage" in done.stdout
    # Of the processor, not of the clock: a busy machine is no finding.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
