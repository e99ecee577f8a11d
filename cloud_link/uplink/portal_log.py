"""Log lines about what a portal sends: a few a minute, whatever it sends."""

from __future__ import annotations

from typing import Any, Final

import structlog

log = structlog.get_logger("cloud_link.uplink.session")

LINES_MOST: Final = 20
"""Lines of one minute."""
MINUTE_MS: Final = 60_000


class PortalLog:
    """A log whose lines the portal causes; those beyond `LINES_MOST` a minute are counted."""

    def __init__(self) -> None:
        self._began: int | None = None
        self._lines = 0

    def write(self, level: str, event: str, now: int, **fields: Any) -> None:
        """Log an event with its fields, unless its minute has had its lines.

        Args:
            level: The name of its level.
            event: The name of the event.
            now: Milliseconds since boot.
            **fields: What is said of it.
        """
        if self._began is None or now - self._began >= MINUTE_MS:
            if self._lines > LINES_MOST:
                log.warning("log_lines_suppressed", lines=self._lines - LINES_MOST)
            self._began, self._lines = now, 0
        self._lines += 1
        if self._lines <= LINES_MOST:
            getattr(log, level)(event, **fields)
