"""The receiver inside another Python program: `EmbeddedReceiver`, what it answers, and what it raises.

docs/embedding.md is for whoever uses it. Read `face` first, then `filling` and `looking`; `results` are the
values that it answers.
"""

from __future__ import annotations

from howdah_common.problems import ProblemError as UploadError
from howdah_receiver.embedded.face import EmbeddedReceiver
from howdah_receiver.embedded.results import (
    ChunkReceived,
    ChunkVerified,
    PublishedFile,
    ResumedUpload,
    StartedUpload,
    Statistics,
    UploadStatus,
)
from howdah_receiver.errors import StartRefused

__all__ = [
    "ChunkReceived",
    "ChunkVerified",
    "EmbeddedReceiver",
    "PublishedFile",
    "ResumedUpload",
    "StartRefused",
    "StartedUpload",
    "Statistics",
    "UploadError",
    "UploadStatus",
]
