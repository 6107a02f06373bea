"""What the name of a file says that it is, and whether its first bytes say otherwise. Pure.

A name is taken to say something else only where that is certain: many formats are a zip or a text inside,
and what has no beginning of its own can be anything.
"""

from __future__ import annotations

import mimetypes

from howdah_common import remote_path
from howdah_receiver.uploads.sniffing import PROGRAMS, TEXT, UNKNOWN, ZIP, one_name

_SUFFIXES = {
    **mimetypes.MimeTypes().types_map[True],  # Python's own, not those of the machine
    ".7z": "application/x-7z-compressed",
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".exe": "application/x-dosexec",
    ".dll": "application/x-dosexec",
    ".scr": "application/x-dosexec",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".heic": "image/heif",
    ".heif": "image/heif",
    ".ini": "text/plain",
    ".jar": "application/java-archive",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ogg": "audio/ogg",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".sqlite": "application/vnd.sqlite3",
    ".ts": "application/typescript",  # which is more often a program's text than a film
    ".toml": "application/toml",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xz": "application/x-xz",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": ZIP,
}
_CERTAIN = frozenset(
    {
        "application/gzip",
        "application/pdf",
        "application/vnd.sqlite3",
        "application/x-7z-compressed",
        "application/x-xz",
        ZIP,
        "audio/flac",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
    }
)
"""Each begins in one way, and nothing else does."""
_TEXTS = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/toml",
        "application/typescript",
        "application/x-csh",
        "application/x-latex",
        "application/x-sh",
        "application/x-tex",
        "application/xml",
        "application/yaml",
    }
)
_ZIPS = (
    "application/epub+zip",
    "application/java-archive",
    "application/vnd.oasis.",
    "application/vnd.openxmlformats-",
)


def suffix_of(path: str) -> str:
    """The end of the name from its last dot on, in lower case; empty where there is none."""
    name = remote_path.name(path)
    stem, dot, last = name.rpartition(".")
    return f".{last.lower()}" if dot and stem and last else ""


def type_by_name(path: str) -> str | None:
    """None where the name says nothing."""
    said = _SUFFIXES.get(suffix_of(path))
    return None if said is None or said == UNKNOWN else one_name(said)


def refined(found: str, said: str | None) -> str:
    """The type of what begins as `found` and is called a `said`: many are a text or a zip inside."""
    if said is None:
        return found
    is_inside = (
        (found == TEXT and _is_text(said))
        or (found == "application/xml" and said.endswith("+xml"))
        or (found == ZIP and said.startswith(_ZIPS))
        or (found == "application/msword" and said.startswith("application/vnd.ms-"))
    )
    return said if is_inside else found


def contradict(found: str, said: str | None) -> bool:
    """Whether what begins as `found` can be no `said`."""
    if said is None or refined(found, said) == said:
        return False
    if found in PROGRAMS:
        return said not in PROGRAMS
    if said in _CERTAIN or said in PROGRAMS:
        return True
    return found in _CERTAIN and _family(said) not in ("application", _family(found))


def _family(kind: str) -> str:
    return "text" if _is_text(kind) else kind.partition("/")[0]


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind.endswith(("+xml", "+json")) or kind in _TEXTS
