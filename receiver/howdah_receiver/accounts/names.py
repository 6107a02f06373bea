"""Names of people and places: addresses, what accounts and spaces are called, folders of spaces. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from howdah_common.problems import ProblemError

MOST_NAME_CHARACTERS = 100
MOST_DEVICE_CHARACTERS = 200
MOST_EMAIL_CHARACTERS = 254
"""RFC 5321, 4.5.3.1.3 (with erratum 1690)."""
MOST_FOLDER_BYTES = 100


def checked_email(email: str) -> str:
    """In lower case, as it is compared. Raises ProblemError (bad_email)."""
    # Late: it is needed seldom, and a start should be quick.
    from email_validator import EmailNotValidError, validate_email

    if len(email) > MOST_EMAIL_CHARACTERS:
        raise ProblemError("bad_email", f"{MOST_EMAIL_CHARACTERS} characters are the most.")
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ProblemError("bad_email", str(error)) from error


def checked_name(name: str, *, of_account: bool = False) -> str:
    """Of an account or a space, in Unicode's composed form. Raises ProblemError (bad_name)."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= MOST_NAME_CHARACTERS or not all(map(_is_visible, name)):
        raise ProblemError("bad_name")
    if of_account and "@" in name:  # whoever signs in may give either, and must mean one account
        raise ProblemError("bad_name")
    return name


def name_from(email: str) -> str:
    """What an account is called whose user did not say: what stands before the @."""
    return email.partition("@")[0][:MOST_NAME_CHARACTERS]


def device_name(name: str) -> str:
    """As its user says, without what would change how other lines look."""
    return "".join(filter(_is_visible, name))[:MOST_DEVICE_CHARACTERS].strip() or "unnamed"


def folder_name(name: str, taken: Callable[[str], bool]) -> str:
    """A name for the folder of a space, made of the space's own; numbered where it is taken."""
    safe = "".join(c if _is_visible(c) and c not in '/\\:*?"<>|' else "_" for c in name)
    safe = _cut(safe.lstrip(". "), MOST_FOLDER_BYTES) or "space"
    found, number = safe, 2
    while taken(found):
        tail = f" ({number})"
        found, number = _cut(safe, MOST_FOLDER_BYTES - len(tail)) + tail, number + 1
    return found


def _cut(name: str, most_bytes: int) -> str:
    # No dot or blank at the end: some systems that see the folder over a network take it away.
    return name.encode()[:most_bytes].decode(errors="ignore").rstrip(". ")


def _is_visible(character: str) -> bool:
    """No control characters, no marks that turn the direction of a line, no halves of others."""
    category = unicodedata.category(character)
    return category not in ("Cc", "Cs", "Zl", "Zp") and character not in _DIRECTIONS


_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
