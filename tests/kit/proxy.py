"""nginx and Caddy as an owner runs them: with the very configuration of docs/proxies.md, on other ports."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import os
import re
import shutil
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kit.processes import PATIENCE_SECONDS, Process, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proxies.md"
NAME = "files.example.org"
UPSTREAM = "127.0.0.1:8484"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CADDY = shutil.which("caddy")


@dataclass(frozen=True)
class Files:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path

    @property
    def pin(self) -> str:
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(
            serialization.Encoding.DER
        )
        return f"sha256:{hashlib.sha256(der).hexdigest()}"


def certificate(folder: Path, name: str = "proxy", *, days: int = 1) -> Files:
    """A new one for localhost and 127.0.0.1, that signs itself; `days` from now it ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = Files(folder / f"{name}.certificate.pem", folder / f"{name}.key.pem")
    pem = serialization.Encoding.PEM
    files.certificate.write_bytes(made.public_bytes(pem))
    files.key.touch(0o600)
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def documented(language: str) -> str:
    """The first block of that language in the docs."""
    match = re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert match is not None, language
    return match[1]


@contextmanager
def nginx(
    folder: Path, port: int, target: str, files: Files, *more: tuple[str, str]
) -> Iterator[Process]:
    """The documented configuration with another port, `target` and certificate; `more` is replaced too."""
    server = _replaced(
        documented("nginx"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("    listen [::]:443 ssl;\n", ""),
        (f"server_name {NAME};", "server_name localhost;"),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(files.certificate)),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(files.key)),
        (f"server {UPSTREAM};", f"server {target};"),
        *more,
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    path = folder / "nginx.conf"
    path.write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{server}}}\n"
    )
    assert NGINX is not None
    with spawn([NGINX, "-e", "stderr", "-p", folder, "-c", path], folder=folder) as process:
        wait_until_it_listens(port, process)
        yield process


@contextmanager
def caddy(folder: Path, port: int, target: str, files: Files) -> Iterator[Process]:
    """The documented Caddyfile with another port, `target` and certificate."""
    shown = f"tls {files.certificate} {files.key}"
    site = _replaced(
        documented("caddyfile"),
        (f"{NAME} {{", f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\t{shown}"),
        (UPSTREAM, target),
    )
    path = folder / "Caddyfile"
    path.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    assert CADDY is not None
    with spawn(
        [CADDY, "run", "--config", path, "--adapter", "caddyfile"], folder=folder
    ) as process:
        wait_until_it_listens(port, process)
        yield process


def wait_until_it_listens(port: int, process: Process, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while process.running and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=seconds).close()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError(process.stderr.text)


def _replaced(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
