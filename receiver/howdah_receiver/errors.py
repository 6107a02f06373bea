"""What keeps a receiver from starting. What keeps a request from being answered is a `ProblemError`."""

from __future__ import annotations


class StartRefused(Exception):
    """The receiver does not start: why, and what to do, for a person."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence} {remedy}")
        self.sentence = sentence
        self.remedy = remedy
