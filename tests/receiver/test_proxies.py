"""Behind a proxy: who is believed, who is let in, and whether the documented configurations work."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
from contextlib import ExitStack, closing
from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.datastructures import Headers

from howdah_receiver import tls
from howdah_receiver.proxies import MOST_HOPS, Proxies
from howdah_receiver.settings import Settings
from kit import proxy
from kit.native import Native, code_in, random_content
from kit.ports import free_port
from kit.processes import PATIENCE_SECONDS
from kit.raw_http import Raw, is_alive
from kit.serving import Served, command, refusal, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kit.client import Client

needs_nginx = pytest.mark.skipif(proxy.NGINX is None, reason="nginx is not installed")
needs_caddy = pytest.mark.skipif(proxy.CADDY is None, reason="Caddy is not installed")

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"), ip_network("127.0.0.1")]
STRANGER = "192.0.2.7"


# -- who is believed


def caller(header: str, *values: str, proto: str = "") -> tuple[str, str]:
    """What a proxy that is trusted says by one header, of one line or more."""
    raw = [(header.lower().encode(), value.encode()) for value in values]
    if proto:
        raw.append((b"x-forwarded-proto", proto.encode()))
    return Proxies(PROXIES, header.lower(), on_socket=False).caller(Headers(raw=raw))


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("192.0.2.7", STRANGER),
        ("192.0.2.7:4711", STRANGER),
        ("203.0.113.9, 192.0.2.7", STRANGER),
        ("192.0.2.7, 10.0.0.2, 10.0.0.3", STRANGER),
        ("10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("[2001:dead::1]:80", "2001:dead::1"),
        ("2001:dead::1", "2001:dead::1"),
        ("::ffff:192.0.2.7", STRANGER),
        ("127.0.0.1, unknown", ""),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("'; DROP TABLE files, 192.0.2.7", STRANGER),
        ("", ""),
        (",,,", ""),
        ("10.0.0.1," * 5000 + "10.0.0.1", "10.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_asks(said: str, address: str) -> None:
    assert caller("X-Forwarded-For", said) == (address, "")


def test_many_lines_are_one() -> None:
    assert caller("X-Forwarded-For", STRANGER, "10.0.0.1")[0] == STRANGER
    assert caller("X-Forwarded-For", "203.0.113.9", STRANGER)[0] == STRANGER


@pytest.mark.parametrize(
    ("said", "scheme"),
    [("https", "https"), ("http", "http"), ("wss", "https"), ("gopher", ""), ("http, https", "https")],
)  # fmt: skip
def test_the_nearest_proxy_says_whether_it_is_https(said: str, scheme: str) -> None:
    assert caller("X-Forwarded-For", STRANGER, proto=said) == (STRANGER, scheme)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("for=192.0.2.7;proto=https", (STRANGER, "https")),
        ("For=192.0.2.7 ; Proto=http;by=10.0.0.1", (STRANGER, "http")),
        ('for="192.0.2.7:4711"', (STRANGER, "")),
        ('for="[2001:dead::1]:80";host=x', ("2001:dead::1", "")),
        ("for=203.0.113.9, for=192.0.2.7, for=10.0.0.1", (STRANGER, "")),
        ('for="_hidden", for=10.0.0.1', ("10.0.0.1", "")),
        # What a stranger wrote before the proxy added its own must not swallow it.
        ('for="abc, for=192.0.2.7', (STRANGER, "")),
        ('for=203.0.113.9;x="a, for="192.0.2.7:1"', (STRANGER, "")),
        ("===, ;;;, for=192.0.2.7;proto=https", (STRANGER, "https")),
        ('for="a' * 20000 + ", for=192.0.2.7", (STRANGER, "")),
        ("", ("", "")),
        ("nonsense", ("", "")),
    ],
)
def test_forwarded_is_read_from_its_end(said: str, found: tuple[str, str]) -> None:
    assert caller("Forwarded", said) == found


def test_only_one_header_counts() -> None:
    both = Headers(
        raw=[(b"x-forwarded-for", STRANGER.encode()), (b"forwarded", b"for=203.0.113.9")]
    )
    for header, address in (("x-forwarded-for", STRANGER), ("forwarded", "203.0.113.9")):
        assert Proxies(PROXIES, header, on_socket=False).caller(both)[0] == address


def test_hops_have_an_end() -> None:
    said = ", ".join([STRANGER, *["10.0.0.1"] * MOST_HOPS])
    assert caller("X-Forwarded-For", said)[0] == "10.0.0.1"


def test_trust_goes_by_the_connection() -> None:
    proxies = Proxies(PROXIES, "x-forwarded-for", on_socket=False)
    assert proxies.trusts("10.1.2.3")
    assert proxies.trusts("::ffff:10.1.2.3")
    assert proxies.trusts("2001:db8::5")
    for address in (STRANGER, "::1", "", "localhost", "10.1.2.3.example.org"):
        assert not proxies.trusts(address)
    assert Proxies([], "x-forwarded-for", on_socket=True).trusts("")


# -- in a receiver


def asked_as(receiver: Served, path: str) -> str:
    """The address that the receiver took the question for; it runs with --debug."""
    match = receiver.process.wait_for(rf"gate: (\S+) GET {re.escape(path)} ", stream="stderr")
    return str(match[1])


def ask(receiver: Served, path: str, *, source: str | None = None, **headers: str) -> int:
    with Raw(receiver.url, source=source) as raw:
        raw.head("GET", path, Connection="close", **headers)
        return raw.answer().status


def test_headers_count_from_a_trusted_address_alone(short_path: Path) -> None:
    with served(short_path / "d", "--debug", "--set", "trusted_proxies=127.0.0.5") as receiver:
        ask(receiver, "/a", source="127.0.0.5", X_Forwarded_For=STRANGER)
        ask(receiver, "/b", source="127.0.0.6", X_Forwarded_For=STRANGER)
        ask(receiver, "/c", source="127.0.0.5", Forwarded=f"for={STRANGER}")
        assert asked_as(receiver, "/a") == STRANGER
        assert asked_as(receiver, "/b") == "127.0.0.6"
        assert asked_as(receiver, "/c") == "127.0.0.5"


def test_the_cap_for_an_address_does_not_hit_the_proxy_but_who_is_behind_it(
    short_path: Path,
) -> None:
    env = {
        "HOWDAH_RECEIVER_TRUSTED_PROXIES": "127.0.0.5",
        "HOWDAH_RECEIVER_CONNECTIONS_PER_ADDRESS": "3",
    }
    with served(short_path / "d", env=env) as receiver, ExitStack() as stack:

        def waiting(source: str, behind: str) -> Raw:
            """A request that is under way: its body has not come yet."""
            raw = stack.enter_context(Raw(receiver.url, source=source))
            json_type = {"Content_Type": "application/json"}
            raw.head("POST", "/api/v1/pair", X_Forwarded_For=behind, Content_Length=9, **json_type)
            return raw

        held = [waiting("127.0.0.5", STRANGER) for _ in range(3)]
        others = [waiting("127.0.0.5", f"203.0.113.{number}") for number in range(9)]
        one_more = waiting("127.0.0.5", STRANGER)
        answer = one_more.answer()
        assert (answer.status, answer.code) == (503, "unavailable")
        held[0].send(b"{nonsense")
        assert held[0].answer().status == 400
        again = waiting("127.0.0.5", STRANGER)
        for raw in (*held[1:], *others, again):
            raw.send(b"{nonsense")
            assert raw.answer().status == 400
        # Whoever is no proxy is counted by connections, whatever it says.
        strangers = [waiting("127.0.0.6", f"203.0.113.{number}") for number in range(4)]
        assert sum(raw.ended() for raw in strangers[3:]) == 1


def test_without_tls_on_a_network_only_proxies_and_this_machine_get_in(short_path: Path) -> None:
    here = _address_of_this_machine()
    env = {"HOWDAH_RECEIVER_TLS": "off", "HOWDAH_RECEIVER_TRUSTED_PROXIES": "192.0.2.1"}
    with served(short_path / "d", "--host", "0.0.0.0", env=env) as receiver:
        assert receiver.url.startswith("http://")
        assert is_alive(f"http://127.0.0.1:{receiver.port}", 30)
        with Raw(f"http://{here}:{receiver.port}") as raw:
            assert raw.ended()
        receiver.process.wait_for(f"without TLS from {re.escape(here)}, no proxy", stream="stderr")
    env["HOWDAH_RECEIVER_TRUSTED_PROXIES"] = here
    with served(short_path / "d", "--host", "0.0.0.0", env=env) as receiver:
        assert is_alive(f"http://{here}:{receiver.port}", 30)


def _address_of_this_machine() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_links_name_the_public_address_and_its_host_is_answered(short_path: Path) -> None:
    url = "https://Files.example.org"
    with served(short_path / "d", "--public-url", url) as receiver:
        assert receiver.url == url.lower()
        said = urlsplit(receiver.link)
        assert said.netloc == "files.example.org:443"
        assert parse_qs(said.query)["tls"] == ["1"]
        assert "pin" not in parse_qs(said.query)
        with Raw(f"http://127.0.0.1:{receiver.port}") as raw:
            raw.host = "files.example.org"
            raw.head("GET", "/healthz")
            assert raw.answer().status == 200
            raw.host = "other.example.org"
            raw.head("GET", "/healthz")
            assert raw.answer().status == 400


# -- a socket in place of a port


class OnSocket(Served):
    """A receiver on a socket, and nowhere else."""

    @property
    def socket(self) -> Path:
        return self.data.with_name("receiver.sock")

    def start(self) -> None:
        self._arguments = ("--unix", str(self.socket), "--public-url", "https://localhost:1")
        super().start()


@pytest.fixture
def on_socket(short_path: Path) -> Iterator[OnSocket]:
    receiver = OnSocket(short_path / "d")
    try:
        yield receiver
    finally:
        receiver.close()


def test_a_socket_is_for_its_user_and_group_and_is_gone_after_a_stop(on_socket: OnSocket) -> None:
    assert stat.S_IMODE(on_socket.socket.stat().st_mode) == 0o660
    more = ("--set", f"unix={on_socket.socket}", "--set", "public_url=https://localhost:1")
    assert command("healthy", *more).returncode == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", on_socket.port))
    assert on_socket.stop() == 0
    assert not on_socket.socket.exists()
    assert command("healthy", *more).returncode == 1


def test_a_socket_that_a_kill_left_is_taken_and_one_in_use_is_not(
    on_socket: OnSocket, short_path: Path
) -> None:
    url = ("--public-url", "https://localhost:1")
    other = short_path / "other"
    done = command("serve", "--data", other, "--unix", on_socket.socket, *url)
    assert "another program listens there" in refusal(done)
    on_socket.kill()
    assert on_socket.socket.exists()
    on_socket.process.close()
    on_socket.start()
    file = short_path / "file"
    file.write_text("mine")
    assert "something else is there" in refusal(
        command("serve", "--data", other, "--unix", file, *url)
    )
    assert file.read_text() == "mine"
    long = short_path / ("x" * 120)
    refusal(command("serve", "--data", other, "--unix", long, *url))


# -- certificates of the owner


def shown(port: int) -> str:
    """The certificate that is shown there now, in PEM."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def with_certificate(files: proxy.Files, **more: str) -> dict[str, str]:
    given = {"certificate_file": files.certificate, "key_file": files.key, **more}
    return {f"HOWDAH_RECEIVER_{name.upper()}": str(value) for name, value in given.items()}


def test_a_certificate_of_the_owner_is_shown_and_pinned(short_path: Path, client: Client) -> None:
    files = proxy.certificate(short_path)
    with served(short_path / "d", env=with_certificate(files)) as receiver:
        assert receiver.url == f"https://127.0.0.1:{receiver.port}"
        assert f"&pin={files.pin}" in receiver.link
        client.run("pair", receiver.link)
        client.run("ls")
        assert (
            command(
                "healthy", "--set", f"port={receiver.port}", env=with_certificate(files)
            ).returncode
            == 0
        )
        assert not (receiver.data / "tls").exists()


def test_a_renewed_certificate_is_taken_up_without_a_restart_and_half_a_pair_is_not(
    short_path: Path, client: Client
) -> None:
    files = proxy.certificate(short_path)
    env = with_certificate(files, pin="off")
    with served(short_path / "d", env=env) as receiver:
        assert receiver.link.endswith("&tls=1")
        client.env["SSL_CERT_FILE"] = str(short_path / "trusted.pem")
        shutil.copy(files.certificate, short_path / "trusted.pem")
        client.run("pair", receiver.link)
        before = shown(receiver.port)
        renewed = proxy.certificate(short_path, "renewed")
        shutil.copy(renewed.certificate, files.certificate)
        hang_up(receiver)
        receiver.process.wait_for("stays as it was: The key .* does not belong", stream="stderr")
        assert shown(receiver.port) == before
        shutil.copy(renewed.key, files.key)
        hang_up(receiver)
        receiver.process.wait_for(f"the certificate is now {renewed.pin}", stream="stderr")
        assert shown(receiver.port) == renewed.certificate.read_text()
        assert "certificate_untrusted" in client.run("ls", code=1).stderr
        shutil.copy(renewed.certificate, short_path / "trusted.pem")
        client.run("ls")


def test_a_renewed_certificate_is_found_without_being_told(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_SECONDS", 0.001)
    files = proxy.certificate(short_path)
    shown_by = tls.Tls(Settings(certificate_file=files.certificate, key_file=files.key))
    renewed = proxy.certificate(short_path, "renewed")
    assert shown_by.certificate.fingerprint in files.pin

    async def look() -> None:
        watching = asyncio.create_task(shown_by.watch())
        shutil.copy(renewed.key, files.key)
        shutil.copy(renewed.certificate, files.certificate)
        # It looks by itself, and tells nobody. The time limit of the test ends this.
        while shown_by.certificate.fingerprint not in renewed.pin:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        watching.cancel()

    asyncio.run(look())


def hang_up(receiver: Served) -> None:
    receiver.process.send(signal.SIGHUP)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("missing", "cannot be read: No such file"),
        ("text", "holds no certificate"),
        ("expired", "has expired"),
        ("other key", "does not belong"),
        ("no key", "cannot be used"),
    ],
)
def test_a_certificate_that_nobody_could_trust_keeps_it_from_starting(
    short_path: Path, harm: str, said: str
) -> None:
    files = proxy.certificate(short_path, days=-1 if harm == "expired" else 1)
    if harm == "missing":
        files.certificate.unlink()
    elif harm == "text":
        files.certificate.write_text("hello")
    elif harm == "other key":
        files = proxy.Files(files.certificate, proxy.certificate(short_path, "other").key)
    elif harm == "no key":
        files.key.write_text("hello")
    data = short_path / "d"
    done = command("serve", "--data", data, "--port", "0", env=with_certificate(files))
    assert said in refusal(done)
    assert not data.exists()


def test_a_certificate_of_its_own_that_is_damaged_is_a_sentence(short_path: Path) -> None:
    with served(short_path / "d", "--host", "0.0.0.0") as receiver:
        receiver.stop()
        words = ("serve", "--data", receiver.data, "--port", "0", "--host", "0.0.0.0")
        (receiver.data / "tls" / "certificate.pem").write_text("hello")
        assert "holds no certificate" in refusal(command(*words))
        (receiver.data / "tls" / "key.pem").unlink()
        (receiver.data / "tls" / "certificate.pem").unlink()
        (receiver.data / "tls").rmdir()
        (receiver.data / "tls").write_text("a file")
        assert "cannot be used: " in refusal(command(*words))


def test_a_key_that_everybody_may_read_is_told_of(short_path: Path) -> None:
    files = proxy.certificate(short_path)
    files.key.chmod(0o644)
    with served(short_path / "d", env=with_certificate(files)) as receiver:
        receiver.process.wait_for("every user may read the key", stream="stderr")


# -- nginx and Caddy, as documented


def behind(short_path: Path, url: str, **more: str) -> dict[str, str]:
    """The settings of the docs for a receiver behind a proxy."""
    given = {"public_url": url, "trusted_proxies": "127.0.0.1", "debug": "true", **more}
    return {f"HOWDAH_RECEIVER_{name.upper()}": value for name, value in given.items()}


def sent_through(client: Client, receiver: Served, short_path: Path) -> None:
    """The real client pairs, sends some MB, and fetches them again."""
    content = short_path / "content"
    content.write_bytes(os.urandom(12_000_000))
    client.run("pair", receiver.link)
    client.run("send", content)
    client.run("get", "content", "--to", short_path / "back")
    assert (short_path / "back" / "content").read_bytes() == content.read_bytes()


def test_the_documented_settings_are_settings() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", proxy.PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        words = [
            part
            for line in block.splitlines()
            for part in ("--set", line.replace(" = ", "=").replace('"', ""))
        ]
        done = command("settings", *words)
        assert done.returncode == 0, done.stderr


@needs_nginx
@pytest.mark.parametrize("buffering", ["off", "on"])
def test_nginx_as_documented_carries_uploads_and_says_who_asks(
    short_path: Path, client: Client, buffering: str
) -> None:
    files = proxy.certificate(short_path)
    port = free_port()
    url = f"https://localhost:{port}"
    client.env["SSL_CERT_FILE"] = str(files.certificate)
    change = ("proxy_request_buffering off;", f"proxy_request_buffering {buffering};")
    with (
        served(short_path / "d", env=behind(short_path, url)) as receiver,
        proxy.nginx(short_path, port, f"127.0.0.1:{receiver.port}", files, change),
    ):
        sent_through(client, receiver, short_path)
        _ask_as("127.0.0.8", port, files)
        assert asked_as(receiver, "/readyz") == "127.0.0.8"


def _ask_as(source: str, port: int, files: proxy.Files) -> None:
    """Ask through the proxy from another address, and lie about it."""
    context = ssl.create_default_context(cafile=str(files.certificate))
    plain = socket.create_connection(
        ("127.0.0.1", port), timeout=PATIENCE_SECONDS, source_address=(source, 0)
    )
    with closing(context.wrap_socket(plain, server_hostname="localhost")) as line:
        line.sendall(
            f"GET /readyz HTTP/1.1\r\nHost: localhost:{port}\r\nX-Forwarded-For: 203.0.113.1\r\n"
            "Forwarded: for=203.0.113.2\r\nConnection: close\r\n\r\n".encode()
        )
        assert line.recv(12) == b"HTTP/1.1 200"


@needs_nginx
def test_nginx_on_a_socket_with_a_certificate_that_is_pinned(
    short_path: Path, client: Client
) -> None:
    files = proxy.certificate(short_path)
    port = free_port()
    unix = short_path / "receiver.sock"
    env = behind(short_path, f"https://localhost:{port}", pin=files.pin, trusted_proxies="")
    with (
        served(short_path / "d", "--unix", str(unix), env=env) as receiver,
        proxy.nginx(short_path, port, f"unix:{unix}", files),
    ):
        assert f"&pin={files.pin}" in receiver.link
        sent_through(client, receiver, short_path)
        _ask_as("127.0.0.8", port, files)
        assert asked_as(receiver, "/readyz") == "127.0.0.8"


@needs_nginx
def test_what_is_refused_early_is_told_through_nginx(short_path: Path) -> None:
    files = proxy.certificate(short_path)
    port = free_port()
    url = f"https://localhost:{port}"
    context = ssl.create_default_context(cafile=str(files.certificate))
    with (
        served(short_path / "d", env=behind(short_path, url)) as receiver,
        proxy.nginx(short_path, port, f"127.0.0.1:{receiver.port}", files),
        Native(url, verify=context) as stranger,
    ):
        token = stranger.pair(code_in(receiver.link)).json["token"]
        with Native(url, token, verify=context) as device:
            content = random_content(20_000_000, 1024 * 1024)
            upload = device.sent("a", content)
            assert device.complete(upload, content).status == 201
            late = device.stream(upload, content.stream())
            assert (late.status, late.code) == (409, "upload_not_open")


@needs_caddy
def test_caddy_as_documented_carries_uploads_and_says_who_asks(
    short_path: Path, client: Client
) -> None:
    files = proxy.certificate(short_path)
    port = free_port()
    url = f"https://localhost:{port}"
    client.env["SSL_CERT_FILE"] = str(files.certificate)
    with (
        served(short_path / "d", env=behind(short_path, url)) as receiver,
        proxy.caddy(short_path, port, f"127.0.0.1:{receiver.port}", files),
    ):
        sent_through(client, receiver, short_path)
        _ask_as("127.0.0.8", port, files)
        assert asked_as(receiver, "/readyz") == "127.0.0.8"


@needs_caddy
def test_the_documented_caddyfile_is_valid_as_it_stands(short_path: Path) -> None:
    path = short_path / "Caddyfile"
    path.write_text(proxy.documented("caddyfile"))
    _run_caddy("validate", "--adapter", "caddyfile", "--config", path)
    done = _run_caddy("adapt", "--adapter", "caddyfile", "--config", path)
    assert "not formatted" not in done.stderr
    assert "reverse_proxy" in json.dumps(json.loads(done.stdout))


def _run_caddy(*words: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(proxy.CADDY), *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
