"""What else may happen in the middle of a search for registers that a device lacks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.text import verbatim
from drivers.modbus.driver import ASK_AGAIN_MS, ASK_SOON_MS
from drivers.report import Quality
from protocols.errors import ProtocolError, Timeout
from protocols.modbus.planner import Read, Table
from tests.drivers.modbus.channels import TEN, channels, good, lacking, polled
from tests.drivers.modbus.driver_harness import ALL, BUSY, RecordingUnit, device, driver

if TYPE_CHECKING:
    from collections.abc import Callable


def once(read: Read, error: ProtocolError) -> Callable[[Read], ProtocolError | None]:
    """Fails one read, the first time it is made."""
    left = [error]

    def fail(made: Read) -> ProtocolError | None:
        same = (made.address, made.count) == (read.address, read.count)
        return left.pop() if same and left else None

    return fail


LOST = Timeout(verbatim("nothing"), where="here")


@pytest.mark.parametrize("error", [LOST, BUSY])
@pytest.mark.parametrize("at", [(0, 2), (1, 1), (2, 2)])
async def test_a_frame_lost_in_a_search_loses_no_point(
    error: ProtocolError, at: tuple[int, int]
) -> None:
    unit = RecordingUnit(device({0: 0, 2: 2, 3: 3}))
    made = driver(channels(4), unit)
    unit.fail = once(Read(Table.HOLDING, *at), error)
    for _ in range(8):
        with suppress(ProtocolError):
            seen = await made.read(ALL)
    assert good(seen.readings) == {"channel=1", "channel=3", "channel=4"}
    assert lacking(seen.readings) == {"channel=2"}


async def test_a_register_that_never_answers_alone_costs_only_itself() -> None:
    """Some devices fall silent where they should refuse."""
    unit = RecordingUnit(device({0: 0, 1: 1, 3: 3}))
    made = driver(channels(4), unit, spare_ms=0)
    unit.fail = lambda read: LOST if (read.address, read.count) == (2, 1) else None
    for _ in range(12):
        with suppress(ProtocolError):
            seen = await made.read(ALL)
    assert good(seen.readings) == {"channel=1", "channel=2", "channel=4"}
    assert lacking(seen.readings) == {"channel=3"}


async def test_what_was_refused_while_a_device_restarts_does_not_count() -> None:
    unit = RecordingUnit(device({0: 0, 2: 2}))
    made = driver(channels(3), unit, spare_ms=0)
    await polled(made, unit)
    kept = dict(unit.device.tables[Table.HOLDING])
    unit.device.tables[Table.HOLDING].clear()
    for _ in range(3):
        await polled(made, unit)
    unit.device.tables[Table.HOLDING].update(kept)
    for _ in range(6):
        readings, _ = await polled(made, unit)
    assert good(readings or ()) == {"channel=1", "channel=3"}
    assert lacking(readings or ()) == {"channel=2"}


async def test_a_block_that_comes_up_later_than_the_rest_is_back_within_minutes() -> None:
    unit = RecordingUnit(device())
    made = driver(
        "points:\n  - {at: 0, quantity: voltage}\n  - {at: 50, quantity: energy.import}\n", unit
    )
    await polled(made, unit)
    energy = unit.device.tables[Table.HOLDING].pop(50)
    for _ in range(4):
        await polled(made, unit)
    unit.device.tables[Table.HOLDING][50] = energy
    unit.ticks += ASK_SOON_MS
    for _ in range(2):
        readings, _ = await polled(made, unit)
    assert [reading.quality for reading in readings or ()] == [Quality.GOOD] * 2


async def test_what_was_found_again_stays_found_though_the_next_question_is_lost() -> None:
    unit = RecordingUnit(device({i: i for i in range(10) if i not in {2, 7}}))
    made = driver(TEN, unit, spare_ms=0)
    while len(lacking((await polled(made, unit))[0] or ())) < 2:
        pass
    unit.device.set(Table.HOLDING, 2, [2])
    unit.ticks += ASK_AGAIN_MS
    unit.fail = once(Read(Table.HOLDING, 7, 1), LOST)
    for _ in range(3):
        readings, _ = await polled(made, unit)
    assert lacking(readings or ()) == {"channel=8"}


@settings(max_examples=60, deadline=None)
@given(
    missing=st.sets(st.integers(0, 19), max_size=19),
    spare_ms=st.sampled_from([0, 500, None]),
    mishaps=st.lists(st.sampled_from(["", "", "lost", "busy", "down"]), max_size=60),
    up=st.integers(0, 8),
)
async def test_whatever_happens_meanwhile_it_is_found_out_in_the_end(
    missing: set[int], spare_ms: int | None, mishaps: list[str], up: int
) -> None:
    """Lost frames, a busy device, restarts: afterwards every register is what it is."""
    unit = RecordingUnit(device({i: i for i in range(20) if i not in missing}))
    made = driver(channels(20), unit, spare_ms=spare_ms)
    kept = dict(unit.device.tables[Table.HOLDING])
    for _ in range(up):
        await polled(made, unit)
    coming = iter(mishaps)
    errors = {"lost": LOST, "busy": BUSY}
    unit.fail = lambda _read: errors.get(next(coming, ""))
    for mishap in mishaps[:12]:
        unit.device.tables[Table.HOLDING].clear()
        unit.device.tables[Table.HOLDING].update({} if mishap == "down" else kept)
        with suppress(ProtocolError):
            await polled(made, unit)
    unit.fail = lambda _read: None
    unit.device.tables[Table.HOLDING].clear()
    unit.device.tables[Table.HOLDING].update(kept)
    readings = None
    for turn in range(400):
        unit.ticks += ASK_AGAIN_MS if turn in {150, 250, 350} else 0
        readings, _ = await polled(made, unit)
    assert readings is not None
    assert good(readings) == {f"channel={i + 1}" for i in range(20) if i not in missing}
    assert lacking(readings) == {f"channel={i + 1}" for i in missing}
