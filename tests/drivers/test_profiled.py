"""The driver that executes profiles: what is read when, and what it becomes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from drivers.installation import AS_MEASURED, Installation
from drivers.profile import read
from drivers.profiled import ASK_AGAIN_MS, ProfiledDriver
from drivers.report import Code, Quality, Quantity, Reading, Severity, State
from protocols.errors import ProtocolError, Refused, Timeout
from protocols.fakes import ReplayWire
from protocols.line import Line
from protocols.modbus import Block, ModbusUnit
from protocols.planner import TCP, Read, Table
from protocols.simulator import Unit

HEAD = "version: 1\nmaker: Acme\nmodel: X1\nsources: [the map, another]\n"
ALL = frozenset({"identity", "live", "slow"})


class Watched:
    """A unit that notes what it is asked, over a simulated device."""

    def __init__(self, device: Unit) -> None:
        self.device = device
        self.asked: list[tuple[str, int, int]] = []
        self.fail: Callable[[Read], ProtocolError | None] = lambda _read: None
        self.ticks = 0
        self._unit = ModbusUnit(Line(ReplayWire({1: device})), 1, now=self.now)
        self.cost = TCP

    def now(self) -> int:
        self.ticks += 100
        return self.ticks

    async def read(self, read: Read) -> Block:
        self.asked.append((read.table.value, read.address, read.count))
        if error := self.fail(read):
            raise error
        return await self._unit.read(read)


def device(holding: dict[int, int] | None = None) -> Unit:
    unit = Unit()
    unit.tables[Table.HOLDING].update(holding or dict.fromkeys(range(200), 0))
    return unit


def driver(profile: str, unit: Watched, installation: Installation = AS_MEASURED) -> ProfiledDriver:
    return ProfiledDriver(read((HEAD + profile).encode(), "x.yaml"), unit, installation)


def shown(readings: tuple[Reading, ...]) -> list[tuple[str, str, int | str | None, int]]:
    return [(r.quantity.value, r.part, r.value, r.resolution) for r in readings]


GROUPS = """\
readable: [{table: holding, first: 0, last: 20}]
groups: {slow: {every_s: 60}}
points:
  - {at: 0, quantity: voltage, part: l1, scale: 0.1}
  - {at: 2, quantity: voltage, part: l2, scale: 0.1}
  - {at: 4, type: uint32, quantity: energy.import, scale: 10, group: slow}
  - {at: 100, type: uint32, identity: serial}
"""


async def test_only_what_is_due_is_read_and_who_it_is_comes_first() -> None:
    unit = Watched(device())
    unit.device.set(Table.HOLDING, 0, [2301, 9, 2299, 9, 1, 2])
    unit.device.set_uint32(Table.HOLDING, 100, 4711)
    made = driver(GROUPS, unit)

    live = await made.read(frozenset({"live"}))
    assert unit.asked == [("holding", 0, 3)]
    assert shown(live.readings) == [("voltage", "l1", 2301, -1), ("voltage", "l2", 2299, -1)]
    assert live.identity is None
    assert live.conditions is None
    assert live.state is None

    unit.asked.clear()
    whole = await made.read(ALL)
    assert unit.asked == [("holding", 100, 2), ("holding", 0, 6)]
    assert whole.identity is not None
    assert (whole.identity.serial, whole.identity.model) == ("4711", "X1")
    assert shown(whole.readings)[2] == ("energy.import", "", 65538, 1)

    unit.asked.clear()
    assert (await made.read(frozenset({"slow"}))).readings[0].value == 65538
    assert unit.asked == [("holding", 4, 2)]
    unit.asked.clear()
    assert (await made.read(frozenset())).readings == ()
    assert unit.asked == []


async def test_each_reading_is_dated_by_its_own_transaction() -> None:
    unit = Watched(device())
    made = driver(
        "points:\n  - {at: 0, quantity: voltage}\n  - {at: 50, quantity: current}\n", unit
    )
    seen = await made.read(ALL)
    assert [reading.at for reading in seen.readings] == [150, 350]


async def test_the_first_timeout_ends_the_read() -> None:
    unit = Watched(device())
    made = driver(
        "points:\n  - {at: 0, quantity: voltage}\n  - {at: 50, quantity: current}\n", unit
    )
    unit.fail = lambda _read: Timeout("nothing", where="here")
    for _ in range(2):
        with pytest.raises(Timeout):
            await made.read(ALL)
    assert unit.asked == [("holding", 0, 1)] * 2


# --- refusals -----------------------------------------------------------------------------------

TEN = "points:\n" + "".join(
    f"  - {{at: {i}, quantity: current, part: channel={i + 1}}}\n" for i in range(10)
)


@pytest.mark.req("C-20")
async def test_a_register_this_firmware_lacks_costs_only_itself_and_is_remembered() -> None:
    unit = Watched(device({i: i for i in range(10) if i != 7}))
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
    unit = Watched(device())
    unit.device.limits[Table.HOLDING] = 4  # it refuses longer ones as illegal values
    made = driver(TEN, unit)
    assert len((await made.read(ALL)).readings) == 10
    unit.asked.clear()
    await made.read(ALL)
    assert all(count <= 4 for _, _, count in unit.asked)


async def test_a_device_that_refuses_everything_is_not_the_profiles() -> None:
    unit = Watched(device({999: 1}))
    made = driver(TEN, unit)
    for _ in range(2):
        with pytest.raises(Refused, match="illegal data address"):
            await made.read(ALL)
    unit.device.tables[Table.HOLDING].update(dict.fromkeys(range(10), 5))  # the right one, later
    assert [r.value for r in (await made.read(ALL)).readings] == [5] * 10


async def test_a_missing_serial_number_is_no_reason_not_to_read_a_meter() -> None:
    unit = Watched(device({0: 2301, 2: 2299, 1: 0, 4: 0, 5: 1, 3: 0}))
    made = driver(GROUPS, unit)
    who = await made.read(frozenset({"identity"}))
    assert who.identity is not None
    assert (who.identity.maker, who.identity.serial) == ("Acme", "")
    assert len((await made.read(ALL)).readings) == 3


async def test_a_device_that_restarts_is_not_taken_at_its_word() -> None:
    unit = Watched(device())
    made = driver(GROUPS, unit)
    due = frozenset({"live"})
    good = shown((await made.read(due)).readings)
    values = dict(unit.device.tables[Table.HOLDING])
    for refusals in (1, 3):
        unit.device.tables[Table.HOLDING].clear()
        for _ in range(refusals):
            with pytest.raises(Refused):
                await made.read(due)
        unit.device.tables[Table.HOLDING].update(values)
        assert shown((await made.read(due)).readings) == good


async def test_what_a_device_no_longer_has_is_not_supported_and_asked_for_again_in_an_hour() -> (
    None
):
    unit = Watched(device())
    made = driver(GROUPS, unit)
    due = frozenset({"live"})
    good = shown((await made.read(due)).readings)
    gone = unit.device.tables[Table.HOLDING].pop(2)
    with pytest.raises(Refused):
        await made.read(due)
    for _ in range(2):
        readings = (await made.read(due)).readings
        assert [(r.part, r.quality) for r in readings] == [
            ("l1", Quality.GOOD),
            ("l2", Quality.NOT_SUPPORTED),
        ]
    unit.device.tables[Table.HOLDING][2] = gone
    unit.ticks += ASK_AGAIN_MS
    assert shown((await made.read(due)).readings) == good


async def test_any_other_refusal_is_told_at_once() -> None:
    unit = Watched(device())
    busy = Refused(code=6, reason="device busy", what="refused", where="here", next_step="Wait")
    unit.fail = lambda _read: busy
    with pytest.raises(Refused, match="device busy"):
        await driver(TEN, unit).read(ALL)
    assert len(unit.asked) == 1


# --- states, conditions, identity ---------------------------------------------------------------

SIGNS = """\
groups: {slow: {every_s: 60}}
points:
  - {at: 0, states: {0: ready, 0x0001: running, 2: error}}
  - at: 1
    bits:
      0: {code: overcurrent, severity: error, component: l1, message: Overcurrent on phase 1}
      3: {code: cover.open, severity: warning}
  - {at: 2, values: {7: {code: hardware.failure, severity: service_call}}, group: slow}
  - {at: 4, type: int16, values: {-2: {code: phase.sequence, severity: warning}}}
  - {at: 3, match: [4660, 4661]}
  - {at: 10, type: string, registers: 3, identity: firmware}
  - {at: 20, type: wide_string, registers: 3, identity: serial}
  - {at: 5, table: coil, type: bit, values: {1: {code: leak, severity: error}}}
"""
WHO = {4: 0, 10: 0x5631, 11: 0x2E32, 12: 0, 20: ord("A"), 21: ord("1"), 22: 0}


@pytest.mark.req("E-30")
async def test_registers_become_state_identity_and_conditions() -> None:
    unit = Watched(device(WHO | {0: 1, 1: 0b1001, 2: 7, 3: 0x1234, 4: 0xFFFE}))
    unit.device.set(Table.COIL, 5, [1])
    made = driver(SIGNS, unit)
    seen = await made.read(ALL)
    assert seen.state is State.RUNNING
    assert seen.identity is not None
    assert (seen.identity.firmware, seen.identity.serial) == ("V1.2", "A1")
    assert seen.conditions is not None
    assert {(c.code, c.component, c.severity, c.source) for c in seen.conditions} == {
        (Code.OVERCURRENT, "l1", Severity.ERROR, "holding 1 = 0x9, bit 0"),
        (Code.COVER_OPEN, "", Severity.WARNING, "holding 1 = 0x9, bit 3"),
        (Code.HARDWARE_FAILURE, "", Severity.SERVICE_CALL, "holding 2 = 0x7"),
        (Code.PHASE_SEQUENCE, "", Severity.WARNING, "holding 4 = 0xfffe"),
        (Code.LEAK, "", Severity.ERROR, "coil 5 = 0x1"),
    }


async def test_a_condition_set_is_whole_although_only_a_part_was_asked() -> None:
    unit = Watched(device(WHO | {0: 0, 1: 0b1000, 2: 7, 3: 0x1234}))
    unit.device.set(Table.COIL, 5, [0])
    made = driver(SIGNS, unit)
    await made.read(ALL)
    unit.device.set(Table.HOLDING, 1, [0])
    seen = await made.read(frozenset({"live"}))
    assert [c.code for c in seen.conditions or ()] == [Code.HARDWARE_FAILURE]
    unit.device.set(Table.HOLDING, 2, [0])
    assert (await made.read(frozenset({"slow"}))).conditions == ()
    assert (await made.read(frozenset({"identity"}))).conditions == ()


async def test_another_model_at_this_address_is_said() -> None:
    unit = Watched(device(WHO | {0: 9, 1: 0, 2: 0, 3: 0x7777}))
    unit.device.set(Table.COIL, 5, [0])
    seen = await driver(SIGNS, unit).read(ALL)
    assert seen.state is State.OTHER  # a number the map does not list
    (condition,) = seen.conditions or ()
    assert (condition.code, condition.component) == (Code.IDENTITY_CHANGED, "model")
    assert "Acme X1" in condition.message
    assert condition.source == "holding 3 = 0x7777"


async def test_a_device_without_a_status_register_does_what_its_profile_says() -> None:
    unit = Watched(device())
    made = driver("state: running\npoints:\n  - {at: 0, quantity: voltage}\n", unit)
    seen = await made.read(ALL)
    assert seen.state is State.RUNNING
    assert seen.identity is not None
    assert (seen.identity.maker, seen.identity.model) == ("Acme", "X1")


# --- what the layout allows ---------------------------------------------------------------------


async def test_points_may_share_registers_and_read_them_in_any_way() -> None:
    unit = Watched(device({0: 0x1234, 1: 0x5678, 2: 0xFFFF, 3: 0x4142, 4: 0x4300}))
    made = driver(
        """\
points:
  - {at: 0, type: uint32, quantity: current, part: channel=1}
  - {at: 0, type: uint32, words: low_first, quantity: current, part: channel=2}
  - {at: 1, type: uint16, quantity: current, part: channel=3, absent: [22136]}
  - {at: 2, type: int16, quantity: current, part: channel=4}
  - {at: 3, type: string, registers: 2, quantity: note}
""",
        unit,
    )
    seen = await made.read(ALL)
    assert unit.asked == [("holding", 0, 5)]
    values = {reading.part: reading.value for reading in seen.readings}
    assert values == {
        "channel=1": 0x12345678,
        "channel=2": 0x56781234,
        "channel=3": None,
        "channel=4": -1,
        "": "ABC",
    }


@pytest.mark.parametrize("reverse", [False, True])
async def test_ratio_and_direction_belong_to_the_installation(reverse: bool) -> None:
    unit = Watched(device({0: 2301, 1: 1234, 2: 100, 3: 7, 4: 9, 5: 500, 6: 950, 7: 3, 8: 5000}))
    made = driver(
        """\
points:
  - {at: 0, quantity: voltage, scale: 0.1}
  - {at: 1, quantity: current, scale: 0.001}
  - {at: 2, quantity: power.active}
  - {at: 3, quantity: energy.import, scale: 1000}
  - {at: 4, quantity: energy.export, scale: 1000}
  - {at: 5, quantity: temperature, scale: 0.1}
  - {at: 6, quantity: power_factor, scale: 0.001}
  - {at: 7, quantity: demand.active.peak}
  - {at: 8, quantity: frequency, scale: 0.01}
""",
        unit,
        Installation(current_ratio=Decimal("12.5"), voltage_ratio=Decimal(2), reversed=reverse),
    )
    seen = {reading.quantity: reading for reading in (await made.read(ALL)).readings}

    def exact(quantity: Quantity) -> Decimal | None:
        reading = seen[quantity]
        assert not isinstance(reading.value, str)
        return None if reading.value is None else Decimal(reading.value).scaleb(reading.resolution)

    sign = -1 if reverse else 1
    imported, exported = (
        (Quantity.ENERGY_EXPORT, Quantity.ENERGY_IMPORT)
        if reverse
        else (Quantity.ENERGY_IMPORT, Quantity.ENERGY_EXPORT)
    )
    assert exact(Quantity.VOLTAGE) == Decimal("460.2")
    assert exact(Quantity.CURRENT) == Decimal("15.425")
    assert exact(Quantity.POWER_ACTIVE) == 2500 * sign
    assert exact(imported) == 175_000
    assert exact(exported) == 225_000
    assert exact(Quantity.TEMPERATURE) == 50
    assert exact(Quantity.POWER_FACTOR) == Decimal("0.95") * sign
    assert exact(Quantity.FREQUENCY) == 50
    # the peak of the other direction is not known
    assert exact(Quantity.DEMAND_ACTIVE_PEAK) == (None if reverse else 75)
