"""Whether a device can be reached, from what is stored (`portal.monitoring.device_status`)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.report import Reachability


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectivity:
    """Whether a device can be reached.

    Attributes:
        reachability: As its gateway reported last, or as its values show.
        only_counts: Whether it sends values and never a state, which is normal (C-17, C-18).
    """

    reachability: Reachability
    only_counts: bool

    @property
    def unreachable(self) -> bool:
        """Whether it should answer and does not: its conditions are then the last known."""
        return self.reachability is Reachability.UNREACHABLE

    @property
    def answers(self) -> bool:
        """Whether its gateway's last report came from the device, or it may be silent now."""
        return self.reachability in {Reachability.ONLINE, Reachability.SILENT_AS_EXPECTED}

    @property
    def never(self) -> bool:
        """Whether nothing ever arrived from it: inactive, which the manual shows "pale" (C-17)."""
        return self.reachability is Reachability.NEVER and not self.only_counts
