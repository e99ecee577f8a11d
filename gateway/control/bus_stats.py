"""The technician's view of the lines: how busy, who answers how, who is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from drivers.driver import ReadPlanner
from gateway.configuration.checks import line_time

if TYPE_CHECKING:
    from drivers.lines import Lines
    from gateway.configuration.checks import OnLine
    from gateway.polling.poller import NextPoll
    from protocols.line import DeviceStats


def as_asked(
    found: Mapping[str, Sequence[OnLine]], drivers: Mapping[str, object]
) -> dict[str, list[OnLine]]:
    """The devices by line with what their drivers ask for by now, which a profile cannot know.

    Args:
        found: As configured.
        drivers: Those that are open, by device.
    """
    return {
        line: [_as_asked(one, drivers.get(one.name)) for one in there]
        for line, there in found.items()
    }


def _as_asked(one: OnLine, driver: object) -> OnLine:
    if not isinstance(driver, ReadPlanner):
        return one
    return replace(one, load=replace(one.load, groups=driver.planned()))


def figures(
    found: Mapping[str, Sequence[OnLine]],
    lines: Lines,
    next_polls: Mapping[str, NextPoll],
    now: int,
) -> list[dict[str, Any]]:
    """What is known of every line that devices can share, as JSON values.

    A device that is alone on its line spends nobody's time there.

    Args:
        found: The configured devices by line.
        lines: The lines that are open.
        next_polls: When each polled device is due again.
        now: Milliseconds since boot.

    Returns:
        One object a line: its key, ``form``, ``predicted`` and ``busy_s`` (seconds in use since
        ``open_s`` seconds ago), ``holds_with`` and its ``devices``.
    """
    shared = {
        key: there for key, there in found.items() if any(one.address is not None for one in there)
    }
    return [_line(key, there, lines, next_polls, now) for key, there in sorted(shared.items())]


def _line(
    key: str, there: Sequence[OnLine], lines: Lines, next_polls: Mapping[str, NextPoll], now: int
) -> dict[str, Any]:
    line = lines.line_at(key)
    stats = {} if line is None else line.devices
    delays = {address: one.delays.typical_s for address, one in stats.items()}
    time = line_time(key, there, delays)
    return {
        "line": key,
        "form": None if time is None else str(time.form),
        "predicted": None if time is None else round(time.utilization, 4),
        "holds_with": None if time is None else time.holds_with,
        "busy_s": None if line is None else round(line.busy_s, 3),
        "open_s": None if line is None else round(line.open_s, 3),
        "devices": [
            _device(one, stats.get(one.address or 0), next_polls.get(one.name), now)
            for one in there
        ],
    }


def _device(
    one: OnLine, stats: DeviceStats | None, next_poll: NextPoll | None, now: int
) -> dict[str, Any]:
    delays = None if stats is None else stats.delays
    return {
        "name": one.name,
        "unit": one.address,
        "asked": stats.requests if stats else 0,
        "answered": stats.responses if stats else 0,
        "refused": stats.error_responses if stats else 0,
        "timeouts": stats.timeouts if stats else 0,
        "garbled": stats.invalid_responses if stats else 0,
        "delay_s": round(delays.typical_s, 4) if delays and delays.known else None,
        "patience_s": one.load.timeout_s,
        "failures": next_poll.failures if next_poll else 0,
        "next_s": max(0.0, round((next_poll.due_at - now) / 1000, 1)) if next_poll else None,
    }
