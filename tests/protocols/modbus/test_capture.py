from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.profile_loader import FolderProfiles
from drivers.replay import report_of
from protocols.errors import ErrorResponse, Timeout
from protocols.line import Line
from protocols.modbus import mbap
from protocols.modbus import rtu as rtu_frames
from protocols.modbus.capture import Capture, CaptureEntry, CaptureError, Origin, RecordingWire
from protocols.modbus.mbap import MbapTransaction
from protocols.modbus.pdu import FUNCTIONS
from protocols.modbus.planner import Read, Table
from protocols.modbus.replay import ReplayWire, units_of
from protocols.modbus.rtu import RtuTransaction
from protocols.modbus.simulator import Simulator, Unit
from protocols.modbus.unit import Framing, ModbusUnit
from protocols.serial_line import SerialWire
from protocols.tcp_line import TcpWire
from tests.serial_peers import FAST, FAST_TIMING, bus, rtu

ROOT = Path(__file__).parents[3]

HEAD = '{"capture": 1, "origin": "recorded", "device": "A B"}\n'


@st.composite
def spoken(draw: st.DrawFn) -> CaptureEntry:
    table = draw(st.sampled_from(list(Table)))
    count = draw(st.integers(1, 20))
    read = Read(table, draw(st.integers(0, 65515)), count)
    function = FUNCTIONS[table]
    request = bytes((function,)) + read.address.to_bytes(2, "big") + count.to_bytes(2, "big")
    data = draw(st.binary(min_size=read.size_bytes, max_size=read.size_bytes))
    answer = draw(
        st.sampled_from(
            [None, bytes((function | 0x80, 2)), bytes((function, read.size_bytes)) + data]
        )
    )
    return CaptureEntry(
        unit=draw(st.integers(0, 255)),
        ms=draw(st.integers(0, 10**9)),
        request=request,
        answer=answer,
        note=draw(st.text(max_size=10)),
    )


@given(st.lists(spoken(), max_size=10), st.text(max_size=20))
def test_what_is_written_is_read_back(said: list[CaptureEntry], note: str) -> None:
    capture = Capture(
        origin=Origin.SYNTHETIC,
        device="Maker Model",
        sources=("the map", "another"),
        note=note,
        entries=tuple(said),
    )
    assert Capture.parse(capture.text(), "x") == capture


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("nonsense", "x:1: not JSON"),
        ("[1]", "x:1: not an object"),
        ('{"capture": 2, "origin": "recorded", "device": ""}', "capture 2 is not 1"),
        ('{"capture": 1, "origin": "made up", "device": ""}', "'made up' is not a valid Origin"),
        ('{"capture": 1, "origin": "recorded"}', "'device'"),
        (
            '{"capture": 1, "origin": "synthetic", "device": "", "sources": ["one"]}',
            "names two sources",
        ),
        (HEAD + '{"unit": 1, "request": "03 0000 0001"}', "x:2: KeyError('answer')"),
        (HEAD + '{"unit": 1, "request": "zz", "answer": null}', "x:2: ValueError"),
        (
            HEAD + '{"unit": 1, "request": "10 0000 0001", "answer": null}',
            "does not read registers",
        ),
        (HEAD + '{"unit": 1, "request": "03 0000 0001", "answer": "03 02 00"}', "does not fit"),
        (HEAD + '{"unit": 1, "request": "03 0000 0001", "answer": "84 02"}', "does not fit"),
        (
            HEAD + '{"unit": 1, "request": "03 0000 0001", "answer": null, "anser": 1}',
            "anser is not a name",
        ),
    ],
)
def test_what_is_no_capture_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(CaptureError) as error:
        Capture.parse(text, "x")
    assert str(error.value).startswith("x:")
    assert words in str(error.value)


@asynccontextmanager
async def recorded(
    carrier: str, units: dict[int, Unit], tape: list[CaptureEntry]
) -> AsyncIterator[tuple[Line, Framing]]:
    """A line to these units that is recorded, and how its requests are framed."""
    ticks = iter(range(1000, 2000, 10))

    def now() -> int:
        return next(ticks)

    if carrier == "tcp":
        async with Simulator(units) as simulator:
            wire = TcpWire(simulator.host, simulator.port)
            line = Line(RecordingWire(wire, tape, now, mbap.unpack_frame))
            yield line, MbapTransaction
            await line.aclose()
    else:
        async with bus(lambda request: spoken_by(units, request)) as made:
            serial = SerialWire(made.path, FAST)
            line = Line(RecordingWire(serial, tape, now, rtu_frames.unpack_frame), FAST_TIMING)
            yield line, RtuTransaction
            await line.aclose()


def spoken_by(units: dict[int, Unit], request: bytes) -> list[bytes]:
    """What units on a serial bus say to a request."""
    unit = units.get(request[0])
    if unit is None or unit.silent:
        return []
    return [rtu(request[0], unit.answer(request[1:-2]))]


@pytest.mark.parametrize("carrier", ["tcp", "serial"])
async def test_traffic_is_recorded_as_it_was_and_replays_as_the_device(
    carrier: str, tmp_path: Path
) -> None:
    device = Unit()
    device.set(Table.INPUT, 0, range(500, 530))
    device.set(Table.COIL, 7, [1, 0, 1, 1, 0, 0, 1, 0, 1])
    tape: list[CaptureEntry] = []
    async with recorded(carrier, {1: device, 2: Unit(silent=True)}, tape) as (line, framing):
        unit = ModbusUnit(line, 1, now=lambda: 0, framing=framing)
        await unit.read(Read(Table.INPUT, 2, 10))
        await unit.read(Read(Table.COIL, 7, 9))
        with pytest.raises(ErrorResponse):
            await unit.read(Read(Table.HOLDING, 64, 1))
        silent = ModbusUnit(line, 2, now=lambda: 0, timeout_s=0.05, framing=framing)
        with pytest.raises(Timeout):
            await silent.read(Read(Table.INPUT, 0, 1))

    assert [(s.unit, s.request.hex(), s.answer and s.answer.hex()) for s in tape] == [
        (1, "040002000a", "0414" + "".join(f"{v:04x}" for v in range(502, 512))),
        (1, "0100070009", "01024d01"),
        (1, "0300400001", "8302"),
        (2, "0400000001", None),
    ]
    assert [s.ms for s in tape] == [10, 20, 30, 40]

    path = tmp_path / "capture.jsonl"
    made = Capture(origin=Origin.RECORDED, device="A B", entries=tuple(tape))
    path.write_text(made.text(), "utf-8")
    assert all(json.loads(row) for row in path.read_text("utf-8").splitlines())
    again = Line(ReplayWire.of(Capture.load(path)))
    unit = ModbusUnit(again, 1, now=lambda: 0)
    # Other cuts of the same registers are answered too: a better plan does not need a new capture.
    assert (await unit.read(Read(Table.INPUT, 4, 3))).data == bytes.fromhex("01f801f901fa")
    assert (await unit.read(Read(Table.COIL, 9, 2))).data == b"\3"
    for refused in (Read(Table.HOLDING, 64, 1), Read(Table.INPUT, 0, 4)):
        with pytest.raises(ErrorResponse, match="illegal data address"):
            await unit.read(refused)
    with pytest.raises(Timeout):
        await ModbusUnit(again, 2, now=lambda: 0).read(Read(Table.INPUT, 0, 1))


async def test_a_meter_on_a_serial_line_is_recorded_by_the_script() -> None:
    """What the script records of a meter that says what a capture says is that capture's report."""
    kept = Capture.load(ROOT / "tests" / "captures" / "abb-b23" / "capture.jsonl")
    units = units_of(kept)
    (number,) = units
    async with bus(lambda request: spoken_by(units, request)) as made:
        url = f"modbus-rtu://{made.path}?baud=115200&parity=N&unit={number}&profile=abb-b23"
        command = [str(ROOT / "scripts" / "capture"), "record", url, "ABB B23"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        text, _ = await process.communicate()
    assert process.returncode == 0
    recorded = Capture.parse(text.decode(), "recorded")
    assert recorded.origin is Origin.RECORDED
    assert await report_of("abb-b23", recorded, FolderProfiles()) == await report_of(
        "abb-b23", kept, FolderProfiles()
    )


def test_a_url_nobody_can_record_is_told() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "capture"), "record", "modbus-tcp://", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "missing host" in done.stderr
    assert "Traceback" not in done.stderr
