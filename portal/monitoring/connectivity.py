"""Whether a device can be reached, from what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.report import Reachability

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.fleet.models import Device, DeviceCondition
    from portal.ingest.models import Latest


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


def connectivity_of(
    device: Device, latest: Iterable[Latest], conditions: Iterable[DeviceCondition]
) -> Connectivity:
    """Whether ``device`` can be reached, by its latest values and its open conditions.

    A gateway that was restarted reports a device which no longer answers as never reached; its
    earlier values show otherwise.
    """
    said = Reachability(device.reachability)
    if said is not Reachability.NEVER or not any(
        row.value is not None or row.text is not None for row in latest
    ):
        return Connectivity(reachability=said, only_counts=False)
    if any(condition.of_link for condition in conditions):
        return Connectivity(reachability=Reachability.UNREACHABLE, only_counts=False)
    return Connectivity(reachability=said, only_counts=True)
