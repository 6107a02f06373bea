"""The local door of an embedded receiver: `howdah-receiver` with the same data folder speaks to it.

`control` answers in an event loop; here it has one of its own, in a thread, as the program around it may
have none.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial

from howdah_receiver.admin.commands import answer
from howdah_receiver.app import Receiver
from howdah_receiver.control import ControlServer


class CommandDoor:
    def __init__(self, receiver: Receiver) -> None:
        self._control = ControlServer(receiver.folder.root, partial(answer, receiver))
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(),), name="commands", daemon=True
        )

    def start(self) -> None:
        """Answers on return. Raises OSError."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """What is under way is carried through first."""
        self._started.result().call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _serve(self) -> None:
        try:
            await self._control.start()
        except BaseException as error:  # noqa: BLE001 - raised where it was asked for
            self._started.set_exception(error)
            return
        self._started.set_result(asyncio.get_running_loop())
        await self._stopping.wait()
        await self._control.stop()
