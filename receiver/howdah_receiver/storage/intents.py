"""Intents: what a change of a tree is about to do on the disk, committed before it does.

Each kind is a type of its own; the `kind` column says which, and its body is that type in msgpack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import msgspec
from sqlalchemy import Connection, select

from howdah_common.manifest import Manifest
from howdah_receiver.accounts.caller import NOBODY, Actor
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.tables import intents
from howdah_receiver.ids import new_id

What = Literal["file", "folder"]


@dataclass(frozen=True, slots=True)
class Publication:
    """A part that is whole, checked, and on the disk (fsync), and where it is to stand."""

    upload_id: str
    space: Space
    path: str
    manifest: Manifest
    modified_ns: int
    sha256: bytes | None
    if_version: str | None
    """The version that must stand there; `none` for nothing; None for whatever does."""
    by: Actor = NOBODY
    media_type: str | None = None
    flagged: bool = False
    """Its name says another type than its bytes."""
    replaces: Literal["any", "own", "none"] = "any"
    """Who may only put in replaces only what its own account put there, or nothing at all: where something
    else stands, the new file gets a number."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What is common to all: who wanted it."""

    kind: ClassVar[str]
    account_id: str | None = None
    device_id: str | None = None

    @property
    def by(self) -> Actor:
        return Actor(self.account_id, self.device_id)

    @property
    def paths(self) -> tuple[str, ...]:
        """Where something is under way until it is through: nobody else changes these, nor what is below
        or above them."""
        raise NotImplementedError


class PublishIntent(Intent, frozen=True, kw_only=True):
    """What a publication is about to do. Digests of the chunks are found under the upload's id."""

    kind: ClassVar[str] = "publish"
    upload_id: str
    path: str
    version_id: str
    replaced_id: str
    """The name in versions/ for what stands at the path."""
    size: int
    modified_ns: int
    chunk_bytes: int
    algorithm: str
    manifest_digest: bytes
    sha256: bytes | None
    media_type: str | None = None
    flagged: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    @classmethod
    def of(
        cls, publication: Publication, path: str, *, version_id: str, replaced_id: str
    ) -> PublishIntent:
        manifest = publication.manifest
        return cls(
            upload_id=publication.upload_id,
            path=path,
            version_id=version_id,
            replaced_id=replaced_id,
            size=manifest.size,
            modified_ns=publication.modified_ns,
            chunk_bytes=manifest.chunk_bytes,
            algorithm=manifest.algorithm,
            manifest_digest=manifest.digest(),
            sha256=publication.sha256,
            account_id=publication.by.account_id,
            device_id=publication.by.device_id,
            media_type=publication.media_type,
            flagged=publication.flagged,
        )

    def manifest(self, digests: bytes) -> Manifest:
        return Manifest(self.size, self.chunk_bytes, self.algorithm, digests)


class MoveIntent(Intent, frozen=True, kw_only=True):
    """A file or a whole folder gets another path."""

    kind: ClassVar[str] = "move"
    what: What
    id: str
    path: str
    to: str
    inode: int
    """Of what is moved: where it is tells whether the move was done."""
    over_id: str | None = None
    """The file that stands at `to` and goes on there with this content."""
    replaced_id: str = ""
    """The name in versions/ for what stood at `to`."""

    @property
    def paths(self) -> tuple[str, ...]:
        return self.path, self.to


class TrashIntent(Intent, frozen=True, kw_only=True):
    """A file or a whole folder goes to trash/ID."""

    kind: ClassVar[str] = "trash"
    what: What
    id: str
    path: str
    trash_id: str

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)


class RestoreIntent(Intent, frozen=True, kw_only=True):
    """trash/ID gets a path again."""

    kind: ClassVar[str] = "restore"
    trash_id: str
    to: str

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.to,)


class RevertIntent(Intent, frozen=True, kw_only=True):
    """A kept version is to stand at its file's path again, and what stands there is to be kept."""

    kind: ClassVar[str] = "revert"
    file_id: str
    path: str
    version_id: str
    replaced_id: str

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A content that gets its path of then."""

    path: str
    file_id: str
    version_id: str
    source: str
    """Where it lies below the data folder, under a name that is its own: when that is gone, it was done."""
    swap: str | None = None
    """The file stands there with another content: the name in versions/ that this gets."""
    aside: str | None = None
    """Where the file's later content lies, which becomes a kept version: `source` is an earlier one."""
    aside_id: str = ""
    copy_of: str | None = None
    """It is a copy, for a new file: the version that it is a copy of."""


class RewindIntent(Intent, frozen=True, kw_only=True):
    """A folder is to be as it was: some files go to trash/ID, others get their content of then.

    First all that goes, then, once that is written down (`cleared`), all that comes: so each name that
    is looked for in a phase is one that only this phase makes or takes.
    """

    kind: ClassVar[str] = "rewind"
    path: str
    trash_id: str
    outs: tuple[tuple[str, str], ...]
    """Ids and paths of files that did not stand there; some of them come back elsewhere."""
    folders: tuple[str, ...]
    """Folders that were not there, and are empty then, the deepest first."""
    ins: tuple[Taken, ...]
    cleared: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def parts(self) -> set[str]:
        """Names in parts/ that it needs."""
        return {
            one.source.removeprefix("parts/") for one in self.ins if one.source.startswith("parts/")
        }


class RemoveIntent(Intent, frozen=True, kw_only=True):
    """Names that nobody can ask for any more go for good: an entry of the trash with the kept versions of
    its files, or versions by themselves. It concerns no path, so nothing waits for it."""

    kind: ClassVar[str] = "remove"
    trash_id: str | None = None
    path: str = ""
    """Where the entry stood, for the record."""
    versions: tuple[str, ...] = ()
    """Their rows are gone already."""

    @property
    def paths(self) -> tuple[str, ...]:
        return ()


KINDS: dict[str, type[Intent]] = {
    kind.kind: kind
    for kind in (
        PublishIntent, MoveIntent, TrashIntent, RestoreIntent, RevertIntent, RewindIntent,
        RemoveIntent,
    )
}  # fmt: skip


def insert(connection: Connection, space_id: str, intent: Intent) -> str:
    """The new intent's id."""
    intent_id = new_id()
    connection.execute(
        intents.insert().values(
            id=intent_id, kind=intent.kind, space_id=space_id, body=msgspec.msgpack.encode(intent)
        )
    )
    return intent_id


def put(connection: Connection, intent_id: str, intent: Intent) -> None:
    """What it says has changed."""
    body = msgspec.msgpack.encode(intent)
    connection.execute(intents.update().where(intents.c.id == intent_id).values(body=body))


def all_of_them(connection: Connection) -> list[tuple[str, str, Intent]]:
    """Ids of the intents and their spaces, and what they say."""
    return [
        (row.id, row.space_id, msgspec.msgpack.decode(row.body, type=KINDS[row.kind]))
        for row in connection.execute(select(intents)).all()
    ]


def remove(connection: Connection, intent_id: str) -> None:
    connection.execute(intents.delete().where(intents.c.id == intent_id))
