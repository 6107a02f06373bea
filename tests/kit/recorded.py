"""A receiver at work for several clients, recorded: what was done to its disk, and when it promised what.

`recorded_run` gives a :class:`Run`; :meth:`Run.promises` says what had been promised at a cut, and
:func:`starts_on` what a receiver makes of a state that the cut may have left.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from howdah_common.problems import ProblemError
from howdah_receiver.accounts.caller import Caller
from howdah_receiver.app import Receiver
from howdah_receiver.catalogue import uploads
from howdah_receiver.settings import Settings
from kit.diskshim import Op, Record, environment, mark, read_record
from kit.forked import memory
from kit.oracle import complaints
from kit.receiver import running_receiver
from kit.state_tree import Tree, materialise
from kit.wire import Wire, pair
from kit.workload import Event, Load, Promise, go_on, mix


@dataclass(frozen=True)
class Run:
    """All changes in order, with the marks of the clients among them."""

    log: list[Record]
    names: Sequence[str]
    """The clients'."""
    token: str

    @property
    def marks(self) -> list[int]:
        """Cuts right after something was promised."""
        return [
            number + 1
            for number, record in enumerate(self.log)
            if record.op is Op.MARK and json.loads(record.data)["event"] != "begins"
        ]

    @property
    def syncs(self) -> list[int]:
        """Cuts right before a sync, and right after it."""
        syncs = (Op.FSYNC, Op.FDATASYNC, Op.SYNC)
        return [
            number + after
            for number, record in enumerate(self.log)
            if record.op in syncs
            for after in (0, 1)
        ]

    def promises(self, cut: int) -> tuple[bool, list[list[Promise]]]:
        """Whether the device was paired by then, and what each client knew."""
        clients = [mix(name) for name in self.names]
        paired = False
        for record in self.log[:cut]:
            if record.op is not Op.MARK:
                continue
            told = json.loads(record.data)
            if told["event"] == "paired":
                paired = True
                continue
            promise = clients[told["client"]][told["number"]]
            promise.acknowledged = told["event"] == "acknowledged"
            if isinstance(promise, Load):
                promise.upload, promise.version = told["upload"], told["version"]
                promise.completing = True
        return paired, clients


def recorded_run(names: Sequence[str], *, fault: str | None = None) -> Run:
    """All clients at once, from the first start of a receiver to its death; `fault` for the shim."""
    folder = Path(tempfile.mkdtemp(prefix="howdah-run-", dir=memory()))
    record, data = folder / "record", folder / "data"
    data.mkdir(mode=0o700)
    try:
        with running_receiver(data, env=environment(data, record=record, fault=fault)) as receiver:
            token = pair(receiver.url, receiver.link)
            mark(record, json.dumps({"event": "paired"}).encode())
            # So that what follows a clean stop is seen as well.
            receiver.restart()
            with ThreadPoolExecutor(len(names)) as pool:
                clients = range(len(names))
                list(pool.map(lambda c: _use(receiver.url, token, record, c, names[c]), clients))
            receiver.kill()
        return Run(read_record(record), names, token)
    finally:
        shutil.rmtree(folder)


def _use(url: str, token: str, record: Path, client: int, name: str) -> None:
    promises = mix(name)
    for number, promise in enumerate(promises):
        promise.tell = _Marker(record, client, number, promise)
    wire = Wire(url, token)
    try:
        go_on(wire, promises)
    finally:
        wire.close()


_marking = threading.Lock()


class _Marker:
    def __init__(self, record: Path, client: int, number: int, promise: Promise) -> None:
        self._record, self._promise = record, promise
        self._place = {"client": client, "number": number}

    def __call__(self, event: Event, /) -> None:
        told = {**self._place, "event": event, "upload": "", "version": ""}
        if isinstance(self._promise, Load):
            told |= {"upload": self._promise.upload, "version": self._promise.version}
        with _marking:
            mark(self._record, json.dumps(told).encode())


def _its_account(upload: uploads.UploadRow) -> Caller:
    return Caller(upload.account_id, "owner", True, "", "")


def look_at_uploads(receiver: Receiver) -> None:
    """Which checks what may not have survived, as the first request for it does."""
    with receiver.catalogue.read() as connection:
        live = uploads.live(connection)
    for upload in live:
        with suppress(ProblemError):
            receiver.uploads.view(_its_account(upload), upload.id)


def starts_on(state: Tree, folder: Path, run: Run, cut: int) -> list[str]:
    """What is wrong after a receiver has recovered on that state; `folder` is made, and stays."""
    materialise(state, folder)
    paired, clients = run.promises(cut)
    receiver = Receiver(Settings(data=folder))
    try:
        look_at_uploads(receiver)
        with receiver.catalogue.read() as connection:
            devices = connection.exec_driver_sql("SELECT count(*) FROM devices").scalar_one()
    finally:
        receiver.stop()
    if paired and devices != 1:
        return ["its device is not known any more"]
    return complaints(folder, clients, done=False)
