"""When open gaps become gap records. Pure, no I/O.

A gap that is not sealed can still grow, so that an outage costs one record. Gaps are sealed while a
session sends, and not while a gap record waits for its answer. A portal that never answers that
record must not keep later gaps from being told: then they are sealed after `UNANSWERED_MS`, and
again after twice as long each time, at most `MOST_UNANSWERED_MS`. So a portal that answers nothing
for a month costs about 40 gap records for each lane and reason.
"""

from __future__ import annotations

from typing import Final

SEAL_MS: Final = 1_000
"""The least time between two looks at open gaps."""
UNANSWERED_MS: Final = 600_000
MOST_UNANSWERED_MS: Final = 86_400_000


class GapSealing:
    """The times of sealing over all sessions of an uplink, in milliseconds of one steady clock."""

    def __init__(self) -> None:
        self._looked: int | None = None
        self._waiting_since: int | None = None
        self._patience = UNANSWERED_MS

    def begin_session(self) -> None:
        """Look at once: the session before may have ended long ago."""
        self._looked = None

    def due(self, now: int) -> bool:
        """Whether to look whether there are open gaps."""
        return self._looked is None or now - self._looked >= SEAL_MS

    def allows(self, now: int, *, announced: bool) -> bool:
        """Look now; whether open gaps are to be sealed. ``announced``: a gap record is pending."""
        self._looked = now
        if not announced:
            self._waiting_since, self._patience = None, UNANSWERED_MS
            return True
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since < self._patience:
            return False
        self._waiting_since = now
        self._patience = min(2 * self._patience, MOST_UNANSWERED_MS)
        return True
