"""A printer whose agent is a real program: what goes wrong with it comes, and goes again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from drivers.printer.snmp.driver import PrinterDriver
from drivers.printer.snmp.poll_groups import COUNTERS, PERIODS, STATUS
from drivers.report import Code, Condition, Observation, Quantity, Severity, State
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Version
from tests.printer_walks import synthetic
from tests.snmp_peers import UdpPeer, snmpd

pytestmark = pytest.mark.peer("snmpd", "snmpset")

DEVICE_STATUS = "1.3.6.1.2.1.25.3.2.1.5.1"
PRINTER_STATUS = "1.3.6.1.2.1.25.3.5.1.1.1"
ERRORS = "1.3.6.1.2.1.25.3.5.1.2.1"
ALERT_SEVERITY = "1.3.6.1.2.1.43.18.1.1.2.1.3"
ALERT_GROUP = "1.3.6.1.2.1.43.18.1.1.4.1.3"
ALERT_CODE = "1.3.6.1.2.1.43.18.1.1.7.1.3"
LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4.1.1"
SERIAL = "1.3.6.1.2.1.43.5.1.1.17.1"
BLACK_LEVEL = "1.3.6.1.2.1.43.11.1.1.9.1.4"


@pytest.fixture
def printer() -> Iterator[UdpPeer]:
    with snmpd(synthetic("idle-colour-laser")) as peer:
        yield peer


async def change(peer: UdpPeer, *changes: tuple[str, str, str]) -> None:
    for oid, kind, value in changes:
        await asyncio.to_thread(peer.set, oid, kind, value)


def grave(seen: Observation) -> list[Condition]:
    return [c for c in seen.conditions or () if c.severity is not Severity.INFO]


@pytest.mark.req("C-17", "E-30")
@pytest.mark.parametrize("version", list(Version))
async def test_a_jam_comes_and_goes(printer: UdpPeer, version: Version) -> None:
    driver = PrinterDriver(SnmpAgent(printer.target(version)), lambda: 0)
    before = await driver.read(frozenset(PERIODS))
    assert (before.state, grave(before)) == (State.READY, [])

    await change(
        printer,
        (DEVICE_STATUS, "i", "5"),
        (PRINTER_STATUS, "i", "1"),
        (ERRORS, "x", "0400"),
        (ALERT_SEVERITY, "i", "3"),
        (ALERT_GROUP, "i", "13"),
        (ALERT_CODE, "i", "8"),
    )
    jammed = await driver.read(frozenset({STATUS}))

    assert jammed.state is State.ERROR
    (jam,) = grave(jammed)
    assert (jam.code, jam.severity) == (Code.MEDIA_JAM, Severity.ERROR)
    assert "= 8 (jam, class STOP" in jam.source
    assert "bit 5, jammed" in jam.source

    await change(
        printer,
        (DEVICE_STATUS, "i", "2"),
        (PRINTER_STATUS, "i", "3"),
        (ERRORS, "x", "0000"),
        (ALERT_SEVERITY, "i", "1"),
        (ALERT_GROUP, "i", "5"),
        (ALERT_CODE, "i", "1"),
    )
    after = await driver.read(frozenset({STATUS}))
    assert (after.state, grave(after)) == (State.READY, [])


@pytest.mark.parametrize(
    ("octets", "code", "severity"),
    [
        ("20", Code.SUPPLY_LOW, Severity.WARNING),
        ("2000", Code.SUPPLY_LOW, Severity.WARNING),
        ("0004", Code.MEDIA_EMPTY, Severity.WARNING),
        ("08", Code.COVER_OPEN, Severity.ERROR),
        ("0008", Code.OUTPUT_FULL, Severity.ERROR),
    ],
)
async def test_a_bit_alone_is_told(
    printer: UdpPeer, octets: str, code: Code, severity: Severity
) -> None:
    driver = PrinterDriver(SnmpAgent(printer.target()), lambda: 0)
    await driver.read(frozenset(PERIODS))

    await change(printer, (DEVICE_STATUS, "i", "3"), (ERRORS, "x", octets))
    seen = await driver.read(frozenset({STATUS}))

    (told,) = grave(seen)
    assert (told.code, told.severity) == (code, severity)


async def test_a_cartridge_that_is_low_is_named(printer: UdpPeer) -> None:
    driver = PrinterDriver(SnmpAgent(printer.target()), lambda: 0)
    await change(printer, (DEVICE_STATUS, "i", "3"), (ERRORS, "x", "20"), (BLACK_LEVEL, "i", "400"))

    seen = await driver.read(frozenset(PERIODS))

    (told,) = grave(seen)
    assert (told.code, told.component) == (Code.SUPPLY_LOW, "toner black")
    black = next(s for s in seen.supplies or () if s.colour == "black" and s.kind == "toner")
    assert black.level == 2


async def test_printing_is_running(printer: UdpPeer) -> None:
    driver = PrinterDriver(SnmpAgent(printer.target()), lambda: 0)
    await change(printer, (PRINTER_STATUS, "i", "4"))

    assert (await driver.read(frozenset(PERIODS))).state is State.RUNNING


async def test_what_it_counts_grows(printer: UdpPeer) -> None:
    driver = PrinterDriver(SnmpAgent(printer.target()), lambda: 0)
    (before,) = (await driver.read(frozenset(PERIODS))).readings
    assert isinstance(before.value, int)

    await change(printer, (LIFE_COUNT, "i", str(before.value + 5)))
    (after,) = (await driver.read(frozenset({COUNTERS}))).readings

    assert (after.quantity, after.value) == (Quantity.IMPRESSIONS, before.value + 5)


@pytest.mark.parametrize("version", list(Version))
async def test_another_printer_is_known_with_its_first_answer(
    printer: UdpPeer, version: Version
) -> None:
    driver = PrinterDriver(SnmpAgent(printer.target(version)), lambda: 0)
    await driver.read(frozenset(PERIODS))

    await change(printer, (SERIAL, "s", "EX-0099"))
    seen = await driver.read(frozenset({STATUS}))

    assert seen.identity
    assert seen.identity.serial == "EX-0099"
