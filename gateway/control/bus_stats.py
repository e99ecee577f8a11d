"""Statistics of shared lines: how busy they are, and how each device answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drivers.driver import ReadPlanner
from gateway.configuration.checks import line_time

if TYPE_CHECKING:
    from drivers.lines import Lines
    from gateway.configuration.checks import LineDevice
    from gateway.polling.poller import NextPoll
    from protocols.line import DeviceStats


def as_planned(
    found: Mapping[str, Sequence[LineDevice]], drivers: Mapping[str, object]
) -> dict[str, list[LineDevice]]:
    """The devices with the load that their drivers plan by now, which a profile cannot know.

    Args:
        found: The configured devices by line.
        drivers: The open drivers by device.
    """
    return {
        line: [_as_planned(one, drivers.get(one.name)) for one in there]
        for line, there in found.items()
    }


def _as_planned(one: LineDevice, driver: object) -> LineDevice:
    if not isinstance(driver, ReadPlanner):
        return one
    return replace(one, load=replace(one.load, groups=driver.planned()))


def bus_stats(
    found: Mapping[str, Sequence[LineDevice]],
    lines: Lines,
    next_polls: Mapping[str, NextPoll],
    now: int,
) -> list[dict[str, Any]]:
    """The statistics of every line that devices can share, as JSON values.

    Lines that belong to one device alone, as a printer's does, are left out.

    Args:
        found: The configured devices by line.
        lines: The open lines.
        next_polls: When each polled device is due again.
        now: Milliseconds since boot.

    Returns:
        One object a line: its key, ``form``, ``predicted_utilization`` and ``busy_s`` (seconds in
        use since ``open_s`` seconds ago), ``holds_with`` and its ``devices``.
    """
    shared = {
        key: there for key, there in found.items() if any(one.address is not None for one in there)
    }
    return [_line(key, there, lines, next_polls, now) for key, there in sorted(shared.items())]


def _line(
    key: str,
    there: Sequence[LineDevice],
    lines: Lines,
    next_polls: Mapping[str, NextPoll],
    now: int,
) -> dict[str, Any]:
    line = lines.line_at(key)
    stats = {} if line is None else line.devices
    delays = {address: one.delays.typical_s for address, one in stats.items()}
    time = line_time(key, there, delays)
    return {
        "line": key,
        "form": None if time is None else str(time.form),
        "predicted_utilization": None if time is None else round(time.utilization, 4),
        "holds_with": None if time is None else time.holds_with,
        "busy_s": None if line is None else round(line.busy_s, 3),
        "open_s": None if line is None else round(line.open_s, 3),
        "devices": [
            _device(one, stats.get(one.address or 0), next_polls.get(one.name), now)
            for one in there
        ],
    }


def _device(
    one: LineDevice, stats: DeviceStats | None, next_poll: NextPoll | None, now: int
) -> dict[str, Any]:
    delays = None if stats is None else stats.delays
    return {
        "name": one.name,
        "unit": one.address,
        "requests": stats.requests if stats else 0,
        "responses": stats.responses if stats else 0,
        "error_responses": stats.error_responses if stats else 0,
        "timeouts": stats.timeouts if stats else 0,
        "invalid_responses": stats.invalid_responses if stats else 0,
        "delay_s": round(delays.typical_s, 4) if delays and delays.known else None,
        "timeout_s": one.load.timeout_s,
        "failures": next_poll.failures if next_poll else 0,
        "next_s": max(0.0, round((next_poll.due_at - now) / 1000, 1)) if next_poll else None,
    }
