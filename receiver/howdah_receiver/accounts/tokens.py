"""Short-lived access tokens: signed, so that garbage costs no look into the catalogue. Whether the login
still stands is looked up all the same (see `callers`)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import select

from howdah_common.problems import ProblemError
from howdah_receiver.catalogue.database import Catalogue
from howdah_receiver.catalogue.tables import meta

ACCESS_SECONDS = 10 * 60
ALGORITHM = "HS256"
ISSUER = "howdah"
TYPE = "at+jwt"
"""RFC 9068, 2.1."""
_KEY_NAME = "token_key"
_CLAIMS = ["aud", "exp", "iat", "iss", "jti", "sid", "sub"]


@dataclass(frozen=True, slots=True)
class Claims:
    account_id: str
    device_id: str


class Tokens:
    """Thread-safe."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._audience = catalogue.id
        self._key = _key_of(catalogue)

    def make(self, account_id: str, device_id: str) -> tuple[str, int]:
        """A token, and when it ends, in ns."""
        import jwt  # late: it brings much along, and receivers without logins never need it

        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": self._audience,
            "sub": account_id,
            "sid": device_id,
            "jti": secrets.token_hex(16),
            "iat": now,
            "exp": now + ACCESS_SECONDS,
        }
        token = jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE})
        return token, (now + ACCESS_SECONDS) * 10**9

    def read(self, token: str) -> Claims:
        """What a token of ours says that has not ended. Raises ProblemError (not_signed_in).

        The algorithm is ours to say, not the token's; nor is there a choice of keys, whatever `kid` it
        names.
        """
        import jwt

        try:
            found = jwt.decode_complete(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=ISSUER,
                options={"require": _CLAIMS, "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise ProblemError("not_signed_in") from error
        claims = found["payload"]
        if found["header"].get("typ") != TYPE or not isinstance(claims["sid"], str):
            raise ProblemError("not_signed_in")
        return Claims(str(claims["sub"]), claims["sid"])


def _key_of(catalogue: Catalogue) -> bytes:
    """256 random bits, made at the first start."""
    query = select(meta.c.value).where(meta.c.name == _KEY_NAME)
    with catalogue.read() as connection:
        known = connection.execute(query).scalar()
    if known is None:
        known = secrets.token_hex(32)
        with catalogue.write() as connection:
            connection.execute(meta.insert().values(name=_KEY_NAME, value=known))
    return bytes.fromhex(known)
