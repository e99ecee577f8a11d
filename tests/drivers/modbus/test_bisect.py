"""Devices that lack some of what their profile lists: found out, remembered, and at what cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.text import verbatim
from drivers.modbus.driver import ASK_AGAIN_MS, EXTRA_READS, MOST_EXTRA_READS
from drivers.report import Quality
from protocols.errors import ErrorResponse
from protocols.modbus.planner import Table
from tests.drivers.modbus.channels import TEN, channels, good, lacking, polled
from tests.drivers.modbus.driver_harness import (
    ALL,
    BUSY,
    GROUPS,
    RecordingUnit,
    device,
    driver,
    shown,
)


@pytest.mark.req("C-20")
async def test_a_register_this_firmware_lacks_costs_only_itself_and_is_remembered() -> None:
    unit = RecordingUnit(device({i: i for i in range(10) if i != 7}))
    made = driver(TEN, unit)
    seen = await made.read(ALL)
    assert [reading.value for reading in seen.readings] == [0, 1, 2, 3, 4, 5, 6, None, 8, 9]
    missing = seen.readings[7]
    assert (missing.quality, missing.part) == (Quality.NOT_SUPPORTED, "channel=8")
    assert all(r.quality is Quality.GOOD for r in seen.readings if r is not missing)
    assert len(unit.asked) <= 9  # a bisection, not one request a point

    unit.asked.clear()
    again = await made.read(ALL)
    assert [r.value for r in again.readings] == [r.value for r in seen.readings]
    assert sum(count for _, _, count in unit.asked) == 9
    assert ("holding", 7, 1) not in unit.asked


async def test_a_device_that_takes_shorter_reads_only_gets_shorter_reads() -> None:
    unit = RecordingUnit(device())
    unit.device.limits[Table.HOLDING] = 4  # it refuses longer ones as illegal values
    made = driver(TEN, unit)
    assert len((await made.read(ALL)).readings) == 10
    unit.asked.clear()
    await made.read(ALL)
    assert all(count <= 4 for _, _, count in unit.asked)


async def test_a_device_that_refuses_everything_is_not_the_profiles() -> None:
    unit = RecordingUnit(device({999: 1}))
    made = driver(TEN, unit)
    for _ in range(2):
        with pytest.raises(ErrorResponse, match="illegal data address"):
            await made.read(ALL)
    unit.device.tables[Table.HOLDING].update(dict.fromkeys(range(10), 5))  # the right one, later
    assert [r.value for r in (await made.read(ALL)).readings] == [5] * 10


async def test_a_missing_serial_number_is_no_reason_not_to_read_a_meter() -> None:
    unit = RecordingUnit(device({0: 2301, 2: 2299, 1: 0, 4: 0, 5: 1, 3: 0}))
    made = driver(GROUPS, unit)
    who = await made.read(frozenset({"identity"}))
    assert who.identity is not None
    assert (who.identity.maker, who.identity.serial) == ("Acme", "")
    assert len((await made.read(ALL)).readings) == 3


async def test_a_device_that_restarts_is_not_taken_at_its_word() -> None:
    unit = RecordingUnit(device())
    made = driver(GROUPS, unit)
    due = frozenset({"live"})
    good = shown((await made.read(due)).readings)
    values = dict(unit.device.tables[Table.HOLDING])
    for refusals in (1, 3):
        unit.device.tables[Table.HOLDING].clear()
        for _ in range(refusals):
            with pytest.raises(ErrorResponse):
                await made.read(due)
        unit.device.tables[Table.HOLDING].update(values)
        assert shown((await made.read(due)).readings) == good


async def test_what_a_device_no_longer_has_is_not_supported_and_asked_for_again_in_an_hour() -> (
    None
):
    unit = RecordingUnit(device())
    made = driver(GROUPS, unit)
    due = frozenset({"live"})
    good = shown((await made.read(due)).readings)
    gone = unit.device.tables[Table.HOLDING].pop(2)
    with pytest.raises(ErrorResponse):
        await made.read(due)
    for _ in range(2):
        readings = (await made.read(due)).readings
        assert [(r.part, r.quality) for r in readings] == [
            ("l1", Quality.GOOD),
            ("l2", Quality.NOT_SUPPORTED),
        ]
    unit.device.tables[Table.HOLDING][2] = gone
    unit.ticks += ASK_AGAIN_MS
    await made.read(due)  # finds out
    assert shown((await made.read(due)).readings) == good


async def test_any_other_refusal_is_told_at_once() -> None:
    unit = RecordingUnit(device())
    unit.fail = lambda _read: BUSY
    with pytest.raises(ErrorResponse, match="device busy"):
        await driver(TEN, unit).read(ALL)
    assert len(unit.asked) == 1


async def test_a_function_it_does_not_know_costs_only_what_is_read_with_it() -> None:
    unit = RecordingUnit(device())
    refused = ErrorResponse(
        code=1,
        reason=verbatim("illegal function"),
        what=verbatim("x"),
        where="here",
        next_step=verbatim(""),
    )
    unit.fail = lambda read: refused if read.table is Table.INPUT else None
    inputs = "".join(f"  - {{table: input, at: {i}, quantity: voltage}}\n" for i in range(1))
    made = driver(TEN + inputs, unit)
    seen = await made.read(ALL)
    assert [r.quality for r in seen.readings].count(Quality.GOOD) == 10
    assert seen.readings[0].quality is Quality.NOT_SUPPORTED
    assert len(unit.asked) == 2


async def test_what_a_model_lacks_is_found_out_little_by_little_and_what_it_has_is_kept() -> None:
    """Its neighbours on the line wait for a few requests more than its plan, not for the search."""
    unit = RecordingUnit(device({i: i for i in range(0, 60, 2)}))
    made = driver(channels(60), unit, spare_ms=0)
    found: set[str] = set()
    served = failed = 0
    for _ in range(120):
        readings, requests = await polled(made, unit)
        assert requests <= served + 1 + min(EXTRA_READS << failed, MOST_EXTRA_READS)
        failed = 0 if readings is not None else failed + 1
        if readings is not None:
            assert found <= good(readings)
            found = good(readings)
            served = len(found)
        if readings and len(readings) == 60 and requests == 30:
            break
    else:
        pytest.fail("it was never found out")
    assert found == {f"channel={i}" for i in range(1, 61, 2)}
    assert [read.count for read in made.planned_reads()["live"]] == [1] * 30


async def test_what_was_found_out_leaves_no_more_requests_than_it_takes() -> None:
    unit = RecordingUnit(device({i: i for i in range(60) if i != 33}))
    made = driver(channels(60), unit)
    await made.read(ALL)
    readings, requests = await polled(made, unit)
    assert requests == 2
    assert [(r.address, r.count) for r in made.planned_reads()["live"]] == [(0, 33), (34, 26)]
    assert lacking(readings or ()) == {"channel=34"}


async def test_a_gap_the_map_calls_readable_and_the_device_refuses_is_cut_for_good() -> None:
    unit = RecordingUnit(device({0: 1, 9: 2}))
    gap = "readable: [{table: holding, first: 0, last: 9}]\n"
    points = "points:\n  - {at: 0, quantity: voltage}\n  - {at: 9, quantity: current}\n"
    made = driver(gap + points, unit)
    assert len((await made.read(ALL)).readings) == 2
    for _ in range(3):
        readings, requests = await polled(made, unit)
        assert (len(readings or ()), requests) == (2, 2)


async def test_a_device_that_restarts_while_its_plan_is_large_comes_back_whole() -> None:
    unit = RecordingUnit(device())
    made = driver(channels(60), unit, spare_ms=0)
    whole = good((await made.read(ALL)).readings)
    values = dict(unit.device.tables[Table.HOLDING])
    for polls in (1, 2, 40):
        unit.device.tables[Table.HOLDING].clear()
        for _ in range(polls):
            assert (await polled(made, unit))[0] is None
        unit.device.tables[Table.HOLDING].update(values)
        readings, requests = await polled(made, unit)
        assert good(readings or ()) == whole
        assert requests == 1


async def test_asking_again_costs_two_requests_a_poll_and_no_value() -> None:
    unit = RecordingUnit(device({i: i for i in range(60) if i not in range(20, 30)}))
    made = driver(channels(60), unit, spare_ms=0)
    while len(lacking((await polled(made, unit))[0] or ())) < 10:
        pass
    readings, planned = await polled(made, unit)
    unit.ticks += ASK_AGAIN_MS
    unit.device.set(Table.HOLDING, 20, range(10))  # new firmware
    for _ in range(6):
        again, requests = await polled(made, unit)
        assert requests <= planned + EXTRA_READS
        assert good(again or ()) >= good(readings or ())
    assert lacking(again or ()) == set()
    assert (await polled(made, unit))[1] == 1


@settings(max_examples=150, deadline=None)
@given(
    missing=st.sets(st.integers(0, 39), max_size=39),
    limit=st.integers(1, 40),
    spare_ms=st.sampled_from([0, 500, None]),
)
async def test_whatever_it_lacks_is_found_out_once_and_for_all(
    missing: set[int], limit: int, spare_ms: int | None
) -> None:
    unit = RecordingUnit(device({i: i for i in range(40) if i not in missing}))
    unit.device.limits[Table.HOLDING] = limit
    made = driver(channels(40), unit, spare_ms=spare_ms)
    readings, requests = None, 0
    for _ in range(400):
        whole = readings is not None and len(readings) == 40  # no sooner can it be the last
        planned = len(made.planned_reads()["live"]) if whole else -1
        readings, requests = await polled(made, unit)
        if readings is not None and len(readings) == 40 and requests == planned:
            break
    assert readings is not None
    assert good(readings) == {f"channel={i + 1}" for i in range(40) if i not in missing}
    assert lacking(readings) == {f"channel={i + 1}" for i in missing}
    assert requests == len(made.planned_reads()["live"])
    assert sum(read.count for read in made.planned_reads()["live"]) == 40 - len(missing)
