"""Wrong logins, many at a time, from four addresses: `python -m kit.attack URL COUNT AT_ONCE NETWORK NAME`.

A process of its own, so that it costs the test that watches the receiver nothing but processor time. Prints
`begun` after the first answer, and at last how often each code was answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from urllib.parse import urlsplit

from howdah_common.messages import API

ADDRESSES = 4


async def attempt(url: str, source: str, name: str, password: str) -> str:
    """The code of the answer."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port, local_addr=(source, 0)
    )
    body = json.dumps({"email": name, "password": password}).encode()
    head = (
        f"POST {API}/auth/login HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["code"])


async def attack(url: str, count: int, at_once: int, network: str, name: str) -> Counter[str]:
    codes: Counter[str] = Counter()
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            source = f"{network}.{number % ADDRESSES + 1}"
            victim = name if number % 2 else f"nobody-{name}"
            codes[await attempt(url, source, victim, f"wrong {number}")] += 1
            if codes.total() == 1:
                print("begun", flush=True)

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return codes


if __name__ == "__main__":
    _, url, count, at_once, network, name = sys.argv
    print(json.dumps(asyncio.run(attack(url, int(count), int(at_once), network, name))))
