"""The pool of open lines, shared by everybody who names the same one."""

from __future__ import annotations

from functools import partial

from drivers.context import DriverContext
from drivers.device_url import DeviceUrl
from drivers.driver import BusLoadKind, LineDrainKind
from drivers.lines import Lines
from drivers.modbus.profile_loader import FolderProfiles
from drivers.registry import DRIVERS
from protocols.line import Line
from protocols.modbus.rtu_timing import RtuTiming
from protocols.serial_format import SerialFormat
from protocols.serial_line import SerialWire
from protocols.tcp_line import TcpWire
from protocols.timing import LineTiming

SDM630 = "unit=1&profile=eastron-sdm630"


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
    assert isinstance(kind, LineDrainKind)
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
    opening = Lines()
    kind.open(url, DriverContext(lines=opening, now=lambda: 0, profiles=FolderProfiles()))
    made = opening.opened["serial:/dev/ttyUSB0"]
    assert isinstance(made, Line)
    assert made.timing == RtuTiming(load.form).line
    faster = opened(SerialFormat(baud=38400))
    assert faster is not line, "its devices are asked at the new speed"
    assert lines.opened["serial:/dev/ttyUSB0"] is faster
    wire = partial(TcpWire, "host", 4001, numbered=False)
    over = lines.line("tcp:host:4001", wire, RtuTiming(load.form).line_over_network, load.form)
    lines.close_others({"tcp:host:4001"})
    assert set(lines.opened) == {"tcp:host:4001"}
    assert over.timing.drain_s > line.timing.drain_s


def test_a_line_that_is_used_otherwise_now_is_closed_at_once() -> None:
    lines, closed = Lines(), []

    class NamedLine:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    first = lines.get("key", lambda: NamedLine("first"))
    assert lines.get("key", lambda: NamedLine("second")) is first
    second = lines.get("key", lambda: NamedLine("second"), fits=lambda held: held.name == "second")
    assert (second.name, closed) == ("second", ["first"])
    assert lines.line_at("key") is None, "it is no line that devices take turns on"


async def test_what_is_visited_is_closed_after_the_last_visit_unless_it_is_kept() -> None:
    lines, closed = Lines(), []

    class NamedLine:
        def __init__(self, name: str) -> None:
            self.name = name

        def close(self) -> None:
            closed.append(self.name)

    with lines.visit("a"):
        first = lines.get("a", lambda: NamedLine("first"))
        with lines.visit("a"):
            assert lines.get("a", lambda: NamedLine("second")) is first
        lines.close_others({"b"})
        assert closed == [], "somebody is in the middle of it"
    assert closed == ["first"]
    with lines.visit("b"):
        lines.get("b", lambda: NamedLine("kept"))
    assert closed == ["first"]
    with lines.visit("c"):
        lines.get("c", lambda: NamedLine("last"))
        await lines.aclose()
        assert sorted(closed) == ["first", "kept", "last"]
    assert not lines.opened
    await lines.aclose()
