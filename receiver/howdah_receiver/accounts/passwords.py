"""What makes a password good: its length first, then how soon it would be guessed. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from howdah_common.problems import ProblemError

LEAST_CHARACTERS = 10
MOST_BYTES = 1024
LEAST_SCORE = 3
"""Of zxcvbn's 0 to 4: some 10**8 guesses and more."""
_LOOKED_AT_CHARACTERS = 72
"""zxcvbn takes far more than twice as long for twice as many."""


def checked_password(password: str, *, own_words: Iterable[str | None] = ()) -> str:
    """As it is hashed. `own_words`: what is known of its user, and is guessed first.

    Raises ProblemError (password_weak) with what is wrong with it.
    """
    password = as_hashed(password)
    if len(password) < LEAST_CHARACTERS:
        raise ProblemError("password_weak", f"{LEAST_CHARACTERS} characters are the least.")
    if len(password.encode(errors="replace")) > MOST_BYTES:
        raise ProblemError("password_weak", f"{MOST_BYTES} bytes are the most.")
    _check_guesses(password[:_LOOKED_AT_CHARACTERS], own_words)
    return password


def as_hashed(password: str) -> str:
    """The same, however a keyboard puts its characters together (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _check_guesses(password: str, own_words: Iterable[str | None]) -> None:
    # Late: its lists of common words take memory, and are needed seldom.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]

    words = [word for given in own_words if given for word in (given, *given.split("@"))]
    found = zxcvbn(password, user_inputs=words)
    if found["score"] < LEAST_SCORE:
        said = found["feedback"]
        hints = [str(hint).strip() for hint in (said["warning"], *said["suggestions"]) if hint]
        raise ProblemError("password_weak", " ".join(hints))
