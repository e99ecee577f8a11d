"""Modbus URLs, what a device asks of its line, and the whole way over TCP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.bus_load import RequestTime
from drivers.context import DriverContext
from drivers.device_url import DeviceUrl
from drivers.driver import BusLoadKind
from drivers.lines import Lines
from drivers.modbus.bus_load import rules_of
from drivers.modbus.profile_loader import FolderProfiles
from drivers.registry import DRIVERS
from drivers.report import Quantity
from protocols.delays import ASSUMED_S
from protocols.errors import Timeout
from protocols.modbus.capture import Capture
from protocols.modbus.planner import Table, plan
from protocols.modbus.replay import units_of
from protocols.modbus.rtu_timing import RtuTiming
from protocols.modbus.simulator import Simulator, Unit

ROOT = Path(__file__).parents[3]
SDM630_CAPTURE = ROOT / "tests" / "captures" / "eastron-sdm630"
SDM630 = "unit=1&profile=eastron-sdm630"


TIMEOUT = "Correct the value, or remove timeout_s to use 1."
UNIT = "Correct the value, or remove unit to use 1."


@pytest.mark.parametrize(
    ("url", "problems"),
    [
        (f"modbus-tcp://host/?{SDM630}", []),
        (f"modbus-tcp://host/?{SDM630}&timeout_s=0.5&pause_ms=100", []),
        (f"modbus-tcp:///?{SDM630}", ["missing host. Write it as in modbus-tcp://192.0.2.7."]),
        (f"modbus-tcp://host:0/?{SDM630}", ["invalid port '0'. Write a port from 1 to 65535."]),
        (
            f"modbus-tcp://me@host/x?{SDM630}",
            [
                "Modbus has no users. Remove the part before '@'.",
                "the path '/x' has no meaning in this URL. Write options after '?'.",
            ],
        ),
        (
            "modbus-tcp://host/?unit=1",
            ["missing profile. Add a profile, as in ?profile=eastron-sdm630."],
        ),
        (
            "modbus-tcp://host/?unt=256&unit=1.5&profile=eastron-sdm360&timeout_s=0",
            [
                "modbus-tcp:// has no option 'unt'. Did you mean unit?",
                "unit=1.5 is not a whole number. Write a whole number, in digits only.",
                f"timeout_s=0 is not a number from 0.05 to 30. {TIMEOUT}",
                "the profile 'eastron-sdm360' does not exist. Did you mean eastron-sdm630?",
            ],
        ),
        (
            f"modbus-tcp://host/?{SDM630}&timeout_s=nan&pause_ms=x",
            [
                f"timeout_s=nan is not a number from 0.05 to 30. {TIMEOUT}",
                (
                    "pause_ms=x is not a number from 0 to 5000."
                    " Correct the value, or remove pause_ms to use 0."
                ),
            ],
        ),
        (f"modbus-rtu:///dev/ttyUSB0?{SDM630}&baud=19200&parity=n&stop=2", []),
        (
            "modbus-rtu://ttyUSB0?unit=0&profile=eastron-sdm630&baud=9601&parity=X&stop=3",
            [
                (
                    "the serial port is not written after three slashes. Write it as in "
                    "modbus-rtu:///dev/ttyUSB0."
                ),
                (
                    "baud=9601 is not valid. Use one of 1200, 2400, 4800, 9600, 19200, 38400, "
                    "57600, 115200, 230400, 460800 and 921600."
                ),
                "parity=X is not valid. Use one of N, E and O.",
                "stop=3 is not valid. Use one of 1 and 2.",
                f"unit=0 is not a number from 1 to 247. {UNIT}",
            ],
        ),
        (
            f"modbus-rtu:///?{SDM630}&pause_ms=5",
            [
                (
                    "modbus-rtu:// has no option 'pause_ms'. Use one of baud, parity, profile, "
                    "stop, timeout_s and unit."
                ),
                "missing serial port. Write it as in modbus-rtu:///dev/ttyUSB0.",
            ],
        ),
        (f"modbus-rtu+tcp://host:4001/?{SDM630}", []),
        (
            f"modbus-rtu+tcp://host/?{SDM630}",
            ["missing port; serial servers have no standard port. Write a port from 1 to 65535."],
        ),
        (
            "modbus-tcp://h/?profile=eastron-sdm630&unit=-1",
            [f"unit=-1 is not a number from 0 to 255. {UNIT}"],
        ),
    ],
)
def test_every_problem_of_a_url_is_told(url: str, problems: list[str]) -> None:
    parsed = DeviceUrl.parse(url)
    assert list(map(str, DRIVERS[parsed.scheme].check(parsed, FolderProfiles()))) == problems


def test_options_without_their_question_mark_are_one_problem() -> None:
    url = DeviceUrl.parse(f"modbus-tcp://host/{SDM630}")
    (finding,) = DRIVERS[url.scheme].check(url, FolderProfiles())
    assert finding.what.id == "device_url.path"
    assert finding.next.id == "device_url.options_follow"


def test_a_fault_of_a_profile_is_placed_in_the_profile_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "acme-x1.yaml").write_text("version: 1\nmaker: [\n")
    url = DeviceUrl.parse("modbus-tcp://host/?profile=acme-x1")
    (finding,) = DRIVERS[url.scheme].check(url, FolderProfiles((tmp_path,)))
    assert finding.location is not None
    assert finding.location.file == str(tmp_path / "acme-x1.yaml")
    assert finding.what.id == "profile.invalid"
    assert finding.what.args["name"] == "acme-x1"
    assert "URL" not in str(finding.next)
    (tmp_path / "acme-x1.yaml").write_text(
        "version: 1\nmaker: A\nmodel: B\nsources: [a, b]\npoints: []\n"
    )
    (finding,) = DRIVERS[url.scheme].check(url, FolderProfiles((tmp_path,)))
    assert str(finding) == (
        f"{tmp_path}/acme-x1.yaml:5:9: points: the profile 'acme-x1' is not valid: the profile has "
        "no points. Add at least one point."
    )


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
