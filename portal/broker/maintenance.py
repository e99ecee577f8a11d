"""Maintaining the broker until stopped: whoever is revoked is disconnected within a minute.

Every `INTERVAL_S` seconds the newest lists are brought and sessions disconnected; lists and the
broker's own certificate are renewed long before they expire. A finding is logged when it appears,
once an hour while it lasts, and when it is resolved.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, close_old_connections

from console.text import one_line
from portal import readiness
from portal.broker.inspection import inspect
from portal.broker.reloading import ReloadError, reload
from portal.logs import event_log

if TYPE_CHECKING:
    from portal.broker.folder import BrokerFolder

INTERVAL_S: Final = 15.0
"""Seconds between two turns: with them, and a second of work, a minute holds three turns."""
_REPEAT_S: Final = 3600.0

log = event_log(__name__)


def maintain(folder: BrokerFolder) -> None:
    """Maintain the broker of ``folder`` until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("broker_maintenance_started", folder=folder.path)
    findings = FindingLog()
    while not stop.is_set():
        close_old_connections()
        findings.update(turn(folder))
        stop.wait(INTERVAL_S)


def turn(folder: BrokerFolder) -> list[str]:
    """Reload and inspect the broker once; returns what is wrong, a sentence each."""
    findings: list[str] = []
    try:
        result = reload(folder)
        if result.signalled:
            log.info("broker_reloaded")
        for name in result.disconnected:
            log.info("session_disconnected", client=name)
        findings += map(str, (*result.failures, *result.still_connected))
    except ReloadError as error:
        findings += map(str, error.failures)
    except DatabaseError as error:
        why = readiness.DATABASE_REASON(reason=readiness.first_line(error))
        return [one_line(readiness.database_name(), readiness.AWAY(), why)]
    findings += map(str, inspect(folder, files_only=True))
    return list(dict.fromkeys(findings))  # a root that is gone is in the way of more than one thing


class FindingLog:
    """Logs each finding when it appears, hourly while it lasts, and when it is resolved."""

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}

    def update(self, findings: list[str]) -> None:
        """Log what changed since the last call, and what was not logged for an hour."""
        now = time.monotonic()
        for finding in self._logged_at.keys() - set(findings):
            log.info("broker_finding_resolved", finding=finding)
            del self._logged_at[finding]
        for finding in findings:
            if now - self._logged_at.get(finding, -_REPEAT_S) >= _REPEAT_S:
                log.error("broker_finding", finding=finding)
                self._logged_at[finding] = now
