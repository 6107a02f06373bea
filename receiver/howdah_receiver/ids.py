"""Ids: 128 random bits in hex. They are no secrets, but nobody guesses one either."""

from __future__ import annotations

import secrets


def new_id() -> str:
    return secrets.token_hex(16)
