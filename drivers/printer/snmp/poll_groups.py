"""The poll groups of a printer and their periods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STATUS: Final = "status"
SUPPLIES: Final = "supplies"
COUNTERS: Final = "counters"
IDENTITY: Final = "identity"

PERIODS: Final[Mapping[str, float | None]] = {
    STATUS: None,
    SUPPLIES: 300.0,
    COUNTERS: 300.0,
    IDENTITY: 3600.0,
}
"""Periods in seconds; ``None`` for the device's own."""
