"""The thread that decides ends in good order, whatever its workers still ask of it."""

from __future__ import annotations

import threading

from howdah_desktop.engine.control_thread import ControlThread


def test_what_a_worker_asks_for_while_the_engine_ends_leads_to_no_more_work() -> None:
    begun, ended, done = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        control.stopping.wait()
        ended.wait()
        control.ask(lambda: control.submit(lambda: done.append("more"), lambda _: None))

    def close() -> None:
        control.post(ended.set)  # heard once the pool takes nothing more
        control.end_workers()

    control = ControlThread(1, lambda: control.hear(0.05), close)
    control.start()
    control.submit(work, lambda found: done.append(f"heard {found}"))
    assert begun.wait(30)
    control.stop()
    assert done == ["heard None"]
