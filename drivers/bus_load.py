"""What a device asks of its line: which reads, how often, and how long its silence costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from protocols.delays import ASSUMED_S
from protocols.modbus.planner import Read, Rules, Table, plan
from protocols.modbus.rtu_timing import RtuTiming

if TYPE_CHECKING:
    from drivers.modbus.profile import Profile
    from protocols.serial_format import SerialFormat
    from protocols.timing import LineTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one device asks of its line.

    Attributes:
        form: Speed and character of a serial line; ``None`` where a network carries it.
        timing: What is kept between requests.
        reads: By poll group, what reading it alone takes.
        together: What reading all groups at once takes, as where several are due.
        timeout_s: How long its silence is waited for, at most.
    """

    form: SerialFormat | None
    timing: LineTiming
    reads: Mapping[str, tuple[Read, ...]]
    timeout_s: float
    together: tuple[Read, ...] = ()


def rules_of(profile: Profile) -> Rules:
    """What a device of this profile allows to be read, at a network's cost."""
    limit = profile.modbus.max_registers
    return Rules(
        readable=(
            *(gap.span for gap in profile.readable),
            *(point.span for point in profile.points),
        ),
        limits={Table.INPUT: limit, Table.HOLDING: limit},
    )


def demand_of(
    profile: Profile, form: SerialFormat | None, timing: LineTiming, timeout_s: float
) -> Demand:
    """What a device of this profile asks of a line."""
    rules = rules_of(profile)
    if form is not None:
        rules = replace(rules, cost=RtuTiming(form).cost(ASSUMED_S))
    reads = {
        group: plan([p.span for p in profile.points if p.poll_group == group], rules)
        for group in profile.periods
    }
    together = plan([point.span for point in profile.points], rules)
    return Demand(form=form, timing=timing, reads=reads, timeout_s=timeout_s, together=together)
