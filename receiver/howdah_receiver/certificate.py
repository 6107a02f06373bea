"""The receiver's own certificate: made once, pinned by the clients that pair."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_DAYS = 20 * 365
"""Clients trust the certificate itself, not its dates: a new one means that every device pairs again."""


@dataclass(frozen=True, slots=True)
class Certificate:
    certificate_file: Path
    key_file: Path
    fingerprint: str
    """SHA-256 of the certificate in DER, hex."""


def certificate_in(folder: Path, host: str) -> Certificate:
    """The certificate in `folder`/tls, made if there is none."""
    place = folder / "tls"
    certificate_file, key_file = place / "certificate.pem", place / "key.pem"
    if not (certificate_file.exists() and key_file.exists()):
        place.mkdir(mode=0o700, exist_ok=True)
        key, certificate = _make(host)
        _write(key_file, key)
        _write(certificate_file, certificate)
    return Certificate(certificate_file, key_file, _fingerprint(certificate_file.read_bytes()))


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
