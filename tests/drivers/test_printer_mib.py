"""The Printer MIB's parts one by one: texts, supplies, counters, identity, conditions, polls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.driver import DRIVERS, DeviceUrl
from drivers.printer_mib import alerts, counters, supplies
from drivers.printer_mib.conditions import Status, conditions, state
from drivers.printer_mib.driver import PrinterDriver
from drivers.printer_mib.identity import Told, identity
from drivers.printer_mib.poll_groups import COUNTERS, IDENTITY, PERIODS, STATUS, SUPPLIES
from drivers.printer_mib.tables import ALERTS, Index, Row, rows
from drivers.printer_mib.tables import SUPPLIES as SUPPLIES_TABLE
from drivers.printer_mib.text import LIMIT, evidence, words
from drivers.printer_mib.trouble import Trouble
from drivers.report import Code, Quality, Quantity, Severity, State, SupplyState
from drivers.severity.detected_errors import DETECTED_ERRORS
from drivers.shelf import ReadyShelf
from protocols.errors import ProtocolError, Refused, Timeout
from protocols.snmp import Value
from protocols.snmp_replay import ReplayAgent
from protocols.snmprec import Walk
from tests.printer_walks import synthetic

CALM = Status(device=2, printer=3, errors=b"\0")


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "charset", "said"),
    [
        (b"Tray 1", None, "Tray 1"),
        ("トレイ".encode(), 17, "トレイ"),
        ("紙づまり".encode("cp932"), 17, "紙づまり"),
        ("紙づまり".encode("euc-jp"), 18, "紙づまり"),
        ("Récupérateur".encode("latin-1"), 106, "Récupérateur"),
        ("€".encode("cp1252"), 2252, "€"),
        ("トレイ".encode("utf-16-be"), 1013, "トレイ"),
        (b"a\x00hidden", 3, "a"),
        (b"\x1b[31mred\r\n\tline", 3, "[31mred line"),
        (b"\xff\xfe\xfd", 9999, "ÿþý"),
        (b"", 106, ""),
    ],
)
def test_octets_become_words_in_whatever_they_are_encoded(
    octets: bytes, charset: int | None, said: str
) -> None:
    assert words(octets, charset) == said


@given(st.binary(max_size=400), st.none() | st.integers(-1, 3000))
def test_words_never_fail_and_fit_a_line(octets: bytes, charset: int | None) -> None:
    said = words(octets, charset)

    assert len(said) <= LIMIT
    assert said.isprintable()
    assert said == said.strip()


def test_evidence_keeps_octets_that_are_no_plain_text() -> None:
    assert evidence(b"Ready") == "'Ready'"
    assert evidence("é".encode()) == "0xc3a9"


# --- supplies -----------------------------------------------------------------------------------


def one_supply(**columns: int | bytes) -> supplies.Seen:
    found: dict[str, Value] = {
        f"{SUPPLIES_TABLE.entry}.{name[1:]}.1.1": value for name, value in columns.items()
    }
    (seen,) = supplies.seen(found, 1, None)
    return seen


@pytest.mark.req("C-20", "E-32")
@pytest.mark.parametrize(
    ("level", "capacity", "percent", "said"),
    [
        (50, 100, 50, SupplyState.OK),
        (7500, 15000, 50, SupplyState.OK),
        (10, 100, 10, SupplyState.LOW),
        (1, 30000, 1, SupplyState.LOW),
        (0, 100, 0, SupplyState.EMPTY),
        (99999, 100000, 99, SupplyState.OK),
        (105, 100, 100, SupplyState.OK),
        (500, 100, None, SupplyState.UNKNOWN),
        (0, -2, None, SupplyState.UNKNOWN),
        (9, -2, None, SupplyState.UNKNOWN),
        (-1, 100, None, SupplyState.UNKNOWN),
        (-2, 100, None, SupplyState.UNKNOWN),
        (-3, -2, None, SupplyState.SOME_LEFT),
        (-3, 100, None, SupplyState.SOME_LEFT),
    ],
)
def test_a_level_is_per_cent_or_a_word_and_never_0_for_unknown(
    level: int, capacity: int, percent: int | None, said: SupplyState
) -> None:
    supply = one_supply(c5=3, c6=b"Toner", c8=capacity, c9=level).supply

    assert (supply.level, supply.state) == (percent, said)
    assert supply.capacity == (capacity if capacity > 0 else None)


def test_a_level_in_per_cent_needs_no_capacity() -> None:
    assert one_supply(c5=9, c7=19, c8=-2, c9=9).supply.level == 9


def test_of_a_receptacle_it_is_the_space_that_is_left() -> None:
    waste = one_supply(c4=4, c5=4, c6=b"Waste", c7=19, c8=100, c9=67)

    assert (waste.supply.kind, waste.supply.level) == ("waste", 67)
    assert one_supply(c4=4, c5=8, c6=b"Box", c8=100, c9=1).supply.kind == "maintenance_tank"


@pytest.mark.parametrize(
    ("name", "kind", "colour"),
    [
        ("Toner (Cyan)", "toner", "cyan"),
        ("Black Drum Cartridge", "drum", "black"),
        ("廃トナーボックス", "waste", ""),
        ("マゼンタインク", "ink", "magenta"),
        ("Image Transfer Belt Unit", "transfer_unit", ""),
        ("HP CF410A", "other", ""),
    ],
)
def test_where_the_type_is_not_told_the_name_is_asked(name: str, kind: str, colour: str) -> None:
    supply = one_supply(c6=name.encode(), c8=100, c9=50).supply

    assert (supply.kind, supply.colour) == (kind, colour)


def test_two_supplies_that_are_called_alike_are_told_apart_by_number() -> None:
    found: dict[str, Value] = {
        f"{SUPPLIES_TABLE.entry}.5.1.{row}": kind for row, kind in ((1, 3), (2, 3), (7, 9))
    }

    assert [one.component for one in supplies.seen(found, 1, None)] == [
        "supply 1",
        "supply 2",
        "drum",
    ]


# --- counters -----------------------------------------------------------------------------------


def counted(*markers: tuple[int | None, int, int]) -> list[tuple[str, str, int | None, int, str]]:
    """Of markers as (unit, count, colorants)."""
    table: dict[Index, Row] = {}
    for number, (unit, count, colorants) in enumerate(markers, 1):
        row = Row({4: count, 6: colorants})
        table[(1, number)] = row if unit is None else Row(row | {3: unit})
    return [
        (r.quantity.value, r.part, r.value if isinstance(r.value, int) else None, r.resolution,
         r.quality.value)
        for r in counters.readings(table, 5)
    ]  # fmt: skip


@pytest.mark.req("C-20")
def test_a_count_has_the_unit_that_the_printer_says() -> None:
    assert counted((7, 12, 4)) == [("impressions", "", 12, 0, "good")]
    assert counted((8, 12, 4)) == [("sheets", "", 12, 0, "good")]
    assert counted((17, 12, 4)) == [("length", "", 12, 0, "good")]
    assert counted((16, 10, 1)) == [("length", "", 30480, -4, "good")]
    assert counted((3, 10_000, 1)) == [("length", "", 2_540_000, -8, "good")]
    assert counted((11, 2, 1)) == [("operating_time", "", 7200, 0, "good")]


@pytest.mark.req("C-20")
def test_a_count_without_a_unit_is_not_guessed() -> None:
    missing = [("impressions", "", None, 0, "not_available")]

    assert counted((None, 12, 4)) == counted((2, 12, 4)) == missing
    assert counted((6, 12, 4)) == []  # lines, which we do not count
    assert counted() == []


@pytest.mark.req("C-20")
def test_a_count_below_nothing_is_none() -> None:
    assert counted((7, -1, 4)) == [("impressions", "", None, 0, "out_of_range")]


def test_two_markers_told_apart_by_colorants_count_mono_and_colour() -> None:
    assert counted((7, 100, 4), (7, 30, 1)) == [
        ("impressions", "", 130, 0, "good"),
        ("impressions", "colour=mono", 30, 0, "good"),
        ("impressions", "colour=colour", 100, 0, "good"),
    ]
    assert counted((7, 100, 4), (7, 30, 4)) == [("impressions", "", 130, 0, "good")]
    assert len(counted((7, 1, 1), (7, 2, 1), (7, 3, 4))) == 1


def test_epson_s_lengths_and_areas_are_metres() -> None:
    base = counters.EPSON_TOTALS
    found: dict[str, Value] = {
        f"{base}.3.1.1": 14, f"{base}.4.1.1": 127_934, f"{base}.3.1.2": 17, f"{base}.4.1.2": 780_040
    }  # fmt: skip

    length, area = counters.epson_readings(found, 1)

    assert (length.quantity, length.value, length.resolution) == (Quantity.LENGTH, 127_934, -3)
    assert (area.quantity, area.value, area.resolution) == (Quantity.AREA, 780_040, -4)


# --- identity -----------------------------------------------------------------------------------


def who(system: str = "", device: str = "", owner: str = "1.3.6.1.4.1.11.1") -> tuple[str, ...]:
    found = identity(Told(system=system, device=device, owner=owner, interfaces={}))
    return (found.maker, found.model, found.serial, found.firmware)


@pytest.mark.parametrize(
    ("system", "device", "expected"),
    [
        ("", "Brother HL-1 series", ("Brother", "HL-1 series", "", "")),
        ("Sharp MX-1", "SHARP MX-1", ("SHARP", "MX-1", "", "")),
        ("Vendor Print Server, SN:1", "X 5", ("HP", "X 5", "", "")),
        ("HP NET,SN:AB12,FN:1,PID:HP Laser 9 dn", "", ("HP", "Laser 9 dn", "AB12", "")),
        ("OKI Lan 1 Rev.2: Attached to C9 Rev.03.04 : x", "", ("OKI", "C9", "", "03.04")),
        ("KONICA MINOLTA bizhub 1", "Generic 28C", ("KONICA MINOLTA", "bizhub 1", "", "")),
        ("FUJI XEROX Port 4;ESS1.0.2,IOT 5", "", ("FUJI XEROX", "Port 4", "", "1.0.2")),
        ("ZebraNet Wired", "", ("Zebra", "ZebraNet Wired", "", "")),
        ("Brother NC-1, Firmware Ver.1.01  (x)", "", ("Brother", "NC-1", "", "1.01")),
    ],
)
def test_a_printer_is_known_by_what_it_says(
    system: str, device: str, expected: tuple[str, ...]
) -> None:
    assert who(system, device) == expected


def test_a_brand_is_a_word_of_its_own() -> None:
    assert who("Shipping Labeler", "Shipping Labeler", owner="1.3.6.1.4.1.99999")[0] == ""


def test_the_address_is_that_of_the_first_interface_that_is_up() -> None:
    table = "1.3.6.1.2.1.2.2.1"
    interfaces: dict[str, Value] = {
        f"{table}.6.1": b"", f"{table}.6.2": bytes(6), f"{table}.6.3": b"\x02\0\0\0\0\x03",
        f"{table}.8.3": 2, f"{table}.6.4": b"\x02\0\0\0\0\x04", f"{table}.8.4": 1,
    }  # fmt: skip

    assert identity(Told(interfaces=interfaces)).mac == "02:00:00:00:00:04"


# --- alerts -------------------------------------------------------------------------------------


def alert(**columns: int | bytes) -> Row:
    usual: dict[int, Value] = {2: 5, 3: 4, 4: 5, 5: 1, 6: 0, 7: 8, 8: b""}
    return Row(usual | {int(name[1:]): value for name, value in columns.items()})


def told(*table: Row, uptime: int | None = None) -> list[Trouble]:
    printer = alerts.Printer(uptime=uptime, supplies={2: "toner cyan"}, places={})
    return alerts.troubles({(1, number): row for number, row in enumerate(table, 1)}, printer)


@pytest.mark.parametrize(
    "row",
    [
        alert(c2=0),
        alert(c2=1, c7=0),
        alert(c2=1, c7=1),
        alert(c2=1, c7=507),
        alert(c7=1801),
        Row(),
    ],
)
def test_rows_that_say_nothing_is_wrong_are_dropped(row: Row) -> None:
    assert told(row) == []


def test_a_removal_closes_the_row_it_names() -> None:
    assert [t.code for t in told(alert(), alert(c7=501), alert(c4=18, c5=1, c7=1801))] == [
        Code.COVER_OPEN
    ]


def test_a_warning_without_an_end_ends_after_an_hour_by_the_printer_s_clock() -> None:
    warning = alert(c2=4, c9=1000)

    assert told(warning, uptime=1000 + 100 * 3599)
    assert not told(warning, uptime=1000 + 100 * 3600)
    assert told(warning)
    assert told(warning, uptime=10)  # it restarted meanwhile: then nobody knows


def test_an_alert_names_the_part_it_is_about() -> None:
    rows_told = told(
        alert(c4=8, c5=2, c7=808), alert(c4=11, c5=2, c7=1104), alert(c4=11, c5=9, c7=1104),
        alert(c4=8, c5=-1, c7=808), alert(c4=99, c5=1), alert(c4=5, c5=1),
    )  # fmt: skip

    assert [t.component for t in rows_told] == [
        "input 2", "toner cyan", "supply 9", "input", "", ""
    ]  # fmt: skip


def test_brother_s_code_in_the_place_of_the_place_decides() -> None:
    (sleep,) = told(alert(c2=3, c6=40000, c7=2, c8=b"Sleep"))
    (paper,) = told(alert(c2=3, c6=41213, c7=2, c8=b"No Paper"))

    assert (sleep.code, sleep.severity) == (Code.NOTICE, Severity.INFO)
    assert (paper.code, paper.severity) == (Code.MEDIA_EMPTY, Severity.ERROR)


def test_a_notice_without_words_gets_the_standard_s() -> None:
    (notice,) = told(alert(c7=503))

    assert notice.words == "power up"


# --- conditions ---------------------------------------------------------------------------------


def trouble(
    code: Code,
    severity: Severity,
    component: str = "",
    *,
    quiet: bool = False,
    aside: bool = False,
) -> Trouble:
    return Trouble(
        code=code,
        severity=severity,
        component=component,
        evidence=f"{code} {component}",
        quiet=quiet,
        aside=aside,
    )


@given(st.binary(max_size=3), st.sampled_from([None, 1, 2, 3, 4, 5]))
def test_every_bit_is_told_and_what_tells_it_is_kept(octets: bytes, device: int | None) -> None:
    found = conditions([], Status(device=device, printer=3, errors=octets))

    sources = " ".join(condition.source for condition in found)
    for error in DETECTED_ERRORS:
        place, bit = divmod(error.bit, 8)
        is_set = place < len(octets) and bool(octets[place] & 0x80 >> bit)
        assert is_set == (f"bit {error.bit} {error.name}" in sources)


def test_two_sources_of_one_fact_are_one_condition_with_both_as_evidence() -> None:
    jam = trouble(Code.MEDIA_JAM, Severity.WARNING, "path 1")

    (found,) = conditions([jam], replace(CALM, errors=b"\x04"))

    assert (found.severity, found.component) == (Severity.ERROR, "path 1")
    assert "media.jam path 1" in found.source
    assert "bit 5 jammed" in found.source


def test_a_bit_joins_the_likeliest_part_not_the_slot_for_single_sheets() -> None:
    slot = trouble(Code.MEDIA_EMPTY, Severity.INFO, "input 1", quiet=True, aside=True)
    cassette = trouble(Code.MEDIA_EMPTY, Severity.INFO, "input 2")

    (found,) = conditions([slot, cassette], replace(CALM, errors=b"\x40"))

    assert (found.component, found.severity) == ("input 2", Severity.ERROR)


def test_service_requested_is_told_by_what_is_broken() -> None:
    broken = trouble(Code.HARDWARE_FAILURE, Severity.ERROR, "marker 1", quiet=True)

    (found,) = conditions([broken], Status(device=5, printer=1, errors=b"\x01"))

    assert (found.code, found.severity) == (Code.HARDWARE_FAILURE, Severity.SERVICE_CALL)


def test_a_warning_that_nothing_explains_is_told_as_such() -> None:
    (found,) = conditions([], Status(device=3, printer=3, errors=b""))

    assert (found.code, found.severity) == (Code.ATTENTION, Severity.WARNING)
    assert conditions([], Status(device=5, printer=1))[0].severity is Severity.ERROR


def test_a_warning_promotes_what_was_too_quiet_to_be_told() -> None:
    low = trouble(Code.SUPPLY_LOW, Severity.WARNING, "toner black", quiet=True)

    assert conditions([low], CALM) == ()
    (found,) = conditions([low], replace(CALM, device=3))
    assert (found.code, found.component) == (Code.SUPPLY_LOW, "toner black")
    assert "hrDeviceStatus" in found.source


@pytest.mark.req("E-30")
@pytest.mark.parametrize(
    ("device", "printer", "errors", "said"),
    [
        (2, 3, b"\0", State.READY),
        (2, 4, b"\0", State.RUNNING),
        (3, 4, b"\x20", State.RUNNING),
        (5, 4, b"\x04", State.ERROR),
        (5, 1, b"\x04", State.ERROR),
        (3, 3, b"\x20", State.READY),
        (3, 3, b"\x08", State.ERROR),
        (2, 1, b"\0", State.READY),
        (2, 5, b"\0", State.OTHER),
        (3, 1, b"\x02", State.OTHER),
        (4, 3, b"\0", State.OTHER),
        (2, None, None, State.READY),
        (None, None, None, State.OTHER),
        (1, 2, b"", State.OTHER),
    ],
)
def test_what_it_is_doing(
    device: int | None, printer: int | None, errors: bytes | None, said: State
) -> None:
    status = Status(device=device, printer=printer, errors=errors)

    assert state(status, conditions([], status)) is said


# --- polls --------------------------------------------------------------------------------------


def driver_of(walk: Walk) -> tuple[PrinterDriver, ReplayAgent]:
    agent = ReplayAgent(walk)
    return PrinterDriver(agent, lambda: 7), agent


async def test_a_printer_at_rest_is_asked_for_little() -> None:
    driver, agent = driver_of(synthetic("idle-colour-laser"))
    await driver.read(frozenset(PERIODS))
    agent.asked.clear()

    seen = await driver.read(frozenset({STATUS}))

    assert len(agent.asked) == 5
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
    agent.walk_held = synthetic("idle-colour-laser")

    after = await driver.read(frozenset({STATUS}))

    assert {c.severity for c in after.conditions or ()} <= {Severity.INFO}
    assert "1.3.6.1.2.1.43.8.2.1" in agent.asked


async def test_the_first_status_alone_is_whole() -> None:
    driver, _ = driver_of(synthetic("jam-tray-empty-toner-low"))

    seen = await driver.read(frozenset({STATUS}))

    assert {c.code for c in seen.conditions or ()} >= {Code.MEDIA_JAM, Code.MEDIA_EMPTY}


async def test_an_agent_that_is_no_printer_s_is_told() -> None:
    driver, _ = driver_of(Walk.parse("1.3.6.1.2.1.1.1.0|4|A switch\n"))

    with pytest.raises(Refused, match="not as a printer"):
        await driver.read(frozenset(PERIODS))


async def test_it_stops_at_the_first_silence() -> None:
    driver, agent = driver_of(synthetic("idle-colour-laser"))
    await driver.read(frozenset(PERIODS))
    agent.asked.clear()
    agent.silent = True

    with pytest.raises(Timeout):
        await driver.read(frozenset(PERIODS))
    assert len(agent.asked) == 1


@pytest.mark.parametrize(
    ("known", "words_told"), [(True, "while they are jammed"), (False, "Turn SNMP on")]
)
async def test_silence_of_a_printer_that_is_there_is_told_as_such(
    known: bool, words_told: str
) -> None:
    async def there() -> str:
        return "TCP port 631 is open"

    agent = ReplayAgent(synthetic("idle-colour-laser"))
    driver = PrinterDriver(agent, lambda: 7, there)
    if known:
        await driver.read(frozenset(PERIODS))
    agent.silent = True

    with pytest.raises(Timeout, match="though the printer is there: TCP port 631") as caught:
        await driver.read(frozenset({STATUS}))

    assert words_told in caught.value.next_step


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


# --- URLs ---------------------------------------------------------------------------------------


def problems(text: str) -> list[str]:
    return DRIVERS["snmp"].check(DeviceUrl.parse(text), ReadyShelf())


@pytest.mark.parametrize(
    "text",
    [
        "snmp://192.0.2.7",
        "snmp://floor3@192.0.2.7:1161/?version=1&timeout_s=5",
        "snmp://[2001:db8::7]/?community=secret:printers",
        "snmp://alice@printer/?version=3",
        "snmp://a@h/?version=3&auth=sha256&auth_key=secret:a&priv=aes128&priv_key=secret:p",
    ],
)
def test_urls_that_name_a_printer(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "words_told"),
    [
        ("snmp:///", "no host"),
        ("snmp://h:0/", "port 0"),
        ("snmp://h/x", "nothing at '/x'"),
        ("snmp://h/?version=4", "must be 1, 2c or 3"),
        ("snmp://h/?verson=3", "did you mean version?"),
        ("snmp://h/?timeout_s=never", "must be a number"),
        ("snmp://h/?version=3", "no user"),
        ("snmp://a@h/?version=3&community=b", "has no community"),
        ("snmp://a@h/?version=3&auth=sha3&auth_key=secret:a", "must be one of md5"),
        ("snmp://a@h/?version=3&auth=sha256", "belong together"),
        ("snmp://a@h/?version=3&priv=aes128&priv_key=secret:a", "priv needs auth"),
        ("snmp://a@h/?auth=sha&auth_key=secret:a", "belongs to version=3"),
        ("snmp://a@h/?community=b", "given twice"),
        ("snmp://h/?community=secret:UPPER", "no reference"),
    ],
)
def test_urls_that_do_not(text: str, words_told: str) -> None:
    assert words_told in "; ".join(problems(text))


@pytest.mark.parametrize(
    "text",
    [
        "snmp://alice:hunter2hunter2@h/?version=3",
        "snmp://a@h/?version=3&auth=sha256&auth_key=hunter2hunter2",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    told_problems = "; ".join(problems(text))

    assert "secret:NAME" in told_problems
    assert "hunter2" not in told_problems
