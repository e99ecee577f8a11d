"""The job worker: what is due, done again and again until it is stopped."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from portal import readiness
from portal.logs import event_log
from portal.notifications.delivery import Deliveries, deliver_due

if TYPE_CHECKING:
    from types import FrameType

log = event_log(__name__)

LOOK_EVERY_S: Final = 1.0
"""Between two looks at the outbox."""
PAUSE_S: Final = (5.0, 15.0, 60.0)
"""After passes that found the mail server or the database unavailable; then always the last."""


class Worker:
    """Sends what is due until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._failures = 0
        self._reason = ""

    def stop(self, *_: object) -> None:
        """End after the mail that is being sent."""
        self._stop.set()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        while not self._stop.is_set():
            self._stop.wait(self._pass())
        connection.close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def _pass(self) -> float:
        """Do what is due now; returns the seconds until the next pass."""
        close_old_connections()
        try:
            reason = deliver_due(self._stop.is_set).error
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            name = readiness.database_name()
            reason = f"the database {name} refuses: {readiness.first_line(error)}"
        if reason and reason != self._reason:
            log.warning("work_interrupted", reason=reason)
        elif self._reason and not reason:
            log.info("work_resumed")
        self._reason = reason
        self._failures = self._failures + 1 if reason else 0
        if not reason:
            return LOOK_EVERY_S
        return PAUSE_S[min(self._failures, len(PAUSE_S)) - 1]


def run_once() -> Deliveries:
    """Send what is due now, once."""
    return deliver_due()
