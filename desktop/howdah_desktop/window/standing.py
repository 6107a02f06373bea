"""How it stands with the receiver: the card in the sidebar, and a banner where somebody must act."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

from howdah_desktop.engine.views import LimitsView, ReceiverView
from howdah_desktop.window import overall
from howdah_desktop.window.overall import Paired
from howdah_desktop.window.widgets.banner import Banner
from howdah_desktop.window.widgets.connection_card import ConnectionCard

SECOND = 1_000


class Standing(QObject):
    """One state for the whole receiver, told by the engine and counted down here."""

    pair_wanted = Signal()
    check_wanted = Signal()

    def __init__(self, card: ConnectionCard, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._card = card
        self._banner = banner
        self._paired: Paired | None = None
        self._receiver = ReceiverView()
        self._limits = LimitsView()
        self._clock = QTimer(self, interval=SECOND)
        self._clock.timeout.connect(self._show)
        card.pair_wanted.connect(self.pair_wanted)
        card.check_wanted.connect(self.check_wanted)
        banner.acted.connect(self._act)

    def paired_with(self, paired: Paired | None) -> None:
        self._paired = paired
        self._show()

    def receiver_is(self, receiver: ReceiverView) -> None:
        self._receiver = receiver
        self._show()

    def limits_are(self, limits: LimitsView) -> None:
        self._limits = limits
        self._show()

    def _show(self) -> None:
        self._card.show_state(overall.card(self._paired, self._receiver, time.time()))
        alarm = overall.alarm(self._paired, self._receiver)
        alarm = alarm or overall.held_back(self._limits, time.time())
        if alarm is None:
            self._banner.hide_banner()
        else:
            self._banner.show_banner(alarm)
        counts_down = self._receiver.next_try is not None
        if counts_down and not self._clock.isActive():
            self._clock.start()
        elif not counts_down:
            self._clock.stop()

    def _act(self, act: str) -> None:
        (self.pair_wanted if act == "pair" else self.check_wanted).emit()
