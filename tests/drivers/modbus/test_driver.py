"""The driver that executes profiles: what is read when, and what it becomes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from console.templates import condition as templates
from console.text import verbatim
from drivers.installation import Installation
from drivers.report import Code, EvidenceKind, Quantity, Severity, State
from protocols.errors import Timeout
from protocols.modbus.planner import Table
from tests.drivers.modbus.driver_harness import ALL, GROUPS, RecordingUnit, device, driver, shown


async def test_only_what_is_due_is_read_and_who_it_is_comes_first() -> None:
    unit = RecordingUnit(device())
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
    unit = RecordingUnit(device())
    made = driver(
        "points:\n  - {at: 0, quantity: voltage}\n  - {at: 50, quantity: current}\n", unit
    )
    seen = await made.read(ALL)
    assert [reading.at for reading in seen.readings] == [150, 350]


async def test_the_first_timeout_ends_the_read() -> None:
    unit = RecordingUnit(device())
    made = driver(
        "points:\n  - {at: 0, quantity: voltage}\n  - {at: 50, quantity: current}\n", unit
    )
    unit.fail = lambda _read: Timeout(verbatim("nothing"), where="here")
    for _ in range(2):
        with pytest.raises(Timeout):
            await made.read(ALL)
    assert unit.asked == [("holding", 0, 1)] * 2


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
    unit = RecordingUnit(device(WHO | {0: 1, 1: 0b1001, 2: 7, 3: 0x1234, 4: 0xFFFE}))
    unit.device.set(Table.COIL, 5, [1])
    made = driver(SIGNS, unit)
    seen = await made.read(ALL)
    assert seen.state is State.RUNNING
    assert seen.identity is not None
    assert (seen.identity.firmware, seen.identity.serial) == ("V1.2", "A1")
    assert seen.conditions is not None
    assert {(c.code, c.component, c.severity, c.source) for c in seen.conditions} == {
        (Code.OVERCURRENT, "l1", Severity.ERROR, "holding 1 = 0x9 (bit 0 is set)"),
        (Code.COVER_OPEN, "", Severity.WARNING, "holding 1 = 0x9 (bit 3 is set)"),
        (Code.HARDWARE_FAILURE, "", Severity.SERVICE_CALL, "holding 2 = 0x7"),
        (Code.PHASE_SEQUENCE, "", Severity.WARNING, "holding 4 = 0xfffe"),
        (Code.LEAK, "", Severity.ERROR, "coil 5 = 0x1"),
    }


async def test_a_condition_set_is_whole_although_only_a_part_was_asked() -> None:
    unit = RecordingUnit(device(WHO | {0: 0, 1: 0b1000, 2: 7, 3: 0x1234}))
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
    unit = RecordingUnit(device(WHO | {0: 9, 1: 0, 2: 0, 3: 0x7777}))
    unit.device.set(Table.COIL, 5, [0])
    seen = await driver(SIGNS, unit).read(ALL)
    assert seen.state is State.OTHER  # a number the map does not list
    (condition,) = seen.conditions or ()
    assert (condition.code, condition.component) == (Code.IDENTITY_CHANGED, "model")
    assert condition.message == templates.OTHER_MODEL(maker="Acme", model="X1")
    (entry,) = condition.evidence
    assert (entry.kind, entry.address, entry.value) == (
        EvidenceKind.REGISTER,
        "holding 3",
        "0x7777",
    )
    assert str(entry.meaning) == "expected: 0x1234 and 0x1235"


async def test_a_device_without_a_status_register_does_what_its_profile_says() -> None:
    unit = RecordingUnit(device())
    made = driver("state: running\npoints:\n  - {at: 0, quantity: voltage}\n", unit)
    seen = await made.read(ALL)
    assert seen.state is State.RUNNING
    assert seen.identity is not None
    assert (seen.identity.maker, seen.identity.model) == ("Acme", "X1")


# --- what the layout allows ---------------------------------------------------------------------


async def test_points_may_share_registers_and_read_them_in_any_way() -> None:
    unit = RecordingUnit(device({0: 0x1234, 1: 0x5678, 2: 0xFFFF, 3: 0x4142, 4: 0x4300}))
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
    unit = RecordingUnit(
        device({0: 2301, 1: 1234, 2: 100, 3: 7, 4: 9, 5: 500, 6: 950, 7: 3, 8: 5000})
    )
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
        Installation(current_ratio=Fraction("12.5"), voltage_ratio=Fraction(2), reversed=reverse),
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
