"""What a device with a profile asks of its line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from drivers.bus_load import BusLoad, RequestTime
from protocols.delays import ASSUMED_S
from protocols.modbus.planner import Read, Rules, Table, plan
from protocols.modbus.rtu_timing import RtuTiming

if TYPE_CHECKING:
    from drivers.modbus.profile import Profile
    from protocols.serial_format import SerialFormat
    from protocols.timing import LineTiming


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


def request_times(timing: RtuTiming | None, reads: Iterable[Read]) -> tuple[RequestTime, ...]:
    """How long each of ``reads`` keeps its line; empty where a network carries it."""
    if timing is None:
        return ()
    return tuple(
        RequestTime(
            answered_s=timing.transaction_s(read, 0.0),
            unanswered_s=timing.wire_s(read) + timing.answer_s(read),
        )
        for read in reads
    )


def bus_load_of(
    profile: Profile, form: SerialFormat | None, timing: LineTiming, timeout_s: float
) -> BusLoad:
    """What a device of this profile asks of a line.

    Args:
        profile: Its register map.
        form: Speed and character of a serial line; ``None`` where a network carries it.
        timing: The pauses that the line keeps.
        timeout_s: How long the device's silence is waited for.
    """
    if form is None:
        return BusLoad(timeout_s=timeout_s, drain_s=timing.drain_s)
    rtu = RtuTiming(form)
    rules = replace(rules_of(profile), cost=rtu.cost(ASSUMED_S))
    groups = {
        group: plan([p.span for p in profile.points if p.poll_group == group], rules)
        for group in profile.periods
    }
    together = plan([point.span for point in profile.points], rules)
    return BusLoad(
        timeout_s=timeout_s,
        drain_s=timing.drain_s,
        form=form,
        groups={group: request_times(rtu, reads) for group, reads in groups.items()},
        together=request_times(rtu, together),
    )
