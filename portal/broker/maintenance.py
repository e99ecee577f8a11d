"""Looking after the broker until stopped: whoever is revoked is out within a minute.

Every `LOOK_S` seconds the newest lists are brought and sessions cut; lists and the broker's own
certificate are renewed long before they end. What cannot be done is logged when it begins, once an
hour while it lasts, and when it is over.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, close_old_connections

from portal import readiness
from portal.broker.inspection import inspect
from portal.broker.reloading import ReloadError, reload

if TYPE_CHECKING:
    from portal.broker.folder import BrokerFolder

LOOK_S: Final = 15.0
"""Between two looks: with it, and a second of work, a minute holds three of them."""
_AGAIN_S: Final = 3600.0

log = logging.getLogger(__name__)


def maintain(folder: BrokerFolder) -> None:
    """Look after the broker until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("looks after the broker in %s", folder.path)
    complaints = Complaints()
    while not stop.is_set():
        close_old_connections()
        complaints.tell(_turn(folder))
        stop.wait(LOOK_S)


def _turn(folder: BrokerFolder) -> list[str]:
    """One look; what is wrong."""
    troubles: list[str] = []
    try:
        done = reload(folder)
        if done.signalled:
            log.info("the broker has read its files again")
        for name in done.cut:
            log.info("%s: cut", name)
        troubles += (*done.troubles, *done.uncut)
    except ReloadError as error:
        troubles += error.troubles
    except DatabaseError as error:
        return [f"the database {readiness.place()} does not answer: {readiness.first_line(error)}"]
    troubles += [one.what for one in inspect(folder, files_only=True)]
    return list(dict.fromkeys(troubles))  # a root that is gone is in the way of more than one thing


class Complaints:
    """What is wrong is said when it begins, hourly, and when it is over."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def tell(self, troubles: list[str]) -> None:
        """Log what is new, or was not said for an hour."""
        now = time.monotonic()
        for over in self._said.keys() - set(troubles):
            log.info("over: %s", over)
            del self._said[over]
        for trouble in troubles:
            if now - self._said.get(trouble, -_AGAIN_S) >= _AGAIN_S:
                log.error("%s", trouble)
                self._said[trouble] = now
