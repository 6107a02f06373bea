"""Which files an order is about: what is named, and what is in the folders that are named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from howdah_common.problems import ProblemError
from howdah_desktop.engine.transfers import Kind
from howdah_desktop.engine.walk import walk
from howdah_desktop.freeing.freeing import Outcome
from howdah_desktop.freeing.sent import Sent, SentFiles


def candidates(
    ledger: SentFiles | None,
    paths: Sequence[bytes],
    own_folder: bytes,
    sent_before: float | None = None,
) -> Iterator[Sent | Outcome]:
    """Files that were sent; and as outcomes those that stay without being looked at.

    `ledger` None: nothing was ever sent. `sent_before`, in seconds since 1970: what was sent later is
    not asked for and left out. Links are left out where they are found, and refused where they are named:
    what they lead to may be meant, or not.
    """
    for path in paths:
        whole = os.path.abspath(path)  # noqa: PTH100  # bytes; links are not to be resolved in the name
        folder, name = os.path.split(whole)
        real = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118  # bytes
        if os.path.islink(real):  # noqa: PTH114
            detail = "It is a link: name the file that it leads to."
            yield Outcome(real, problem=ProblemError("source_not_a_file", detail))
        elif not os.path.lexists(real):
            yield Outcome(real, problem=ProblemError("not_sent", "There is no such file here."))
        elif os.path.isdir(real):  # noqa: PTH112
            for row in walk(real, "", own_folder, lambda: None):
                if row.failed and row.failed not in ("name_not_unicode", "bad_path"):
                    yield Outcome(row.local, problem=ProblemError(row.failed, row.detail))
                elif row.kind is Kind.UPLOAD and not row.skipped:
                    yield from _one(ledger, row.local, sent_before)
        else:
            yield from _one(ledger, real, sent_before)


def _one(
    ledger: SentFiles | None, local: bytes, sent_before: float | None
) -> Iterator[Sent | Outcome]:
    sent = None if ledger is None else ledger.find(local)
    if sent is None:
        yield Outcome(local, problem=ProblemError("not_sent"))
    elif sent_before is None or sent.at < sent_before:
        yield sent
