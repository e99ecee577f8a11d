"""Device URLs, the table of drivers, and the whole way over TCP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bus_load import RequestTime
from drivers.context import DriverContext
from drivers.device_url import DeviceUrl, UrlError
from drivers.driver import BusLoadKind, SharedLineKind
from drivers.lines import Lines
from drivers.modbus.bus_load import rules_of
from drivers.modbus.kind import ModbusRtu, ModbusTcp
from drivers.modbus.profile_loader import FolderProfiles
from drivers.registry import DRIVERS, table
from drivers.report import Quantity
from protocols.delays import ASSUMED_S
from protocols.errors import Timeout
from protocols.line import Line
from protocols.modbus.capture import Capture
from protocols.modbus.planner import Table, plan
from protocols.modbus.replay import units_of
from protocols.modbus.rtu_timing import RtuTiming
from protocols.modbus.simulator import Simulator, Unit
from protocols.serial_format import SerialFormat
from protocols.serial_line import SerialWire
from protocols.tcp_line import TcpWire
from protocols.timing import LineTiming

ROOT = Path(__file__).parents[2]
SDM630_CAPTURE = ROOT / "tests" / "captures" / "eastron-sdm630"
SCRIPT = [sys.executable, str(ROOT / "scripts" / "capture")]
SDM630 = "unit=1&profile=eastron-sdm630"


def test_a_url_is_taken_apart() -> None:
    url = DeviceUrl.parse("Modbus-TCP://[2001:db8::7]:1502/?unit=3&profile=acme-x")
    assert (url.scheme, url.host, url.port, url.path) == ("modbus-tcp", "2001:db8::7", 1502, "/")
    assert dict(url.query) == {"unit": "3", "profile": "acme-x"}
    bare = DeviceUrl.parse("snmp://public@192.0.2.1")
    assert (bare.user, bare.host, bare.port, bare.path) == ("public", "192.0.2.1", None, "")
    local = DeviceUrl.parse("modbus-rtu:///dev/ttyUSB0?baud=9600")
    assert (local.host, local.path) == ("", "/dev/ttyUSB0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no protocol is named"),
        ("192.0.2.1:502", "no protocol is named"),
        ("modbus-tcp:192.0.2.1", "no protocol is named"),
        ("modbus-tcp://host:99999/", "this is no URL"),
        ("modbus-tcp://host:x/", "this is no URL"),
        ("modbus-tcp://[::1/", "this is no URL"),
        ("modbus-tcp://ho st/", "a space"),
        ("modbus-tcp://host/?unit=1&unit=2", "'unit' is given twice"),
        ("modbus-tcp://host/#x", "nothing after #"),
    ],
)
def test_what_is_no_url_says_what_to_do(text: str, words: str) -> None:
    with pytest.raises(UrlError) as error:
        DeviceUrl.parse(text)
    assert words in error.value.what
    assert error.value.next_step
    assert error.value.where == text


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    for given_text in (text, "modbus-tcp://" + text):
        with suppress(UrlError):
            assert DeviceUrl.parse(given_text).text == given_text


@pytest.mark.parametrize(
    ("url", "problems"),
    [
        (f"modbus-tcp://host/?{SDM630}", []),
        (f"modbus-tcp://host/?{SDM630}&timeout_s=0.5&pause_ms=100", []),
        (f"modbus-tcp:///?{SDM630}", ["no host is named"]),
        (f"modbus-tcp://host:0/?{SDM630}", ["port 0 is no port to connect to"]),
        (
            f"modbus-tcp://me@host/x?{SDM630}",
            [
                "Modbus knows no user; take out what stands before @",
                "there is nothing at '/x'; options stand after ?",
            ],
        ),
        ("modbus-tcp://host/?unit=1", ["no profile is named, as in ?profile=eastron-sdm630"]),
        (
            "modbus-tcp://host/?unt=256&unit=1.5&profile=eastron-sdm360&timeout_s=0",
            [
                "modbus-tcp:// has no 'unt'; did you mean unit?",
                "unit=1.5 must be a whole number",
                "timeout_s=0 must be a number from 0.05 to 30",
                "there is no profile 'eastron-sdm360'; did you mean eastron-sdm630?",
            ],
        ),
        (
            f"modbus-tcp://host/?{SDM630}&timeout_s=nan&pause_ms=x",
            [
                "timeout_s=nan must be a number from 0.05 to 30",
                "pause_ms=x must be a number from 0 to 5000",
            ],
        ),
        (f"modbus-rtu:///dev/ttyUSB0?{SDM630}&baud=19200&parity=n&stop=2", []),
        (
            "modbus-rtu://ttyUSB0?unit=0&profile=eastron-sdm630&baud=9601&parity=X&stop=3",
            [
                "a serial port stands behind three slashes, as in modbus-rtu:///dev/ttyUSB0",
                (
                    "baud=9601 must be one of 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, "
                    "230400, 460800, 921600"
                ),
                "parity=X must be N, E or O",
                "stop=3 must be 1 or 2",
                "unit=0 must be a number from 1 to 247",
            ],
        ),
        (
            f"modbus-rtu:///?{SDM630}&pause_ms=5",
            [
                (
                    "modbus-rtu:// has no 'pause_ms'; it may have baud, parity, profile, stop, "
                    "timeout_s, unit"
                ),
                "no serial port is named, as in modbus-rtu:///dev/ttyUSB0",
            ],
        ),
        (f"modbus-rtu+tcp://host:4001/?{SDM630}", []),
        (
            f"modbus-rtu+tcp://host/?{SDM630}",
            ["no port is named: serial servers have no usual one"],
        ),
        (
            "modbus-tcp://h/?profile=eastron-sdm630&unit=-1",
            ["unit=-1 must be a number from 0 to 255"],
        ),
    ],
)
def test_every_problem_of_a_url_is_told(url: str, problems: list[str]) -> None:
    parsed = DeviceUrl.parse(url)
    assert DRIVERS[parsed.scheme].check(parsed, FolderProfiles()) == problems


def test_devices_of_one_gateway_share_its_line() -> None:
    kind = DRIVERS["modbus-tcp"]
    keys = {
        kind.line_key(DeviceUrl.parse(f"modbus-tcp://HOST{port}/?{SDM630}"))
        for port in ("", ":502")
    }
    assert keys == {"tcp:host:502"}
    lines = Lines()

    def opened(port: int, silence_s: float = 0.0) -> Line:
        timing = LineTiming(silence_s=silence_s)
        return lines.line(f"tcp:host:{port}", lambda: TcpWire("host", port), timing)

    assert opened(502) is opened(502, silence_s=0.1)
    assert opened(502).timing.silence_s == 0.1
    assert opened(503) is not opened(502)


def test_a_serial_line_has_its_speed_and_its_patience() -> None:
    lines, kind = Lines(), DRIVERS["modbus-rtu"]
    url = DeviceUrl.parse(f"modbus-rtu:///dev/ttyUSB0?{SDM630}&baud=19200&timeout_s=0.4")
    assert kind.line_key(url) == "serial:/dev/ttyUSB0"
    assert isinstance(kind, BusLoadKind)
    assert isinstance(kind, SharedLineKind)
    load = kind.bus_load(url, FolderProfiles())
    assert str(load.form) == "19200 8E1"
    assert load.timeout_s == 0.4
    assert load.form is not None

    def opened(form: SerialFormat) -> Line:
        wire = partial(SerialWire, "/dev/ttyUSB0", form)
        return lines.line("serial:/dev/ttyUSB0", wire, RtuTiming(form).line, form)

    line = opened(load.form)
    assert opened(load.form) is line
    assert line.timing.drain_s == load.drain_s
    assert kind.drain_s(url) > load.drain_s
    faster = opened(SerialFormat(baud=38400))
    assert faster is not line, "its devices are asked at the new speed"
    assert lines.opened["serial:/dev/ttyUSB0"] is faster
    wire = partial(TcpWire, "host", 4001, numbered=False)
    over = lines.line("tcp:host:4001", wire, RtuTiming(load.form).line_over_network, load.form)
    lines.close_others({"tcp:host:4001"})
    assert set(lines.opened) == {"tcp:host:4001"}
    assert over.timing.drain_s > line.timing.drain_s


def test_a_group_takes_what_its_reads_take() -> None:
    kind = DRIVERS["modbus-rtu"]
    url = DeviceUrl.parse(f"modbus-rtu:///dev/ttyUSB0?{SDM630}&baud=19200")
    assert isinstance(kind, BusLoadKind)
    load = kind.bus_load(url, FolderProfiles())
    assert load.form is not None
    rtu, profile = RtuTiming(load.form), FolderProfiles().profile("eastron-sdm630")
    spans = [point.span for point in profile.points if point.poll_group == "live"]
    reads = plan(spans, replace(rules_of(profile), cost=rtu.cost(ASSUMED_S)))
    assert {read.table for read in reads} == {Table.INPUT}
    assert load.groups["live"] == tuple(
        RequestTime(rtu.transaction_s(read, 0.0), rtu.wire_s(read) + rtu.answer_s(read))
        for read in reads
    )
    over_tcp = DRIVERS["modbus-tcp"]
    assert isinstance(over_tcp, BusLoadKind)
    url = DeviceUrl.parse(f"modbus-tcp://host/?{SDM630}")
    assert over_tcp.bus_load(url, FolderProfiles()).groups == {}


def test_a_line_that_is_used_otherwise_now_is_closed_at_once() -> None:
    lines, closed = Lines(), []

    class Held:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    first = lines.get("key", lambda: Held("first"))
    assert lines.get("key", lambda: Held("second")) is first
    second = lines.get("key", lambda: Held("second"), fits=lambda held: held.name == "second")
    assert (second.name, closed) == ("second", ["first"])
    assert lines.line_at("key") is None, "it is no line that devices take turns on"


def test_a_kind_stands_under_the_schemes_that_it_names_and_nobody_else_does() -> None:
    tcp = ModbusTcp()
    assert table({"modbus-tcp": tcp}) == {"modbus-tcp": tcp}
    with pytest.raises(ValueError, match="which it does not name"):
        table({"modbus-tcp": tcp, "modbus-rtu": ModbusTcp()})

    class Both(ModbusRtu):
        schemes = ("modbus-rtu", "modbus-tcp")

    with pytest.raises(ValueError, match="names modbus-tcp, which is not its own"):
        table({"modbus-tcp": tcp, "modbus-rtu": Both()})
    with pytest.raises(ValueError, match="names modbus-tcp, which is not its own"):
        table({"modbus-rtu": Both()})


async def test_a_meter_is_read_over_tcp_and_its_dead_neighbour_changes_nothing() -> None:
    capture = Capture.load(SDM630_CAPTURE / "capture.jsonl")
    units = {**units_of(capture), 2: Unit(silent=True)}
    async with Simulator(units) as simulator:
        lines = Lines()
        context = DriverContext(lines=lines, now=lambda: 5, profiles=FolderProfiles())
        here = f"modbus-tcp://127.0.0.1:{simulator.port}/?profile=eastron-sdm630"
        kind = DRIVERS["modbus-tcp"]
        meter, dead = (
            kind.open(DeviceUrl.parse(f"{here}&unit={unit}&timeout_s={timeout}"), context)
            for unit, timeout in ((1, 20), (2, 0.05))
        )
        for value in (0.0, 231.5):
            units[1].set_float(Table.INPUT, 0, value)
            seen, failed = await asyncio.gather(
                meter.read(frozenset({"live", "identity"})),
                dead.read(frozenset({"live"})),
                return_exceptions=True,
            )
            assert isinstance(failed, Timeout)
            assert not isinstance(seen, BaseException)
            voltage = seen.readings[0]
            assert (voltage.quantity, voltage.part) == (Quantity.VOLTAGE, "l1")
            assert voltage.value == round(value * 100)
        assert simulator.connections == 1
        await lines.aclose()


def test_checking_a_url_does_not_load_the_protocol_library() -> None:
    program = (
        "import sys; from drivers.device_url import DeviceUrl\n"
        "from drivers.registry import DRIVERS\n"
        "from drivers.modbus.profile_loader import FolderProfiles\n"
        f"url = DeviceUrl.parse('modbus-tcp://h/?{SDM630}')\n"
        "assert DRIVERS['modbus-tcp'].check(url, FolderProfiles()) == []\n"
        "assert not [name for name in sys.modules if name.startswith('pymodbus')]\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


async def test_a_device_is_captured_with_the_script() -> None:
    device = Capture.load(SDM630_CAPTURE / "capture.jsonl")
    async with Simulator(units_of(device)) as simulator:
        process = await asyncio.create_subprocess_exec(
            *SCRIPT,
            "record",
            f"modbus-tcp://127.0.0.1:{simulator.port}/?{SDM630}&timeout_s=20",
            device.device,
            stdout=subprocess.PIPE,
        )
        text, _ = await process.communicate()
    assert process.returncode == 0
    recorded = Capture.parse(text.decode(), "recorded")
    assert recorded.device == device.device
    held, said = (units_of(capture)[1].tables for capture in (device, recorded))
    assert said[Table.HOLDING] == held[Table.HOLDING]
    assert said[Table.INPUT].items() <= held[Table.INPUT].items()


def test_the_report_of_a_capture_is_shown_with_the_script() -> None:
    again = subprocess.run([*SCRIPT, "report", "eastron-sdm630"], check=True, capture_output=True)
    assert again.stdout == (SDM630_CAPTURE / "expected.json").read_bytes()
    assert subprocess.run([*SCRIPT, "nonsense"], check=False, capture_output=True).returncode == 3
