"""Writing a setting: what the profile allows, as the device confirms it, kept in the audit."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.context import ProfileError
from drivers.modbus.encoding import Encoding, WordOrder
from drivers.modbus.profile import Profile
from drivers.modbus.profile_loader import FolderProfiles, read
from drivers.modbus.writing import RegisterSetting
from drivers.setting import WriteError
from protocols.errors import ErrorResponse, InvalidResponse, Timeout
from protocols.line import Line
from protocols.modbus.planner import Span, Table
from protocols.modbus.replay import ReplayWire
from protocols.modbus.simulator import Simulator, Unit
from protocols.modbus.unit import ModbusUnit
from tests.gateway.box import Box
from tests.modbus_peers import libmodbus_server

PROFILE = """\
version: 1
maker: Acme
model: X1
sources: [a, b]
writable:
  demand-period: {at: 2, type: float32, unit: min, min: 1, max: 60}
  ratio: {at: 10, type: uint32, words: low_first, scale: 0.1, min: 1, max: 9999}
  offset: {at: 14, type: int16, scale: 0.01, min: -5, max: 5}
  relay: {table: coil, type: bit, at: 3, min: 0, max: 1}
points:
  - {at: 0, quantity: voltage, part: l1, scale: 0.1}
"""


def profile() -> Profile:
    made = read(PROFILE.encode(), "acme-x1.yaml")
    assert isinstance(made, Profile)
    return made


def device() -> Unit:
    unit = Unit()
    unit.set(Table.HOLDING, 0, [2301, 0, 0x41F0, 0, *[0] * 6, 50, 0, 0, 0, 0])
    unit.set(Table.COIL, 3, [0])
    unit.writable |= {2, 3, 10, 11, 14}
    return unit


@pytest.mark.parametrize(
    ("name", "text", "registers"),
    [
        ("demand-period", "15", (0x4170, 0)),
        ("ratio", "6553.7", (1, 1)),
        ("offset", "-0.01", (0xFFFF,)),
        ("relay", "1", (1,)),
    ],
)
def test_a_value_becomes_registers_and_back(
    name: str, text: str, registers: tuple[int, ...]
) -> None:
    setting = RegisterSetting.of(profile(), name)
    value = setting.number(text)
    assert setting.registers(value) == registers
    packed = b"".join(word.to_bytes(2, "big") for word in registers)
    data = bytes(registers) if name == "relay" else packed
    assert setting.value(data) == value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("demand-period", "61", "the range of 'demand-period'. Enter a number from 1 to 60 min."),
        ("demand-period", "soon", "'soon' is not a number."),
        ("demand-period", "NaN", "'NaN' is not a number."),
        ("offset", "0.005", "'offset' cannot hold 0.005 exactly. Enter a multiple of 0.01."),
        ("serial", "1", "to be written. Use a writable setting: demand-period, offset"),
    ],
)  # fmt: skip
def test_what_may_not_be_written_is_told(name: str, text: str, words: str) -> None:
    def written() -> None:
        setting = RegisterSetting.of(profile(), name)
        setting.registers(setting.number(text))

    with pytest.raises(WriteError) as refused:
        written()
    assert words in str(refused.value)


@given(
    st.sampled_from(sorted(set(Encoding) - {Encoding.BIT})), st.sampled_from(WordOrder), st.data()
)
def test_what_is_written_is_what_is_read(
    encoding: Encoding, words: WordOrder, data: st.DataObject
) -> None:
    if encoding.text:
        return
    least = 0 if encoding.value.startswith("u") else -100
    text = PROFILE.replace(
        "type: uint32, words: low_first, scale: 0.1, min: 1, max: 9999",
        f"type: {encoding.value}, words: {words.value}, min: {least}, max: 30000",
    )
    made = read(text.encode(), "acme-x1.yaml")
    setting = RegisterSetting.of(made, "ratio")
    value = Decimal(data.draw(st.integers(least, 30_000)))
    registers = setting.registers(value)
    assert setting.value(b"".join(r.to_bytes(2, "big") for r in registers)) == value


@pytest.mark.parametrize("text", ["0", "15", "60"])
def test_a_meters_own_demand_period_may_be_set(text: str) -> None:
    setting = RegisterSetting.of(FolderProfiles().profile("eastron-sdm630"), "demand-period")
    assert setting.writable.span == Span(Table.HOLDING, 2, 2)
    assert setting.registers(setting.number(text)) == struct.unpack(
        ">HH", struct.pack(">f", float(text))
    )


def test_only_what_a_setting_takes_may_be_written() -> None:
    setting = RegisterSetting.of(FolderProfiles().profile("eastron-sdm630"), "demand-period")
    with pytest.raises(
        WriteError, match=r"cannot be set to 7 min\. Enter one of 0, 5, 8, 10, 15, 20, 30"
    ):
        setting.number("7")
    with pytest.raises(ProfileError, match="only has a value outside 1 to 60"):
        read(PROFILE.replace("max: 60}", "max: 60, only: [0, 5]}").encode(), "acme-x1.yaml")


# --- over the wire ------------------------------------------------------------------------------


def unit_of(simulated: Unit) -> ModbusUnit:
    return ModbusUnit(Line(ReplayWire({1: simulated})), 1, now=lambda: 0)


async def test_registers_and_coils_are_written() -> None:
    simulated = device()
    unit = unit_of(simulated)
    await unit.write(Span(Table.HOLDING, 14, 1), (7,))
    await unit.write(Span(Table.HOLDING, 10, 2), (1, 2))
    await unit.write(Span(Table.COIL, 3, 1), (1,))
    held = simulated.tables[Table.HOLDING]
    assert (held[14], held[10], held[11], simulated.tables[Table.COIL][3]) == (7, 1, 2, 1)


async def test_a_write_that_fails_says_so() -> None:
    simulated = device()
    unit = unit_of(simulated)
    with pytest.raises(
        ErrorResponse, match="refused to write holding register 0; illegal data address"
    ):
        await unit.write(Span(Table.HOLDING, 0, 1), (7,))
    simulated.corrupt = lambda frame: frame[:-1] + b"\x99"
    with pytest.raises(
        InvalidResponse, match="unit 1 that repeats 06 00 0e 00 07, received the bytes 06 00"
    ):
        await unit.write(Span(Table.HOLDING, 14, 1), (7,))
    simulated.corrupt, simulated.silent = None, True
    with pytest.raises(Timeout, match="Read the setting before you write again"):
        await unit.write(Span(Table.HOLDING, 14, 1), (7,))


@pytest.mark.peer("libmodbus")
async def test_a_server_in_c_takes_what_is_written(tmp_path: Path) -> None:
    from protocols.tcp_line import TcpWire

    with libmodbus_server(tmp_path) as port:
        line = Line(TcpWire("127.0.0.1", port))
        unit = ModbusUnit(line, 1, now=lambda: 0, timeout_s=10)
        await unit.write(Span(Table.HOLDING, 100, 3), (1, 2, 3))
        await unit.write(Span(Table.HOLDING, 101, 1), (9,))
        await unit.write(Span(Table.COIL, 100, 1), (1,))
        from protocols.modbus.planner import Read

        assert (await unit.read(Read(Table.HOLDING, 100, 3))).data == b"\0\1\0\x09\0\3"
        assert (await unit.read(Read(Table.COIL, 100, 1))).data[0] & 1
        with pytest.raises(ErrorResponse):
            await unit.write(Span(Table.HOLDING, 5, 1), (1,))
        await line.aclose()


# --- the command --------------------------------------------------------------------------------


@contextmanager
def served(unit: Unit) -> Iterator[int]:
    """The simulator in a thread of its own: the command is another process."""
    ready, port = threading.Event(), 0
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        nonlocal port
        async with Simulator({1: unit}) as simulator:
            port = simulator.port
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


@pytest.fixture
def simulated() -> Unit:
    return device()


@pytest.fixture
def url(simulated: Unit) -> Iterator[str]:
    with served(simulated) as port:
        yield f"modbus-tcp://127.0.0.1:{port}/?unit=1&profile=acme-x1"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path / "state")
    (box.state / "profiles").mkdir(parents=True)
    (box.state / "profiles" / "acme-x1.yaml").write_text(PROFILE)
    yield box
    box.kill()


def audit(box: Box) -> list[dict[str, Any]]:
    path = box.state / "audit.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_setting_is_written_read_back_and_kept_in_the_audit(
    box: Box, url: str, simulated: Unit
) -> None:
    done = box.kanmon("device", "write", url, "demand-period", "15", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{url}: demand-period was changed from 30.0 min to 15.0 min.\n"
    assert simulated.tables[Table.HOLDING][2] == 0x4170
    attempted, written = audit(box)
    assert attempted["action"] == written["action"] == "write"
    assert (attempted["outcome"], attempted["before"], attempted["requested"]) == (
        "attempted", "30.0", "15",
    )  # fmt: skip
    assert (written["outcome"], written["after"], written["setting"]) == (
        "written", "15.0", "demand-period",
    )  # fmt: skip
    assert attempted["who"]


def test_without_a_yes_and_nobody_to_ask_nothing_is_written(
    box: Box, url: str, simulated: Unit
) -> None:
    done = box.kanmon("device", "write", url, "demand-period", "15")
    assert done.returncode == 2
    assert "cannot ask for confirmation: standard input is not a terminal" in done.stderr
    assert "'demand-period' would be changed from 30.0 min to 15 min" in done.stderr
    assert simulated.tables[Table.HOLDING][2] == 0x41F0
    assert not (box.state / "audit.jsonl").exists()


def test_what_the_profile_or_the_device_does_not_allow_is_refused(
    box: Box, url: str, simulated: Unit
) -> None:
    done = box.kanmon("device", "write", url, "voltage", "15", "--yes")
    assert done.returncode == 2
    assert "does not allow 'voltage' to be written" in done.stderr
    simulated.writable -= {14}
    done = box.kanmon("device", "write", url, "offset", "1", "--yes")
    assert done.returncode == 2
    assert "the device did not confirm the write" in done.stderr
    attempted, ended = audit(box)
    assert attempted["outcome"] == "attempted"
    assert "illegal data address" in ended["outcome"]


def test_while_the_daemon_runs_it_writes_between_its_polls(
    box: Box, url: str, simulated: Unit
) -> None:
    file = box.state.parent / "gateway.yaml"
    device = {"name": "main", "url": url, "every_s": 0.2}
    head = {"version": 1, "site": {"time_zone": "UTC"}, "cloud": {"broker": "mqtt://127.0.0.1:9"}}
    file.write_text(json.dumps(head | {"devices": [device]}))
    assert box.kanmon("config", "apply", str(file)).returncode == 0
    box.start()
    answer = box.kanmon_json("device", "write", "main", "relay", "1", "--yes")
    assert answer == {"before": "0", "after": "1", "unit": ""}
    assert simulated.tables[Table.COIL][3] == 1
    assert [line["device"] for line in audit(box)] == ["main", "main"]
    assert box.kanmon("device", "write", "other", "relay", "1", "--yes").returncode == 2
    assert box.end() == 0
