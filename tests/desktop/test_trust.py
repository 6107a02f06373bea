"""No byte of a request, and so no token, leaves on a connection that was not checked."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from howdah_common.problems import ProblemError
from howdah_desktop.remote.receiver import Receiver
from howdah_desktop.remote.trust import Transport, authorities_context, is_loopback, tls_context
from kit.cued_receiver import TOKEN, CuedReceiver, Exchange, cued_receiver


@dataclass(frozen=True)
class Certificate:
    """A self-signed one, as a receiver makes it."""

    context: ssl.SSLContext
    pin: str
    path: Path
    """With its key."""


def certificate(folder: Path, name: str, *, days: int = 1) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    der = made.public_bytes(serialization.Encoding.DER)
    return Certificate(context, hashlib.sha256(der).hexdigest(), path)


@pytest.fixture
def paired_with(own_machine: Path) -> Certificate:
    return certificate(own_machine, "paired")


@pytest.fixture
def other(own_machine: Path) -> Certificate:
    return certificate(own_machine, "other")


class Listener:
    """A TLS server that writes down every byte that comes out of its TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.received: list[bytes] = []
        self.handshakes = 0
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    self.handshakes += 1
                    while data := secured.recv(65_536):
                        self.received.append(data)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def listening(context: ssl.SSLContext) -> Iterator[Listener]:
    listener = Listener(context)
    try:
        yield listener
    finally:
        listener.close()


def problem_code(call: object) -> str:
    assert callable(call)
    with pytest.raises(ProblemError) as caught:
        call()
    assert TOKEN not in repr(caught.value)
    return caught.value.code


def test_the_paired_certificate_is_accepted_though_nobody_signed_it(
    paired_with: Certificate,
) -> None:
    with cued_receiver(paired_with.context) as scripted:
        scripted.on("GET", "/uploads", lambda exchange: exchange.json(200, {"uploads": []}))
        receiver = Receiver(scripted.paired(paired_with.pin))
        receiver.uploads()
        receiver.close()
    assert scripted.seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_another_certificate_gets_no_application_byte(
    paired_with: Certificate, other: Certificate, version: ssl.TLSVersion
) -> None:
    other.context.minimum_version = other.context.maximum_version = version
    with listening(other.context) as listener, cued_receiver() as scripted:
        paired = replace(
            scripted.paired(paired_with.pin), address=f"https://127.0.0.1:{listener.port}"
        )
        receiver = Receiver(paired)
        with pytest.raises(ProblemError) as caught:
            receiver.uploads()
        receiver.close()
    assert caught.value.code == "certificate_changed"
    assert paired_with.pin in caught.value.detail
    assert other.pin in caught.value.detail
    assert listener.handshakes == 1
    assert listener.received == []


def test_every_new_connection_is_checked_again(
    paired_with: Certificate, other: Certificate
) -> None:
    with cued_receiver(paired_with.context) as scripted:
        scripted.on("GET", "/uploads", lambda exchange: exchange.json(200, {"uploads": []}))
        receiver = Receiver(scripted.paired(paired_with.pin))
        receiver.uploads()
        receiver.uploads()
        with listening(other.context) as listener:
            receiver.drop_connections()
            # The same client, the same origin; only what answers there is another by now.
            connect = partial(socket.create_connection, ("127.0.0.1", listener.port))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(
                    "howdah_desktop.remote.trust.socket.create_connection",
                    lambda address, timeout: connect(timeout),
                )
                assert problem_code(receiver.uploads) == "certificate_changed"
        assert listener.handshakes == 1
        assert listener.received == []
        receiver.uploads()
        receiver.close()


def test_a_receiver_without_tls_is_not_spoken_to_in_the_clear(paired_with: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain, cued_receiver() as scripted:
        got: list[bytes] = []

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                got.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"https://127.0.0.1:{plain.getsockname()[1]}"
        receiver = Receiver(replace(scripted.paired(paired_with.pin), address=address))
        assert problem_code(receiver.uploads) == "answer_invalid"
        receiver.close()
        thread.join()
    assert TOKEN.encode() not in b"".join(got)
    assert got[0][0] == 22  # a TLS handshake record, nothing else


@pytest.mark.parametrize(
    "address",
    [
        "http://192.0.2.1:80",
        "http://receiver.example:80",
        "http://localhost.example.org:80",
        "https://",
        "ftp://127.0.0.1:80",
    ],
)
def test_without_tls_only_this_machine_is_spoken_to(address: str) -> None:
    with cued_receiver() as scripted:
        paired = replace(scripted.paired(), address=address)
        assert problem_code(lambda: Receiver(paired)) == "insecure_address"


def test_a_local_name_that_leads_elsewhere_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(
        "howdah_desktop.remote.trust.socket.create_connection",
        lambda address, timeout: Elsewhere(ours.detach()),
    )
    with cued_receiver() as scripted:
        receiver = Receiver(replace(scripted.paired(), address="http://localhost:1"))
        assert problem_code(receiver.uploads) == "insecure_address"
        receiver.close()
    with theirs:
        assert theirs.recv(100) == b""


class Elsewhere(socket.socket):
    def __init__(self, descriptor: int) -> None:
        super().__init__(fileno=descriptor)

    def setsockopt(self, *_: object) -> None:
        pass

    def getpeername(self) -> tuple[str, int]:
        return "192.0.2.1", 80


# -- without a pin: by the authorities that this computer trusts


def test_without_a_pin_an_authority_of_this_computer_vouches_for_the_receiver(
    paired_with: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(paired_with.path))
    with cued_receiver(paired_with.context) as scripted:
        scripted.on("GET", "/uploads", lambda exchange: exchange.json(200, {"uploads": []}))
        receiver = Receiver(scripted.paired())
        receiver.uploads()
        receiver.close()
    assert scripted.seen[0].headers["Authorization"] == f"Bearer {TOKEN}"


def refused_for_its_certificate(context: ssl.SSLContext, host: str = "127.0.0.1") -> str:
    """What is said of a certificate that does not count; no byte of a request was sent."""
    with listening(context) as listener, cued_receiver() as scripted:
        receiver = Receiver(replace(scripted.paired(), address=f"https://{host}:{listener.port}"))
        with pytest.raises(ProblemError) as caught:
            receiver.uploads()
        receiver.close()
    assert caught.value.code == "certificate_untrusted"
    assert listener.received == []
    return caught.value.detail


def test_without_a_pin_a_certificate_that_nobody_vouches_for_gets_no_application_byte(
    paired_with: Certificate,
) -> None:
    assert "self-signed" in refused_for_its_certificate(paired_with.context)


def test_without_a_pin_a_certificate_of_another_name_gets_no_application_byte(
    paired_with: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(paired_with.path))
    said = refused_for_its_certificate(paired_with.context, "localhost")
    assert "not valid for 'localhost'" in said


def test_without_a_pin_an_expired_certificate_gets_no_application_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = certificate(tmp_path, "expired", days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(expired.path))
    assert "expired" in refused_for_its_certificate(expired.context)


def test_a_pin_counts_though_an_authority_vouches_for_another(
    paired_with: Certificate, other: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(other.path))
    with cued_receiver(other.context) as scripted:
        receiver = Receiver(scripted.paired(paired_with.pin))
        assert problem_code(receiver.uploads) == "certificate_changed"
        receiver.close()


def test_early_answers_are_seen_over_tls_too(paired_with: Certificate) -> None:
    given_up = threading.Event()

    def play(exchange: Exchange) -> None:
        exchange.body(1000)
        exchange.problem(507, "storage_full")
        given_up.wait(20)

    with cued_receiver(paired_with.context) as scripted:
        scripted.on("POST", "/uploads/u1/chunks", play)
        receiver = Receiver(scripted.paired(paired_with.pin))
        blocks = (bytes(2**20) for _ in range(200))
        sent = partial(receiver.send_chunks, "u1", blocks, 200 * 2**20)
        assert problem_code(sent) == "storage_full"
        given_up.set()
        receiver.close()


def test_large_bodies_go_over_tls_whole(paired_with: Certificate) -> None:
    taken = hashlib.sha256()

    def play(exchange: Exchange) -> None:
        taken.update(exchange.body())
        exchange.json(200, {"stored": [[0, 0]]})

    blocks = [bytes([number]) * 2**20 for number in range(20)]
    with cued_receiver(paired_with.context) as scripted:
        scripted.on("POST", "/uploads/u1/chunks", play)
        receiver = Receiver(scripted.paired(paired_with.pin))
        receiver.send_chunks("u1", iter(blocks), 20 * 2**20)
        receiver.close()
    assert taken.digest() == hashlib.sha256(b"".join(blocks)).digest()


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    for context in (tls_context(), authorities_context()):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_checked_connections_are_the_ones_that_httpx_uses() -> None:
    transport = Transport("0" * 64, tls=True, connections=2, idle_seconds=1)
    pool = transport._pool
    assert isinstance(pool, httpcore.ConnectionPool)
    assert pool._network_backend is transport.backend
    assert "_pool" in vars(transport)
    transport.close()


def test_loopback_is_known_by_its_addresses() -> None:
    for host in ("127.0.0.1", "127.8.9.10", "::1", "localhost", "LOCALHOST"):
        assert is_loopback(host)
    for host in ("0.0.0.0", "10.0.0.1", "::", "example.org", "127.0.0.1.example.org", ""):
        assert not is_loopback(host)


def test_the_cued_receiver_takes_no_part(paired_with: Certificate) -> None:
    """A mistake in the kit must not look like a success of the check."""
    scripted = CuedReceiver(paired_with.context)
    scripted.close()
    assert scripted.seen == []
