"""The job worker: mail in one thread and background tasks in another, until it is stopped.

A task that takes long delays no mail, and a mail server that does not answer delays no task.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from portal import readiness
from portal.logs import event_log
from portal.notifications import background, tasks
from portal.notifications.delivery import Deliveries, deliver_due
from portal.notifications.models import Mail

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    # Does what is due; returns why it ended early, "" if it did not.
    Work = Callable[[Callable[[], bool]], str]

log = event_log(__name__)

LOOK_EVERY_S: Final = 1.0
"""Between two looks at what is due."""
PAUSE_S: Final = (5.0, 15.0, 60.0)
"""After passes that could not work, each longer than the one before; then always the last."""


class Loop:
    """One kind of work, done again and again.

    Attributes:
        name: The name of the work in the log.
    """

    def __init__(self, name: str, work: Work, stop: threading.Event) -> None:
        self.name = name
        self._work = work
        self._stop = stop
        self._failures = 0
        self._reason = ""

    def run(self) -> None:
        """Work until the worker is stopped; no error of the work ends the loop."""
        try:
            while not self._stop.is_set():
                self._stop.wait(self.work_once())
        finally:
            connection.close()

    def work_once(self) -> float:
        """Do what is due now; returns the seconds until the next pass."""
        close_old_connections()
        try:
            reason = self._work(self._stop.is_set)
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            name = readiness.database_name()
            reason = f"the database {name} refuses: {readiness.first_line(error)}"
        except Exception as error:
            connection.close()
            reason = f"{type(error).__name__}: {error}"
            log.exception("work_failed", work=self.name)
        self._log(reason)
        if not reason:
            return LOOK_EVERY_S
        return PAUSE_S[min(self._failures, len(PAUSE_S)) - 1]

    def _log(self, reason: str) -> None:
        """Log an interruption once, and its end."""
        if reason and reason != self._reason:
            log.warning("work_interrupted", work=self.name, reason=reason)
        elif self._reason and not reason:
            log.info("work_resumed", work=self.name)
        self._failures = self._failures + 1 if reason else 0
        self._reason = reason


class Worker:
    """Sends mail and runs background tasks until it is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._loops = [
            Loop("mail", _deliver, self._stop),
            Loop("tasks", _run_tasks, self._stop),
        ]

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; the mail and the task under way are finished first."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        server = settings.MAIL_SERVER
        log.info("worker_started", mail_server=server.name if server else "none")
        threads = [threading.Thread(target=loop.run, name=loop.name) for loop in self._loops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()


def _deliver(stopping: Callable[[], bool]) -> str:
    error = deliver_due(stopping).error
    if settings.MAIL_SERVER is None and Mail.objects.waiting().exists():
        return "mails wait, and no mail server is set: set KANMON_MAIL_SERVER"
    return error


def _run_tasks(stopping: Callable[[], bool]) -> str:
    tasks.enqueue_clean_up()
    background.run_ready(stopping)
    return ""


def run_once() -> Deliveries:
    """Send the mails that are due and run the tasks that are ready, once."""
    done = deliver_due()
    background.run_ready(lambda: False)
    return done
