"""The example of a call, as a line for a shell.

`RECEIVER`, `TOKEN` and ids (`UPLOAD`, `FILE`, ...) are the reader's; everything else can be run as it
stands.
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import urlencode

from howdah_common.messages import encode
from howdah_receiver.api import examples
from howdah_receiver.api.described import Call, Described

_NUMBERS = {"number": "0"}


def command(path: str, call: Call, *, signed_in: bool) -> str:
    """`path` from the root, with names in braces."""
    described = call.described
    words = [f'curl "$RECEIVER{_place(path, described)}"']
    if call.method not in ("GET", "POST") or (call.method == "POST" and not described.takes):
        words.append(f"-X {call.method}")
    if signed_in:
        words.append('-H "Authorization: Bearer $TOKEN"')
    for parameter in described.parameters:
        if parameter.where == "header" and parameter.example:
            words.append(f"-H {shlex.quote(f'{parameter.name}: {parameter.example}')}")
    words += _body(described)
    line = " \\\n  ".join(words)
    if isinstance(described.takes, str):
        return f"printf '{_octal(described.example or b'')}' |\n{line}"
    return line


def _place(path: str, described: Described) -> str:
    place = re.sub(r"\{(\w+)\}", lambda m: _NUMBERS.get(m[1], f"${m[1].upper()}"), path)
    query = {p.name: p.example for p in described.parameters if p.where == "query" and p.example}
    return f"{place}?{urlencode(query)}" if query else place


def _body(described: Described) -> list[str]:
    if described.takes is None:
        return []
    if isinstance(described.takes, str):
        return [f"-H 'Content-Type: {described.takes}'", "--data-binary @-"]
    message = encode(examples.OF_TYPE[described.takes]).decode()
    return ["-H 'Content-Type: application/json'", f"-d {shlex.quote(message)}"]


def _octal(content: bytes) -> str:
    """For printf: letters and digits as they are, everything else as an escape."""
    return "".join(chr(b) if chr(b).isalnum() and b < 128 else f"\\{b:03o}" for b in content)
