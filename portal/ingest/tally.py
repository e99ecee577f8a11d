"""Counts of what the transactions of the ingest did. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts of one transaction, or of several.

    Attributes:
        received: Records received for the first time, by lane name.
        repeated: Records that had been received before.
        without_table: Records left until their table comes.
        quarantined: Records put into quarantine, by code; each is, or was earlier, ``received``.
        held: Records that failed, and are left unanswered because the portal is at fault.
        readings: How many readings were stored.
        moments: Unix milliseconds of the last reading of each data record stored.
    """

    received: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    without_table: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    held: int = 0
    readings: int = 0
    moments: list[int] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        """The sums of both."""
        return Tally(
            received=self.received + other.received,
            repeated=self.repeated + other.repeated,
            without_table=self.without_table + other.without_table,
            quarantined=self.quarantined + other.quarantined,
            held=self.held + other.held,
            readings=self.readings + other.readings,
            moments=self.moments + other.moments,
        )
