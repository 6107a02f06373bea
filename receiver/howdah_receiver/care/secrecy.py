"""What the doctor asks of TLS: whether clients will trust what the receiver shows, and for how long."""

from __future__ import annotations

import datetime as dt

from howdah_receiver.care.finding import Finding
from howdah_receiver.certificate import certificate_given, others_may_read
from howdah_receiver.errors import StartRefused
from howdah_receiver.settings import Settings
from howdah_receiver.tls import is_spoken

_SOON_DAYS = 21


def tls(settings: Settings) -> list[Finding]:
    """Reads the owner's certificate as a start would; makes none."""
    if not is_spoken(settings):
        return [Finding(True, _without(settings))]
    certificate_file, key_file = settings.certificate_file, settings.key_file
    if certificate_file is None or key_file is None:
        return [
            Finding(
                True,
                "By these settings it speaks TLS with a certificate of its own, which clients pin.",
            )
        ]
    try:
        certificate_given(certificate_file, key_file)
    except StartRefused as refused:
        return [Finding(False, refused.sentence, refused.remedy)]
    found = [_dates(settings)]
    if others_may_read(key_file):
        found.append(Finding(False, f"Every user may read the key {key_file}.",
                             f"chmod 600 {key_file}"))  # fmt: skip
    return found


def _without(settings: Settings) -> str:
    if settings.unix is not None or settings.trusted_proxies:
        return "By these settings it speaks no TLS itself: a proxy stands before it."
    return "By these settings it speaks no TLS, and listens to this machine alone."


def _dates(settings: Settings) -> Finding:
    from cryptography import x509

    assert settings.certificate_file is not None
    leaf = x509.load_pem_x509_certificate(settings.certificate_file.read_bytes())
    end = leaf.not_valid_after_utc
    left = (end - dt.datetime.now(dt.UTC)).days
    sentence = f"The certificate {settings.certificate_file} is good until {end:%Y-%m-%d}."
    if left < _SOON_DAYS:
        return Finding(False, f"{sentence} That is in {left} days.",
                       "Renew it; a running receiver takes up the new one by itself.")  # fmt: skip
    return Finding(True, sentence)
