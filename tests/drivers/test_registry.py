"""The table of drivers, and what holds for every kind in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drivers.context import DriverContext
from drivers.device_url import DeviceUrl
from drivers.driver import (
    AddressedKind,
    BusLoadKind,
    LineDrainKind,
    SerialFormatKind,
    WritableKind,
)
from drivers.lines import Lines
from drivers.modbus.kind import ModbusRtu, ModbusTcp
from drivers.modbus.profile_loader import FolderProfiles
from drivers.registry import DRIVERS, example_of, table

ROOT = Path(__file__).parents[2]
SDM630 = "unit=1&profile=eastron-sdm630"


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


@pytest.mark.parametrize("scheme", sorted(DRIVERS))
def test_every_kind_opens_its_own_example(scheme: str) -> None:
    kind, profiles = DRIVERS[scheme], FolderProfiles()
    url = DeviceUrl.parse(kind.example)
    assert url.scheme == scheme
    assert example_of(scheme) == kind.example
    assert kind.check(url, profiles) == []
    assert kind.line_key(url)
    groups = kind.poll_groups(url, profiles)
    assert groups
    if isinstance(kind, BusLoadKind):
        assert kind.bus_load(url, profiles).timeout_s > 0
        assert kind.bus_load(url, profiles).groups.keys() <= groups.keys()
    if isinstance(kind, AddressedKind):
        assert kind.address(url) == 1
    if isinstance(kind, SerialFormatKind):
        assert kind.form(url).baud > 0
    if isinstance(kind, LineDrainKind):
        assert kind.drain_s(url) >= 0
    context = DriverContext(lines=Lines(), now=lambda: 0, profiles=profiles)
    kind.open(url, context)  # does no I/O: there is no such host
    assert set(context.lines.opened) == {kind.line_key(url)}
    if isinstance(kind, WritableKind):
        writer = kind.writer(url, context)
        assert all(writer.setting(name).name == name for name in kind.settings(url, profiles))


def test_a_wrong_scheme_is_answered_with_an_example() -> None:
    assert DeviceUrl.parse(example_of("modbus")).scheme in DRIVERS


def test_the_table_loads_no_family_before_a_device_is_opened() -> None:
    program = (
        "import sys, drivers.registry\n"
        "late = {'drivers.modbus.driver', 'drivers.modbus.writing',\n"
        "  'drivers.printer.snmp.driver', 'protocols.modbus.pdu',\n"
        "  'protocols.snmp.agent', 'protocols.serial_line', 'serial'}\n"
        "assert not late & set(sys.modules), late & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
