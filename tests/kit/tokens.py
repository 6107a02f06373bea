"""Access tokens, right and wrong ones, made with the receiver's own key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from kit.native import Answer
    from kit.receiver import RunningReceiver


def key_of(receiver: RunningReceiver) -> bytes:
    with closing(sqlite3.connect(receiver.data / "catalogue.sqlite3")) as catalogue:
        (value,) = catalogue.execute("SELECT value FROM meta WHERE name = 'token_key'").fetchone()
    return bytes.fromhex(value)


def wrong_tokens(receiver: RunningReceiver, signed_in: Answer) -> dict[str, str]:
    """Tokens like that of a login that stands, each wrong in one way; by what is wrong."""
    key, token = key_of(receiver), signed_in.json["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    header = {"typ": "at+jwt"}
    now = int(time.time())

    def signed(changes: dict[str, Any], more: dict[str, Any] = header, **how: Any) -> str:
        kept = {name: value for name, value in {**claims, **changes}.items() if value is not ...}
        return jwt.encode(kept, how.get("key", key), how.get("algorithm", "HS256"), headers=more)

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, body, signature = token.split(".")
    catalogue = claims["aud"].encode()
    return {
        "expired": signed({"iat": now - 700, "exp": now - 1}),
        "never ends": signed({"exp": ...}),
        "other audience": signed({"aud": "0" * 32}),
        "audience among others": signed({"aud": [claims["aud"], "0" * 32]}),
        "no audience": signed({"aud": ...}),
        "other issuer": signed({"iss": "somebody"}),
        "not yet": signed({"nbf": now + 600}),
        "other account": signed({"sub": "0" * 32}),
        "no login": signed({"sid": ...}),
        "login that is not there": signed({"sid": "0" * 32}),
        "login that is a number": signed({"sid": 0}),
        "no id": signed({"jti": ...}),
        "plain type": signed({}, {"typ": "JWT"}),
        "no type": signed({}, {"typ": ""}),
        "other key": signed({}, key=b"x" * 32),
        "key that strangers know": signed({}, key=catalogue),
        "other hash": _by_hand({**header, "alg": "HS512"}, claims, key, hashlib.sha512),
        "kid out of the folder": signed({}, {**header, "kid": "../../dev/null"}, key=b"\0" * 32),
        "kid of an address": signed(
            {}, {**header, "kid": "x", "jku": "http://127.0.0.1/"}, key=b"x" * 32
        ),
        "signed by RSA": signed({}, key=private, algorithm="RS256"),
        "RSA's public key as secret": _by_hand(
            {**header, "alg": "HS256"}, claims, public, hashlib.sha256
        ),
        "alg none": f"{_part({**header, 'alg': 'none'})}.{body}.",
        "alg None": f"{_part({**header, 'alg': 'None'})}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
        "other signature": f"{head}.{body}.{signature[::-1]}",
        "no JSON": f"{head}.{_encoded(b'nonsense')}.{signature}",
        "dots": "..",
        "garbage": "garbage",
        "not ASCII": "\u00e9.\u00e9.\u00e9",
    }


def _by_hand(header: dict[str, Any], claims: dict[str, Any], key: bytes, hashed: Any) -> str:
    """PyJWT refuses to sign with a public key, as nobody should, or with one that is short."""
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_encoded(hmac.digest(key, signed.encode(), hashed))}"


def _part(value: dict[str, Any]) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
