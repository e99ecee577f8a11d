"""What is asked of a printer at each poll, and what becomes of silence and nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.templates.protocol import PORT_OPEN
from console.text import Message, verbatim
from drivers.printer.mib import ALERTS, DETECTED_ERRORS, DEVICE_STATUS, MARKERS, Row, Table, rows
from drivers.printer.mib import SUPPLIES as SUPPLIES_TABLE
from drivers.printer.snmp.driver import PrinterDriver
from drivers.printer.snmp.poll_groups import COUNTERS, IDENTITY, PERIODS, STATUS, SUPPLIES
from drivers.printer.snmp.variables import SERIAL_NUMBER
from drivers.report import Code, Quality, Severity, State
from protocols.errors import ErrorResponse, ProtocolError, Timeout
from protocols.snmp.model import Value
from protocols.snmp.replay import ReplayAgent
from protocols.snmp.snmprec import Walk
from tests.printer_walks import synthetic


def driver_of(walk: Walk) -> tuple[PrinterDriver, ReplayAgent]:
    agent = ReplayAgent(walk)
    return PrinterDriver(agent, lambda: 7), agent


async def test_a_printer_at_rest_is_asked_for_little() -> None:
    driver, agent = driver_of(synthetic("idle-colour-laser"))
    await driver.read(frozenset(PERIODS))
    agent.asked.clear()

    seen = await driver.read(frozenset({STATUS}))

    assert len(agent.asked) == 6
    assert agent.asked[-1] == ALERTS.entry
    assert seen.state is State.READY
    assert (seen.identity, seen.supplies, seen.readings) == (None, None, ())


async def test_each_group_brings_its_own() -> None:
    driver, _ = driver_of(synthetic("large-format"))

    counted = await driver.read(frozenset({COUNTERS}))
    assert counted.readings
    assert (counted.state, counted.conditions, counted.supplies) == (None, None, None)
    stocked = await driver.read(frozenset({SUPPLIES}))
    assert stocked.supplies
    assert (stocked.readings, stocked.identity, stocked.conditions) == ((), None, None)
    named = await driver.read(frozenset({IDENTITY}))
    assert named.identity
    assert named.identity.maker == "EPSON"


async def test_while_something_is_wrong_its_parts_are_looked_at_with_every_status() -> None:
    walk = synthetic("jam-tray-empty-toner-low")
    driver, agent = driver_of(walk)
    before = await driver.read(frozenset(PERIODS))
    assert before.conditions
    agent.recording = synthetic("idle-colour-laser")

    after = await driver.read(frozenset({STATUS}))

    assert {c.severity for c in after.conditions or ()} <= {Severity.INFO}
    assert "1.3.6.1.2.1.43.8.2.1" in agent.asked


async def test_the_first_status_alone_is_whole() -> None:
    driver, _ = driver_of(synthetic("jam-tray-empty-toner-low"))

    seen = await driver.read(frozenset({STATUS}))

    assert {c.code for c in seen.conditions or ()} >= {Code.MEDIA_JAM, Code.MEDIA_EMPTY}


async def test_an_agent_that_is_no_printer_s_is_told() -> None:
    driver, _ = driver_of(Walk.parse("1.3.6.1.2.1.1.1.0|4|A switch\n"))

    with pytest.raises(ErrorResponse, match="not as a printer"):
        await driver.read(frozenset(PERIODS))


async def test_it_stops_at_the_first_silence() -> None:
    driver, agent = driver_of(synthetic("idle-colour-laser"))
    await driver.read(frozenset(PERIODS))
    agent.asked.clear()
    agent.silent = True

    with pytest.raises(Timeout):
        await driver.read(frozenset(PERIODS))
    assert len(agent.asked) == 5  # of one request


async def test_a_read_ends_although_every_answer_comes() -> None:
    """An agent whose tables take long: as silent as can be, and no fault of ours."""

    class Slow(ReplayAgent):
        async def walk(self, base: str, columns: Collection[int] = ()) -> Mapping[str, Value]:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets it")

    driver = PrinterDriver(Slow(synthetic("idle-colour-laser")), lambda: 7, limit_s=0.05)

    with pytest.raises(Timeout, match="took more than"):
        await driver.read(frozenset(PERIODS))


# --- what an agent refuses ------------------------------------------------------------------------


class Refusing(ReplayAgent):
    """Refuses what lies below one of some identifiers."""

    def __init__(self, walk: Walk, *refused: str) -> None:
        super().__init__(walk)
        self.refused = refused

    async def _answering(self, *oids: str) -> None:
        await super()._answering(*oids)
        if any(oid.startswith(self.refused) for oid in oids):
            step = "Let it be read"
            raise ErrorResponse(
                code=5,
                reason=verbatim("general error"),
                what=verbatim("no"),
                where=self.where,
                next_step=verbatim(step),
            )


async def test_names_and_places_that_are_refused_cost_only_themselves() -> None:
    walk = synthetic("jam-tray-empty-toner-low")
    tables = ("1.3.6.1.2.1.2.2", *(f"1.3.6.1.2.1.43.{n}." for n in (6, 7, 8, 9, 12)))
    driver = PrinterDriver(Refusing(walk, *tables), lambda: 7)

    seen = await driver.read(frozenset(PERIODS))

    assert seen.identity
    assert seen.identity.serial == "EX-0002"
    assert Code.MEDIA_JAM in {c.code for c in seen.conditions or ()}
    assert seen.supplies
    assert seen.readings


@pytest.mark.parametrize("table", [ALERTS, SUPPLIES_TABLE, MARKERS])
async def test_what_must_not_look_empty_is_told_as_refused(table: Table) -> None:
    """No alerts, no supplies and no counts are three good answers; these are none."""
    agent = Refusing(synthetic("idle-colour-laser"), table.entry)

    with pytest.raises(ErrorResponse):
        await PrinterDriver(agent, lambda: 7).read(frozenset(PERIODS))


# --- another printer at the same address ----------------------------------------------------------


@pytest.mark.parametrize("due", [STATUS, COUNTERS, SUPPLIES])
async def test_another_printer_is_told_with_the_first_that_it_says(due: str) -> None:
    driver, agent = driver_of(synthetic("idle-colour-laser"))
    before = await driver.read(frozenset(PERIODS))
    agent.recording = synthetic("jam-tray-empty-toner-low")

    seen = await driver.read(frozenset({due}))

    assert before.identity
    assert seen.identity
    assert (before.identity.serial, seen.identity.serial) == ("EX-0001", "EX-0002")
    assert seen.supplies != before.supplies
    assert seen.supplies


async def test_the_supplies_of_the_one_before_name_nothing_any_more() -> None:
    driver, agent = driver_of(synthetic("jam-tray-empty-toner-low"))
    await driver.read(frozenset(PERIODS))
    agent.recording = synthetic("waste-full-and-motor")

    seen = await driver.read(frozenset({STATUS}))

    fresh, _ = driver_of(synthetic("waste-full-and-motor"))
    assert seen.conditions == (await fresh.read(frozenset(PERIODS))).conditions


async def test_a_serial_number_that_is_not_told_for_once_changes_nobody() -> None:
    walk = synthetic("idle-colour-laser")
    driver, agent = driver_of(walk)
    await driver.read(frozenset(PERIODS))
    for odd in (b"", None):
        rows = dict(walk.rows)
        rows.pop(f"{SERIAL_NUMBER}.1")
        agent.recording = Walk(rows if odd is None else rows | {f"{SERIAL_NUMBER}.1": odd})

        assert (await driver.read(frozenset({STATUS}))).identity is None


async def test_a_bit_and_an_alert_of_one_tray_are_one_condition() -> None:
    rows = dict(synthetic("idle-colour-laser").rows)
    alert = {2: 3, 3: 3, 4: 8, 5: 2, 6: 0, 7: 801}
    rows |= {f"{ALERTS.entry}.{column}.1.9": value for column, value in alert.items()}
    rows |= {f"{DETECTED_ERRORS}.1": bytes((0, 0x80)), f"{DEVICE_STATUS}.1": 5}
    driver, _ = driver_of(Walk.parse(Walk(rows).text()))

    seen = await driver.read(frozenset(PERIODS))

    (missing,) = [c for c in seen.conditions or () if c.code is Code.TRAY_MISSING]
    assert missing.component == "tray 2"
    assert "inputTrayMissing" in missing.source
    assert "= 801 (inputMediaTrayMissing, class STOP" in missing.source


@pytest.mark.req("C-20")
async def test_a_printer_that_counts_nothing_says_so() -> None:
    rows = {k: v for k, v in synthetic("v1-bare").rows.items() if ".43.10." not in k}
    driver, _ = driver_of(Walk(rows))

    (count,) = (await driver.read(frozenset({COUNTERS}))).readings

    assert (count.value, count.quality) == (None, Quality.NOT_SUPPORTED)


@pytest.mark.parametrize(
    ("known", "words_told"), [(True, "while they are jammed"), (False, "turn SNMP on")]
)
async def test_silence_of_a_printer_that_is_there_is_told_as_such(
    known: bool, words_told: str
) -> None:
    async def there() -> Message:
        return PORT_OPEN(port=631)

    agent = ReplayAgent(synthetic("idle-colour-laser"))
    driver = PrinterDriver(agent, lambda: 7, there)
    if known:
        await driver.read(frozenset(PERIODS))
    agent.silent = True

    with pytest.raises(Timeout, match="the printer is on the network: TCP port 631") as caught:
        await driver.read(frozenset({STATUS}))

    assert words_told in str(caught.value.next_step)


VALUES = st.integers(-(2**31), 2**64) | st.binary(max_size=40) | st.just("1.3.6.1.2.1.25.3.1.5")
NAMES = sorted(
    {oid for name in ("garbage", "waste-full-and-motor") for oid in synthetic(name).rows}
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.booleans())
async def test_whatever_an_agent_says_there_is_a_report(
    said: Mapping[str, Value], whole: bool
) -> None:
    base = dict(synthetic("waste-full-and-motor").rows) if whole else {}
    text = Walk(base | dict(said)).text()
    driver, _ = driver_of(Walk.parse(text))
    try:
        seen = await driver.read(frozenset(PERIODS))
    except ProtocolError:
        return
    for reading in seen.readings:
        assert (reading.value is None) == (reading.quality is not Quality.GOOD)
    for supply in seen.supplies or ():
        assert supply.level is None or 0 <= supply.level <= 100


def test_rows_of_a_table_are_found_by_index() -> None:
    found: dict[str, Value] = {"1.3.6.2.1.1": 5, "1.3.6.2.1.10": 6, "1.3.61.2.1.1": 7, "1.3.6.2": 8}

    assert rows(found, "1.3.6") == {(1, 1): Row({2: 5}), (1, 10): Row({2: 6})}
