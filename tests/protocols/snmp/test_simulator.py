"""The simulated agent, asked by net-snmp's programs, our own client, and who means no good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer.snmp.driver import PrinterDriver
from drivers.printer.snmp.poll_groups import PERIODS, STATUS
from drivers.report import Code, Severity, State
from protocols.snmp import ber
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.ber import MalformedError
from protocols.snmp.model import Target, Value, Version, oid_key
from protocols.snmp.simulator import ANSWER_LIMIT, SnmpSimulator, Variables
from protocols.snmp.snmprec import Walk
from tests.peers import LOOPBACK, find
from tests.printer_walks import synthetic
from tests.snmp_wire import GET, GETBULK, GETNEXT, integer, octets, tlv

TABLE = "1.3.6.1.2.1.43.11.1.1"
ROWS = 300
TEXT = "\n".join(
    [
        "1.3.6.1.2.1.1.1.0|4|Example, of nobody",
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.32473.1",
        "1.3.6.1.2.1.1.3.0|67|123456",
        "1.3.6.1.2.1.4.20.1.1.1|64|192.0.2.7",
        "1.3.6.1.2.1.25.3.5.1.2.1|4x|2000ff",
        "1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615",
        "1.3.6.1.2.1.43.10.2.1.4.1.1|65|4294967295",
        *(f"{TABLE}.9.1.{row}|2|{row - 3}" for row in range(1, ROWS + 1)),
        "1.3.6.1.2.1.99.1.4294967295|66|7",
    ]
)
OIDS = list(Walk.parse(TEXT).rows)


def request(kind: int, *oids: str, version: int = 1, first: int = 0, second: int = 0) -> bytes:
    binds = b"".join(tlv(0x30, tlv(6, ber.name(oid_key(oid))) + tlv(5, b"")) for oid in oids)
    pdu = tlv(kind, integer(7) + integer(first) + integer(second) + tlv(0x30, binds))
    return tlv(0x30, integer(version) + octets(b"public") + pdu)


async def told(port: int, program: str, *words: str) -> list[str]:
    """What one of net-snmp's programs prints, with numeric names and raw values."""
    path = find(program)
    assert path is not None
    process = await asyncio.create_subprocess_exec(
        path, "-m", "", "-On", "-Oe", "-c", "public", "-t", "5", "-r", "0",
        *words[:1], f"{LOOPBACK}:{port}", *words[1:],
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    lines = [line.rstrip() for line in said.decode().splitlines()]
    # The first of these programs that ever runs on a machine says what it made for itself.
    return [line for line in lines if not line.startswith("Created directory: ")]


@pytest.mark.peer("snmpget")
@pytest.mark.parametrize(
    ("oid", "line"),
    [
        (OIDS[0], '= STRING: "Example, of nobody"'),
        (OIDS[1], "= OID: .1.3.6.1.4.1.32473.1"),
        (OIDS[2], "= Timeticks: (123456) 0:20:34.56"),
        (OIDS[3], "= IpAddress: 192.0.2.7"),
        (OIDS[4], "= Hex-STRING: 20 00 FF"),
        (OIDS[5], "= Counter64: 18446744073709551615"),
        (OIDS[6], "= Counter32: 4294967295"),
        (f"{TABLE}.9.1.1", "= INTEGER: -2"),
        (OIDS[-1], "= Gauge32: 7"),
        ("1.3.6.1.2.1.1.9.0", "= No Such Object available on this agent at this OID"),
    ],
)
async def test_net_snmp_reads_every_type(oid: str, line: str) -> None:
    async with SnmpSimulator(Variables.of(TEXT)) as simulator:
        assert await told(simulator.port, "snmpget", "-v2c", oid) == [f".{oid} {line}"]


@pytest.mark.peer("snmpwalk", "snmpbulkwalk")
@pytest.mark.parametrize(
    ("program", "version", "lacking"),
    [("snmpwalk", "-v1", 1), ("snmpwalk", "-v2c", 0), ("snmpbulkwalk", "-v2c", 0)],
)
async def test_net_snmp_walks_it_whole_and_in_order(
    program: str, version: str, lacking: int
) -> None:
    async with SnmpSimulator(Variables.of(TEXT)) as simulator:
        lines = await told(simulator.port, program, version, "1.3.6.1")
    rows = [line for line in lines if line.startswith(".1.3") and "No more" not in line]
    wanted = [oid for oid in OIDS if not (lacking and oid == OIDS[5])]  # v1 knows no Counter64
    assert [row.split(" ")[0][1:] for row in rows] == wanted


@pytest.mark.peer("snmpget")
async def test_v1_is_told_that_a_name_is_unknown() -> None:
    async with SnmpSimulator(Variables.of(TEXT)) as simulator:
        said = "\n".join(await told(simulator.port, "snmpget", "-v1", "1.3.6.1.2.1.1.9.0"))
    assert "(noSuchName)" in said


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_our_client_walks_it(version: Version) -> None:
    async with SnmpSimulator(Variables.of(TEXT)) as simulator:
        agent = SnmpAgent(Target(host=LOOPBACK, port=simulator.port, version=version))
        assert dict(await agent.walk(TABLE)) == Walk.parse(TEXT).below(TABLE)
        assert await agent.get([OIDS[0], "1.3.6.1.9.9"][: 1 if version is Version.V1 else 2]) == {
            OIDS[0]: b"Example, of nobody"
        }


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_our_driver_sees_a_jam_come_and_go(version: Version) -> None:
    printer = Variables.of(synthetic("idle-colour-laser").text())
    async with SnmpSimulator(printer) as simulator:
        target = Target(host=LOOPBACK, port=simulator.port, version=version)
        driver = PrinterDriver(SnmpAgent(target), lambda: 0)
        before = await driver.read(frozenset(PERIODS))

        printer.set("1.3.6.1.2.1.25.3.2.1.5.1", 5)
        printer.set("1.3.6.1.2.1.25.3.5.1.2.1", bytes((4, 0)))
        alert: dict[int, Value] = {2: 3, 3: 4, 4: 13, 5: 1, 6: 2, 7: 8, 8: b"Jam", 9: 123}
        for column, value in alert.items():
            printer.set(f"1.3.6.1.2.1.43.18.1.1.{column}.1.9", value)
        jammed = await driver.read(frozenset({STATUS}))

        printer.set("1.3.6.1.2.1.25.3.2.1.5.1", 2)
        printer.set("1.3.6.1.2.1.25.3.5.1.2.1", bytes(2))
        for column in alert:
            printer.drop(f"1.3.6.1.2.1.43.18.1.1.{column}.1.9")
        after = await driver.read(frozenset({STATUS}))

    grave = [c for c in jammed.conditions or () if c.severity is not Severity.INFO]
    assert [c.code for c in grave] == [Code.MEDIA_JAM]
    assert (before.state, jammed.state, after.state) == (State.READY, State.ERROR, State.READY)
    assert after.conditions == before.conditions


def test_another_community_and_silence_are_answered_by_nothing() -> None:
    variables = Variables.of(TEXT, community="secret")
    assert variables.answer(request(GET, OIDS[0])) is None
    variables = Variables.of(TEXT)
    variables.silent = True
    assert variables.answer(request(GET, OIDS[0])) is None
    assert variables.requests == 1


def test_nothing_can_be_set_from_outside() -> None:
    variables = Variables.of(TEXT)
    said = variables.answer(request(ber.SET, OIDS[0]))
    assert said is not None
    assert integer(6) + integer(1) in said  # noAccess
    assert variables.answer(request(GET, OIDS[0])) == Variables.of(TEXT).answer(
        request(GET, OIDS[0])
    )


def test_an_answer_never_exceeds_a_frame() -> None:
    variables = Variables.of(TEXT)
    variables.set("1.3.6.1.2.1.1.5.0", bytes(5000))
    bulk = variables.answer(request(GETBULK, TABLE, second=2**31 - 1))
    assert bulk is not None
    assert ANSWER_LIMIT - 60 < len(bulk) <= ANSWER_LIMIT
    big = variables.answer(request(GET, "1.3.6.1.2.1.1.5.0"))
    assert big is not None
    assert integer(7) + integer(1) + integer(0) in big  # tooBig


def test_a_bulk_answer_has_its_parts() -> None:
    variables = Variables.of("1.3.1|2|1\n1.3.2|2|2\n1.3.3|2|3")
    said = variables.answer(request(GETBULK, "1.3", "1.3.1", "1.3.3", first=1, second=2))
    held = [("1.3.1", 1), ("1.3.2", 2)]
    last, end = (1, 3, 3), ber.Variable(ber.END_OF_MIB)
    binds = [
        *(((oid_key(oid)), ber.Variable(2, bytes((value,)))) for oid, value in held),
        (last, end),
        ((1, 3, 3), ber.Variable(2, b"\3")),
        (last, end),
    ]
    assert said is not None
    assert b"".join(ber.bind(*row) for row in binds) in said


def mangled() -> Iterator[bytes]:
    whole = request(GETNEXT, *OIDS[:3])
    for place in range(len(whole)):
        yield whole[:place]
        for octet in (0, 1, 0x7F, 0x80, 0x84, 0xFF):
            yield whole[:place] + bytes((octet,)) + whole[place + 1 :]


def test_mangled_requests_never_raise() -> None:
    variables = Variables.of(TEXT)
    for data in mangled():
        said = variables.answer(data)
        assert said is None or len(said) <= ANSWER_LIMIT


@given(st.binary(max_size=200))
def test_garbage_is_answered_by_nothing_or_little(data: bytes) -> None:
    said = Variables.of("1.3.1|2|1").answer(data)
    assert said is None or len(said) <= ANSWER_LIMIT


@given(
    st.sampled_from([GET, GETNEXT, GETBULK]),
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 39), st.integers(0, 2**32 - 1)),
        max_size=8,
    ),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**31), 2**31 - 1),
)
def test_whatever_is_asked_is_read_as_asked(
    kind: int, oids: list[tuple[int, int, int]], first: int, second: int
) -> None:
    texts = [".".join(map(str, oid)) for oid in oids]
    data = request(kind, *texts, first=first, second=second)
    seen = ber.decode(data)
    assert (seen.kind, seen.oids) == (kind, tuple(oids))
    assert (seen.first, seen.second) == (max(first, 0), max(second, 0))
    said = Variables.of(TEXT).answer(data)
    assert said is not None
    assert len(said) <= ANSWER_LIMIT


def test_too_many_variables_are_no_request() -> None:
    with pytest.raises(MalformedError):
        ber.decode(request(GET, *(["1.3"] * 300)))
