"""Many small files in one request, sent or fetched; see `messages`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from howdah_common.messages import FileInfo, Message
from howdah_common.problems import ProblemError

MOST_WANTED_FILES = 500
"""In one request."""


class WantedFile(Message, frozen=True):
    """One of many that are fetched together, by where it stands."""

    path: str
    if_version: Annotated[
        str | None, Meta(description="Another version is `version_conflict`; null for any.")
    ] = None


class FetchFiles(Message, frozen=True):
    """Small files of one space, to be fetched in one answer."""

    files: Annotated[list[WantedFile], Meta(max_length=MOST_WANTED_FILES)]
    space: str | None = None


class ItemProblem(Message, frozen=True):
    """Why a file was not taken, or not given: what stands in problem+json otherwise."""

    code: str
    status: int
    title: str
    detail: str = ""
    remedy: str = ""
    extra: Annotated[
        dict[str, Any] | None,
        Meta(description="What the code brings along, such as `version` or `retry_after_seconds`."),
    ] = None


class BatchItem(Message, frozen=True):
    """Of one file: the file as it stands, or why it was not taken, or not given."""

    status: Annotated[
        int,
        Meta(
            description="As of a request of its own: 201 with `file`, or 200 where it was fetched."
        ),
    ]
    file: FileInfo | None = None
    problem: ItemProblem | None = None


class BatchAnswer(Message, frozen=True):
    """An answer for each file, in the order in which they came."""

    items: list[BatchItem]


def refused(problem: ProblemError) -> BatchItem:
    """The answer for a file that was not taken, or not given."""
    told = ItemProblem(
        code=problem.code,
        status=problem.problem.status,
        title=problem.problem.sentence,
        detail=problem.detail,
        remedy=problem.remedy,
        extra=problem.extra or None,
    )
    return BatchItem(status=told.status, problem=told)


def outcome_of(item: BatchItem) -> FileInfo | ProblemError:
    """What an answer says. A code that is not known here stands for one of its receiver's mistakes."""
    if item.file is not None:
        return item.file
    told = item.problem
    if told is None:
        return ProblemError("internal", "The receiver said nothing about the file.")
    try:
        return ProblemError(told.code, told.detail, dict(told.extra or {}))
    except KeyError:
        return ProblemError("internal", f"{told.title} {told.detail} ({told.code})")
