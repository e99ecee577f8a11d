"""What sort of thing a device is, and how well it can be heard, from what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.report import Reachability
from portal.fleet.kinds import DeviceKind, KindEvidence, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.fleet.models import Device, DeviceCondition, DeviceSupply
    from portal.ingest.models import Latest


def device_kind(
    device: Device, latest: Iterable[Latest], supplies: Iterable[DeviceSupply]
) -> DeviceKind:
    """What ``device`` is: as a person said, else `derived_kind`."""
    if device.kind_given:
        return DeviceKind(device.kind_given)
    return derived_kind(device, latest, supplies)


def derived_kind(
    device: Device, latest: Iterable[Latest], supplies: Iterable[DeviceSupply]
) -> DeviceKind:
    """What ``device`` is by what is known of it; needs each ``latest.series`` fetched."""
    evidence = KindEvidence(
        series=frozenset((row.series.quantity, row.series.part) for row in latest),
        supplies=tuple(supply.colour for supply in supplies),
        model=device.model,
        label=device.label,
    )
    return kind_of(evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """How well a device can be heard.

    Attributes:
        reachability: As its gateway said last, or as its values tell.
        only_counts: Whether it sends values and never says how it is: that is normal (C-17, C-18).
    """

    reachability: Reachability
    only_counts: bool

    @property
    def unreachable(self) -> bool:
        """Whether it should answer and does not: its conditions are then as last seen."""
        return self.reachability is Reachability.UNREACHABLE

    @property
    def answers(self) -> bool:
        """Whether what its gateway reported last came from it, or it may be silent now."""
        return self.reachability in {Reachability.ONLINE, Reachability.SILENT_AS_EXPECTED}

    @property
    def never(self) -> bool:
        """Whether it has never said anything: shown pale (C-17)."""
        return self.reachability is Reachability.NEVER and not self.only_counts


def hearing(
    device: Device, latest: Iterable[Latest], conditions: Iterable[DeviceCondition]
) -> Hearing:
    """How well ``device`` can be heard, by its latest values and its open conditions.

    A gateway that was started again says of a device which no longer answers that it never did;
    values of it that arrived before tell otherwise.
    """
    said = Reachability(device.reachability)
    if said is not Reachability.NEVER or not any(
        row.value is not None or row.text is not None for row in latest
    ):
        return Hearing(reachability=said, only_counts=False)
    if any(condition.of_link for condition in conditions):
        return Hearing(reachability=Reachability.UNREACHABLE, only_counts=False)
    return Hearing(reachability=said, only_counts=True)
