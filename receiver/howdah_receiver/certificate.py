"""The certificate that the receiver shows: its own, made once and pinned by the clients that pair, or the
owner's."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import socket
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from howdah_receiver.errors import StartRefused

_DAYS = 20 * 365
"""Clients trust the certificate itself, not its dates: a new one means that every device pairs again."""


@dataclass(frozen=True, slots=True)
class Certificate:
    certificate_file: Path
    key_file: Path
    fingerprint: str
    """SHA-256 of the certificate in DER, hex."""


def certificate_in(folder: Path, host: str) -> Certificate:
    """The certificate in `folder`/tls, made if there is none. Raises StartRefused."""
    place = folder / "tls"
    certificate_file, key_file = place / "certificate.pem", place / "key.pem"
    try:
        if not (certificate_file.exists() and key_file.exists()):
            place.mkdir(mode=0o700, exist_ok=True)
            key, certificate = _make(host)
            _write(key_file, key)
            _write(certificate_file, certificate)
        return Certificate(certificate_file, key_file, _fingerprint(certificate_file.read_bytes()))
    except OSError as error:
        raise StartRefused(
            f"The receiver's certificate in {place} cannot be used: {error.strerror}.",
            "See to the disk, and to the rights of that folder.",
        ) from error
    except ValueError as error:
        raise StartRefused(
            f"The file {certificate_file} holds no certificate.",
            "Put the folder tls back from a backup; or remove it, and pair every device again.",
        ) from error


def certificate_given(certificate_file: Path, key_file: Path) -> Certificate:
    """The owner's certificate, looked over. Raises StartRefused for what no client could trust."""
    from cryptography import x509

    content = _read("certificate_file", certificate_file)
    _read("key_file", key_file)
    try:
        leaf = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise StartRefused(
            f"The file {certificate_file} (certificate_file) holds no certificate.",
            "Name a file in PEM: it begins with -----BEGIN CERTIFICATE-----.",
        ) from error
    if leaf.not_valid_after_utc <= dt.datetime.now(dt.UTC):
        raise StartRefused(
            f"The certificate {certificate_file} has expired, on {leaf.not_valid_after_utc:%Y-%m-%d}.",
            "Renew it, or leave certificate_file and key_file out: the receiver then makes one.",
        )
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate_file, key_file)
    return Certificate(certificate_file, key_file, _fingerprint(content))


def load(context: ssl.SSLContext, certificate_file: Path, key_file: Path) -> None:
    """Have `context` show the certificate from its next handshake on. Raises StartRefused."""
    try:
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate_file, key_file, password="")
    except (ssl.SSLError, ValueError) as error:
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            raise StartRefused(
                f"The key {key_file} does not belong to the certificate {certificate_file}.",
                "Name the two files that were made together.",
            ) from error
        raise StartRefused(
            f"The certificate {certificate_file} and the key {key_file} cannot be used.",
            "Both must be in PEM, and the key without a passphrase.",
        ) from error


def others_may_read(key_file: Path) -> bool:
    return bool(key_file.stat().st_mode & stat.S_IROTH)


def _read(name: str, path: Path) -> bytes:
    """Raises StartRefused."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartRefused(
            f"The file {path} ({name}) cannot be read: {error.strerror}.",
            "Name a file that the receiver's user may read.",
        ) from error


def _make(host: str) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Howdah receiver")])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName(socket.gethostname())]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a start that died half-way makes both anew."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _fingerprint(pem: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(
        x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    ).hexdigest()
