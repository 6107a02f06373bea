"""Intents: what a change of a tree is about to do on the disk, committed before it does."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from howdah_common.manifest import Manifest
from howdah_receiver.accounts.caller import NOBODY, Actor
from howdah_receiver.catalogue.spaces import Space
from howdah_receiver.catalogue.tables import intents
from howdah_receiver.ids import new_id


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


class PublishIntent(msgspec.Struct, frozen=True):
    """What a publication is about to do. Digests of the chunks are found under the upload's id."""

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
    account_id: str | None = None
    device_id: str | None = None
    media_type: str | None = None
    flagged: bool = False

    @property
    def by(self) -> Actor:
        return Actor(self.account_id, self.device_id)

    @classmethod
    def of(cls, publication: Publication, *, version_id: str, replaced_id: str) -> PublishIntent:
        manifest = publication.manifest
        return cls(
            upload_id=publication.upload_id,
            path=publication.path,
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


def insert(connection: Connection, space_id: str, intent: PublishIntent) -> str:
    """The new intent's id."""
    intent_id = new_id()
    connection.execute(
        intents.insert().values(
            id=intent_id, kind="publish", space_id=space_id, body=msgspec.msgpack.encode(intent)
        )
    )
    return intent_id


def put(connection: Connection, intent_id: str, intent: PublishIntent) -> None:
    """What it says has changed."""
    body = msgspec.msgpack.encode(intent)
    connection.execute(intents.update().where(intents.c.id == intent_id).values(body=body))


def all_of_them(connection: Connection) -> list[tuple[str, str, PublishIntent]]:
    """Ids of the intents and their spaces, and what they say."""
    return [
        (row.id, row.space_id, msgspec.msgpack.decode(row.body, type=PublishIntent))
        for row in connection.execute(select(intents)).all()
    ]


def remove(connection: Connection, intent_id: str) -> None:
    connection.execute(intents.delete().where(intents.c.id == intent_id))
