"""Just enough of HTTP/1.1 to see where requests begin in the bytes of a connection."""

from __future__ import annotations

import re

_FIRST_LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\Z")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
MAX_HEAD_BYTES = 256 * 1024


class RequestScanner:
    """Fed with what a client sends, answers (method, path with query) for each head that became whole.

    Anything that is not HTTP (TLS, another protocol) makes it fall silent for good.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._body_left = 0
        self._chunked = False
        self._blind = False

    def feed(self, data: bytes) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if self._blind:
            return found
        # A long body passes without being gathered.
        if self._body_left and not self._buffer:
            skipped = min(self._body_left, len(data))
            self._body_left -= skipped
            data = data[skipped:]
        self._buffer += data
        while self._buffer and self._step(found):
            pass
        return found

    def _step(self, found: list[tuple[str, str]]) -> bool:
        """One head, chunk size or piece of body; false when more bytes are needed."""
        if self._body_left:
            skipped = min(self._body_left, len(self._buffer))
            self._body_left -= skipped
            self._buffer = self._buffer[skipped:]
            return True
        if self._chunked:
            line, end, rest = self._buffer.partition(b"\r\n")
            if not end:
                return False
            size = int(line.split(b";")[0] or b"0", 16)
            # The last chunk is followed by an empty line (trailers are not expected of our clients).
            self._body_left = size + 2
            self._chunked = size > 0
            self._buffer = rest
            return True
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            self._blind = len(head) > MAX_HEAD_BYTES or not head[:1].isupper()
            return False
        first = _FIRST_LINE.match(head.partition(b"\r\n")[0])
        if first is None:
            self._blind = True
            return False
        self._buffer = rest
        length = _LENGTH.search(head)
        self._body_left = int(length[1]) if length else 0
        self._chunked = _CHUNKED.search(head) is not None
        found.append((first[1].decode("ascii"), first[2].decode("latin-1")))
        return True


def answer_has_begun(data: bytes) -> bool:
    """Whether more than interim answers (100 Continue) stands in what a server sent."""
    while data.startswith(b"HTTP/1.1 1"):
        data = data.partition(b"\r\n\r\n")[2]
    return bool(data)
