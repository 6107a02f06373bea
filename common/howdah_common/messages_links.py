"""The JSON messages about links, as they stand on the wire. See `messages` for how to read them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from howdah_common.messages import Message, Nanoseconds, StartUpload

LinkKind = Literal["version", "file", "folder", "request"]
LinkState = Literal["good", "expired", "used_up", "revoked", "ended"]
Positive = Annotated[int, Meta(ge=1, le=2**62)]

MOST_LABEL = 200
MOST_PASSWORD = 256


class NewLink(Message, frozen=True):
    """A link to be made. `version` and `file` name their thing by id; a `file` may also be named by its
    path, a `folder` and a `request` always are (the empty path is the whole space).

    `seconds` or `expires_ns` say when it ends; with neither it does not end by itself. `most_uses` counts
    downloads, or the files that are put in. `most_bytes` and `asks_name` are for a `request`.
    """

    kind: LinkKind
    space: str | None = None
    path: str | None = None
    file: str | None = None
    version: str | None = None
    label: Annotated[str, Meta(max_length=MOST_LABEL, description="What people see.")] = ""
    password: Annotated[str, Meta(min_length=4, max_length=MOST_PASSWORD)] | None = None
    seconds: Annotated[Positive | None, Meta(description="From now on.")] = None
    expires_ns: Nanoseconds | None = None
    most_uses: Positive | None = None
    most_bytes: Positive | None = None
    asks_name: bool = False


class LinkInfo(Message, frozen=True):
    """A link as its maker sees it. `state` is `ended` where the maker lost the right to it, or what it
    leads to is gone; `path` is where that stands now, and absent then."""

    id: str
    kind: LinkKind
    state: LinkState
    space: str
    account: Annotated[str, Meta(description="The name of who made it.")]
    label: str
    created_ns: int
    uses: int
    has_password: bool
    path: str | None = None
    file: str | None = None
    version: str | None = None
    expires_ns: int | None = None
    revoked_ns: int | None = None
    most_uses: int | None = None
    used_bytes: Annotated[int, Meta(description="Put in through a request.")] = 0
    most_bytes: int | None = None
    asks_name: bool = False


class MadeLink(Message, frozen=True):
    """`url` holds the link's secret and is shown this once: the receiver keeps only its SHA-256."""

    url: str
    link: LinkInfo


class LinkList(Message, frozen=True):
    """Links, the newest first."""

    links: list[LinkInfo]
    page: int
    per_page: int
    total: int


class SharedItem(Message, frozen=True):
    """What stands in a shared folder; `path` is below that folder."""

    kind: Literal["file", "folder"]
    path: str
    size: int | None = None
    modified_ns: Nanoseconds | None = None


class SharedList(Message, frozen=True):
    """A page of a shared folder, folders first, then by name."""

    items: list[SharedItem]
    page: int
    per_page: int
    total: int


class StartShared(StartUpload, frozen=True):
    """As a start that is signed in; `path` is the file's name, `name` that of who sends it, where the link
    asks for it. The size must be known, and there is no `space`."""

    name: Annotated[str, Meta(max_length=MOST_LABEL)] = ""
