"""Examples of the messages about links: the story of `examples` goes on, and its folder is shared."""

from __future__ import annotations

from howdah_common import digests
from howdah_common.messages import Message
from howdah_common.messages_links import (
    LinkInfo,
    LinkList,
    MadeLink,
    NewLink,
    SharedItem,
    SharedList,
    StartShared,
)

_MADE_NS = 1_700_000_100_000_000_000
_WEEK_SECONDS = 7 * 24 * 3600


def _id(name: bytes) -> str:
    return digests.digest(digests.SHA256, name).hex()[:32]


_LINK = LinkInfo(
    id=_id(b"link"),
    kind="file",
    state="good",
    space=_id(b"space"),
    account="owner",
    label="For the meeting",
    created_ns=_MADE_NS,
    uses=0,
    has_password=False,
    path="notes/abc.txt",
    file=_id(b"file"),
    expires_ns=_MADE_NS + _WEEK_SECONDS * 10**9,
)

ALL: tuple[Message, ...] = (
    NewLink(kind="file", file=_id(b"file"), label="For the meeting", seconds=_WEEK_SECONDS),
    _LINK,
    MadeLink(url="https://files.example.org/s/the-secret-of-this-link", link=_LINK),
    LinkList(links=[_LINK], page=1, per_page=50, total=1),
    SharedItem(kind="folder", path="old"),
    SharedList(
        items=[
            SharedItem(kind="folder", path="old"),
            SharedItem(kind="file", path="abc.txt", size=3, modified_ns=_MADE_NS),
        ],
        page=1,
        per_page=50,
        total=2,
    ),
    StartShared(
        client_id=_id(b"client by link"),
        path="abc.txt",
        size=3,
        modified_ns=_MADE_NS,
        digest_algorithm=digests.SHA256,
        name="somebody",
    ),
)
