"""Marking history that was made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.simulation.models import SimulatedHistory

if TYPE_CHECKING:
    from portal.fleet.models import Gateway


def mark_simulated(gateway: Gateway, first_ms: int, last_ms: int) -> SimulatedHistory:
    """Mark a gateway's samples in this span (Unix ms) as made up; every page then says so."""
    marked, _ = SimulatedHistory.objects.update_or_create(
        gateway=gateway, defaults={"first_ms": first_ms, "last_ms": last_ms}
    )
    return marked
