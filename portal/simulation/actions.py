"""What is done to the portal where sites are simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.simulation.models import SimulatedHistory

if TYPE_CHECKING:
    from portal.fleet.models import Gateway


def mark_simulated(gateway: Gateway, first_ms: int, last_ms: int) -> SimulatedHistory:
    """Say on every page that a gateway's samples in this span (Unix ms) were made up."""
    marked, _ = SimulatedHistory.objects.update_or_create(
        gateway=gateway, defaults={"first_ms": first_ms, "last_ms": last_ms}
    )
    return marked
