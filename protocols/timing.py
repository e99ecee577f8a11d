"""How long a shared line is left alone between two exchanges. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

JITTER_S: Final = 0.02
"""Seconds that adapters and schedulers add: a USB adapter collects bytes for up to 16 ms."""
NETWORK_JITTER_S: Final = 0.1
"""Seconds that a site's network adds between a serial server and the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTiming:
    """The pauses that a line keeps, in seconds; `protocols.line` draws them.

    Attributes:
        silence_s: Kept after every transaction.
        drain_s: Kept after a timeout, besides the time that the missing answer takes itself.
        character_s: What one byte takes on the line; 0 where that is too little to count.
    """

    silence_s: float = 0.0
    drain_s: float = 0.0
    character_s: float = 0.0

    def drain_after(self, missing_bytes: int) -> float:
        """Seconds to leave the line alone after a timeout, while ``missing_bytes`` may come."""
        if not self.drain_s:
            return self.silence_s
        return self.drain_s + self.character_s * missing_bytes
