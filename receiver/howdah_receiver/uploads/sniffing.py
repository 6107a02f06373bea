"""What a file is, as its first bytes tell. Pure.

puremagic knows some thousand beginnings. Ours come before it where a wrong guess does harm (programs, which
it has under a dozen names) and where it guesses badly: it has no idea of plain text, and takes some of it
for pictures.
"""

from __future__ import annotations

import codecs
from collections import defaultdict
from collections.abc import Sequence

import puremagic
from puremagic import main

HEAD_BYTES = 8 * 1024
"""So much of a file is looked at."""

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
ZIP = "application/zip"
DOS = "application/x-dosexec"
PROGRAMS = frozenset({DOS, "application/x-executable", "application/x-mach-binary"})

_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
)
_MARKUP = (
    (("<!doctype html", "<html", "<head", "<body", "<script"), "text/html"),
    (("<?xml", "<svg"), "application/xml"),
    (("#!",), "text/x-shellscript"),
)
_OTHER_NAMES = {
    "application/x-gzip": "application/gzip",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "application/x-zip-compressed": ZIP,
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-wav": "audio/wav",
    "image/x-ms-bmp": "image/bmp",
    "text/javascript": "application/javascript",
    "text/xml": "application/xml",
}
_LEAST_CONFIDENCE = 0.3
"""Of puremagic: a tenth for each byte that fits. Two bytes fit by chance in one of a few hundred files."""
_LEAST_BYTES = 3
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def sniff(head: bytes) -> str | None:
    """The media type of a file that begins with `head`; None where it is empty."""
    if not head:
        return None
    for beginning, kind in _BEGINNINGS:
        if head.startswith(beginning):
            return kind
    text = _text(head)
    if text is not None:
        return _of_text(text)
    if head.startswith(b"MZ"):
        return DOS
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(head)
    return _looked_up(head)


def one_name(kind: str) -> str:
    """Of a type that goes by several."""
    return _OTHER_NAMES.get(kind, kind)


def _text(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(head, "utf-16")
    if _CONTROLS.intersection(head):
        return None
    return _decoded(head, "utf-8-sig")


def _decoded(head: bytes, encoding: str) -> str | None:
    try:
        # Not final: the head may end within a character.
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None


def _of_text(text: str) -> str:
    begin = text.lstrip().lower()
    for beginnings, kind in _MARKUP:
        if begin.startswith(beginnings):
            is_picture = kind == "application/xml" and "<svg" in begin
            return "image/svg+xml" if is_picture else kind
    return TEXT


def _of_zip(head: bytes) -> str:
    """Some say first of all what they are: OpenDocument and EPUB."""
    name, size = head[30:38], int.from_bytes(head[18:22], "little")
    if name == b"mimetype" and 0 < size < 100:
        said = head[38 : 38 + size]
        if said.isascii() and said.startswith(b"application/"):
            return said.decode().strip()
    return ZIP


class _Beginnings:
    """Whether puremagic could be sure enough of anything.

    It looks through all that it knows for each file, which takes most of a millisecond, and of most small
    files it then knows nothing. Here that is looked up by place and length, so that it is not asked in vain.
    """

    def __init__(self) -> None:
        self._heads = self._by_place(main.magic_header_array)
        self._feet = self._by_place(main.magic_footer_array)

    @staticmethod
    def _by_place(
        rows: Sequence[main.PureMagic],
    ) -> list[tuple[int, int, frozenset[bytes]]]:
        """From where to where of the head, or of the end, and what may stand there."""
        found: defaultdict[tuple[int, int], set[bytes]] = defaultdict(set)
        for row in rows:
            length = len(row.byte_match)
            # Shorter ones count with what they are the first part of.
            if length >= _LEAST_BYTES or row.byte_match in main.multi_part_dict:
                found[row.offset, row.offset + length].add(row.byte_match)
        return [(start, end, frozenset(matches)) for (start, end), matches in found.items()]

    def may_tell(self, head: bytes) -> bool:
        foot = head[-main.max_foot :]
        return any(head[start:end] in matches for start, end, matches in self._heads) or any(
            (foot[start:end] if end else foot[start:]) in matches
            for start, end, matches in self._feet
        )


def _looked_up(head: bytes) -> str:
    if not _KNOWN.may_tell(head):
        return UNKNOWN
    try:
        found = puremagic.magic_string(head)
    except puremagic.PureError:
        return UNKNOWN
    for match in found:
        if match.confidence >= _LEAST_CONFIDENCE and "/" in match.mime_type:
            kind = one_name(match.mime_type.lower())
            return UNKNOWN if kind.startswith("text/") else kind  # `_text` knows better
    return UNKNOWN


_KNOWN = _Beginnings()
