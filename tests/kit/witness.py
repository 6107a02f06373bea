"""Asks a receiver what a model says, and holds the two against each other."""

from __future__ import annotations

import base64
import os
import select
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from howdah_common.digests import digest
from kit.calls import Call, Complete, Have, Start, Stream, request
from kit.model import Model, Numbers, Said, Upload
from kit.native import Answer, Native
from kit.orders import Outcome, outcomes
from kit.receiver import RunningReceiver

UNREAD = Said(0)
"""An answer that came, so that its call is done, and that nobody read."""


@dataclass(frozen=True)
class Seen:
    """What the receiver shows: uploads by client_id, files of the run by path, versions by its own ids."""

    uploads: dict[str, tuple[str, frozenset[int], str | None]]
    live: frozenset[str]
    files: dict[str, str]
    digests: dict[str, bytes]
    """Of the chunks of live uploads: whose bytes won shows only there."""


@dataclass
class Witness:
    """A receiver, what of it is known by which name, and what it was asked so far."""

    receiver: RunningReceiver
    native: Native
    counts: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    uploads: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    """The calls of this run and their answers."""
    failure: str = ""
    """The first one."""

    def begin(self) -> None:
        """Before a run: what an earlier one left open goes."""
        self.story.clear()
        for one in self.native.uploads().json["uploads"]:
            assert self.native.cancel(one["id"]).status == 204

    def told(self) -> str:
        """How often what was done, and answered."""
        both = {**self.counts, **self.answers}
        return "\n".join(f"{count:7} {name}" for name, count in sorted(both.items()))

    # -- calls

    def ask(self, call: Call) -> Said:
        """Raises httpx.TransportError where no answer came."""
        one = request(call, self.uploads, self.versions)
        answer = self.native.ask(one.method, one.path, body=one.body, headers=one.headers)
        if isinstance(call, Start) and answer.status in (200, 201):
            self.uploads[call.key] = answer.json["id"]
        said = _said(call, answer)
        self.answers[f"{type(call).__name__} {said.status} {said.code or ''}".strip()] += 1
        self.story.append(f"{short(call)} -> {said}")
        return said

    def ask_at_once(
        self, calls: Sequence[Call], kill_after: float | None = None
    ) -> list[Said | None]:
        """All calls at the same time, each on a connection of its own; None where no answer came.

        `kill_after`: so many seconds later the receiver is killed.
        """
        found: list[Said | None] = [None] * len(calls)
        gate = threading.Barrier(len(calls) + 1)

        def work(at: int) -> None:
            gate.wait()
            try:
                found[at] = self.ask(calls[at])
            except httpx.TransportError:
                self.story.append(f"{short(calls[at])} -> no answer")

        threads = [threading.Thread(target=work, args=(at,)) for at in range(len(calls))]
        for thread in threads:
            thread.start()
        gate.wait()
        if kill_after is not None:
            # The moment is what is tested; nothing is waited for.
            threading.Event().wait(kill_after)
            self.kill()
        for thread in threads:
            thread.join()
        return found

    def ask_and_lose(self, call: Call, *, cut: bool = False) -> None:
        """Send the call and go away once the answer is there, unread. `cut`: the line breaks before the
        call's end."""
        one = request(call, self.uploads, self.versions)
        url = urlsplit(self.receiver.url)
        head = {
            "Host": url.netloc,
            "Authorization": f"Bearer {self.native.token}",
            "Content-Length": str(len(one.body) + cut),
            **one.headers,
        }
        lines = [f"{one.method} {one.path} HTTP/1.1", *(f"{n}: {v}" for n, v in head.items())]
        with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + one.body)
            if not cut:
                assert select.select([connection], [], [], 30)[0], "no answer"
        self.story.append(f"{short(call)} -> {'cut off' if cut else 'answer lost'}")

    def kill(self) -> None:
        self.receiver.kill()
        self.counts["SIGKILL"] += 1
        self.story.append("SIGKILL")

    # -- what is there

    def look(self, folder: str, keys: Sequence[str]) -> Seen:
        live = {
            str(one["client_id"]): str(one["id"])
            for one in self._get("/uploads")["uploads"]
            if one["path"].startswith(f"{folder}/")
        }
        self.uploads.update(live)
        uploads = {}
        for key in keys:
            if key in self.uploads:
                one = self._get(f"/uploads/{self.uploads[key]}")
                received = (
                    frozenset(_numbers(one["received"])) if one["state"] == "open" else frozenset()
                )
                version = one["file"]["version"] if one["state"] == "published" else None
                uploads[key] = (str(one["state"]), received, version)
        digests = {
            key: base64.b64decode(self._get(f"/uploads/{self.uploads[key]}/manifest")["digests"])
            for key, (state, received, _) in uploads.items()
            if state == "open" and received
        }
        files = {p: f["version"] for p, f in self.files(folder).items()}
        return Seen(uploads, frozenset(live), files, digests)

    def files(self, folder: str) -> dict[str, dict[str, str]]:
        """Everything below a folder that the receiver lists, by path."""
        if self.native.listing(folder).status == 404:
            return {}
        found: dict[str, dict[str, str]] = {}
        for item in self.native.items(folder):
            below = self.files(item["path"]) if item["kind"] == "folder" else {item["path"]: item}
            found |= below
        return found

    def _get(self, path: str) -> Any:
        answer = self.native.get(path)
        assert answer.status == 200, answer
        return answer.json

    # -- the judgement

    def after(
        self, model: Model, folder: str, calls: Sequence[Call], said: Sequence[Said | None]
    ) -> Model | None:
        """The model after the calls, if the receiver shows one of those that it may be."""
        seen = self.look(folder, list(dict.fromkeys(call.key for call in calls)))
        for outcome in outcomes(model, calls, lost=[one is None for one in said]):
            names = self._names(outcome, said, seen)
            if names is not None:
                self.versions = names
                return outcome.model
        return None

    def judge(
        self, model: Model, folder: str, calls: Sequence[Call], said: Sequence[Said | None]
    ) -> Model:
        """As `after`; it must be one of those."""
        found = self.after(model, folder, calls, said)
        if found is not None:
            return found
        allowed = outcomes(model, calls, lost=[one is None for one in said])
        lines = [
            "no order of these calls comes to what the receiver says and shows:",
            *(f"{short(call)} -> {answer}" for call, answer in zip(calls, said, strict=True)),
            f"shown: {self.look(folder, [call.key for call in calls])}",
            f"before: {_brief(model)}",
            *(f"allowed: {one.answers} {_brief(one.model)}" for one in allowed[:10]),
            f"({len(allowed)} are allowed in all). What went before:",
            *self.story[-40:],
        ]
        raise AssertionError("\n  ".join(lines))

    def _names(
        self, outcome: Outcome, said: Sequence[Said | None], seen: Seen
    ) -> dict[str, str] | None:
        """The versions' ids by name if the receiver shows this outcome, else None."""
        model, names = outcome.model, dict(self.versions)
        pairs: list[tuple[str, str]] = []
        for key, (state, received, version) in seen.uploads.items():
            upload = model.uploads.get(key)
            if upload is None or (upload.state, frozenset(upload.received)) != (state, received):
                return None
            if seen.digests.get(key, b"") != _digests(upload):
                return None
            if upload.version is not None and version is not None:
                pairs.append((upload.version, version))
        live = {key for key, upload in model.uploads.items() if upload.state == "open"}
        if live != seen.live or model.files.keys() != seen.files.keys():
            return None
        pairs += [(model.files[path].name, version) for path, version in seen.files.items()]
        for name, version in pairs:
            if names.setdefault(name, version) != version:
                return None
        if len(set(names.values())) != len(names):
            return None
        agreed = all(map(_agrees, outcome.answers, said, [names] * len(said)))
        return names if agreed else None

    def check_everything(self, model: Model, folder: str) -> None:
        """Every byte, on the wire and on the disk; nothing that should not be there is."""
        for key, upload in model.uploads.items():
            shown = self._get(f"/uploads/{self.uploads[key]}/manifest")
            assert base64.b64decode(shown["digests"]) == _digests(upload), self.story
            if upload.state == "open":
                verified = self.native.verify_upload(self.uploads[key]).json
                size = len(upload.data())
                assert verified == {"ok": True, "checked_bytes": size, "damaged": []}, self.story
        for path, file in self.files(folder).items():
            assert self.native.content(file["id"]).body == model.files[path].data, (
                path,
                self.story,
            )
        home = self.receiver.data / "files" / "owner"
        there = {str(p.relative_to(home)): p for p in (home / folder).rglob("*") if p.is_file()}
        assert there.keys() == model.files.keys(), self.story
        for path, version in model.files.items():
            assert there[path].read_bytes() == version.data, (path, self.story)
        for version in model.kept:
            kept = self.receiver.data / "versions" / self.versions[version.name]
            assert kept.read_bytes() == version.data, (version.path, self.story)
        open_now = {self.uploads[k] for k, one in model.uploads.items() if one.state == "open"}
        assert set(os.listdir(self.receiver.data / "parts")) == open_now, self.story


def _agrees(wanted: Said | None, said: Said | None, names: dict[str, str]) -> bool:
    if said is UNREAD:
        return True
    if wanted is None or said is None:
        return wanted is said
    version = None if wanted.version is None else names.get(wanted.version, wanted.version)
    return (
        (wanted.status, wanted.code) == (said.status, said.code)
        and (wanted.numbers is None or set(wanted.numbers) == set(said.numbers or ()))
        and (version is None or version == said.version)
    )


def _said(call: Call, answer: Answer) -> Said:
    body = answer.json if answer.body else {}
    numbers: Numbers | None = None
    if answer.code in ("chunk_conflict", "chunk_mismatch"):
        numbers = tuple(body["chunks"])
    elif answer.code == "upload_incomplete" or (isinstance(call, Have) and not answer.code):
        numbers = _numbers(body["missing"])
    elif isinstance(call, Stream) and not answer.code:
        numbers = _numbers(body["stored"])
    version = body["version"] if answer.code == "version_conflict" else None
    if isinstance(call, Complete) and answer.status == 201:
        assert body["state"] == "published", body
    return Said(answer.status, answer.code, numbers, version)


def _numbers(ranges: list[list[int]]) -> Numbers:
    return tuple(number for first, last in ranges for number in range(first, last + 1))


def short(call: Call) -> str:
    """Without the bytes."""
    if isinstance(call, Stream):
        torn = "" if call.torn is None else f" torn in {call.torn.number}"
        frames = [(one.number, len(one.data), one.honest) for one in call.frames]
        return f"Stream({call.key[:6]}, {frames}{torn})"
    return str(call)[:160]


def _brief(model: Model) -> str:
    uploads = {k[:6]: (u.state, sorted(u.received)) for k, u in model.uploads.items()}
    return f"{uploads} { ({path: one.name[:6] for path, one in model.files.items()}) }"


def _digests(upload: Upload) -> bytes:
    """Of the chunks that an upload has, in order."""
    algorithm = upload.start.algorithm
    return b"".join(digest(algorithm, data) for _, data in sorted(upload.received.items()))
