"""A profile of many channels, and what a poll of it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.report import Quality, Reading
from protocols.errors import ErrorResponse
from tests.drivers.modbus.driver_harness import ALL, RecordingUnit

if TYPE_CHECKING:
    from drivers.modbus.driver import ProfiledDriver


def channels(count: int) -> str:
    return "points:\n" + "".join(
        f"  - {{at: {i}, quantity: current, part: channel={i + 1}}}\n" for i in range(count)
    )


TEN = channels(10)


# --- a few requests a poll ------------------------------------------------------------------------


def good(readings: tuple[Reading, ...]) -> set[str]:
    return {reading.part for reading in readings if reading.quality is Quality.GOOD}


def lacking(readings: tuple[Reading, ...]) -> set[str]:
    return {reading.part for reading in readings if reading.quality is Quality.NOT_SUPPORTED}


async def polled(
    made: ProfiledDriver, unit: RecordingUnit
) -> tuple[tuple[Reading, ...] | None, int]:
    """One poll: its readings, `None` where it failed, and how many requests it took."""
    unit.asked.clear()
    try:
        seen = await made.read(ALL)
    except ErrorResponse:
        return None, len(unit.asked)
    return seen.readings, len(unit.asked)
