from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.capture import Capture, CaptureError, Origin, RecordingWire, Spoken, Tape
from protocols.errors import Refused, Timeout
from protocols.fakes import ReplayWire
from protocols.line import Line
from protocols.modbus import ModbusUnit
from protocols.modbus_pdu import FUNCTIONS
from protocols.planner import Read, Table
from protocols.simulator import Simulator, Unit
from protocols.tcp_line import TcpWire

HEAD = '{"capture": 1, "origin": "recorded", "device": "A B"}\n'


@st.composite
def spoken(draw: st.DrawFn) -> Spoken:
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
    return Spoken(
        unit=draw(st.integers(0, 255)),
        ms=draw(st.integers(0, 10**9)),
        request=request,
        answer=answer,
        note=draw(st.text(max_size=10)),
    )


@given(st.lists(spoken(), max_size=10), st.text(max_size=20))
def test_what_is_written_is_read_back(said: list[Spoken], note: str) -> None:
    capture = Capture(
        origin=Origin.SYNTHETIC,
        device="Maker Model",
        sources=("the map", "another"),
        note=note,
        spoken=tuple(said),
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
        (HEAD + '{"unit": 1, "request": "10 0000 0001", "answer": null}', "no read of registers"),
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


async def test_traffic_is_recorded_as_it_was_and_replays_as_the_device(tmp_path: Path) -> None:
    device = Unit()
    device.set(Table.INPUT, 0, range(500, 530))
    device.set(Table.COIL, 7, [1, 0, 1, 1, 0, 0, 1, 0, 1])
    ticks = iter(range(1000, 2000, 10))
    tape = Tape()
    async with Simulator({1: device, 2: Unit(silent=True)}) as simulator:
        wire = RecordingWire(TcpWire(simulator.host, simulator.port), tape, lambda: next(ticks))
        line = Line(wire)
        unit = ModbusUnit(line, 1, now=lambda: 0)
        await unit.read(Read(Table.INPUT, 2, 10))
        await unit.read(Read(Table.COIL, 7, 9))
        with pytest.raises(Refused):
            await unit.read(Read(Table.HOLDING, 64, 1))
        with pytest.raises(Timeout):
            await ModbusUnit(line, 2, now=lambda: 0, timeout_s=0.05).read(Read(Table.INPUT, 0, 1))
        await line.aclose()

    assert [(s.unit, s.request.hex(), s.answer and s.answer.hex()) for s in tape.spoken] == [
        (1, "040002000a", "0414" + "".join(f"{v:04x}" for v in range(502, 512))),
        (1, "0100070009", "01024d01"),
        (1, "0300400001", "8302"),
        (2, "0400000001", None),
    ]
    assert [s.ms for s in tape.spoken] == [10, 20, 30, 40]

    path = tmp_path / "capture.jsonl"
    made = Capture(origin=Origin.RECORDED, device="A B", spoken=tuple(tape.spoken))
    path.write_text(made.text(), "utf-8")
    assert all(json.loads(row) for row in path.read_text("utf-8").splitlines())
    again = Line(ReplayWire.of(Capture.load(path)))
    unit = ModbusUnit(again, 1, now=lambda: 0)
    # Other cuts of the same registers are answered too: a better plan does not need a new capture.
    assert (await unit.read(Read(Table.INPUT, 4, 3))).data == bytes.fromhex("01f801f901fa")
    assert (await unit.read(Read(Table.COIL, 9, 2))).data == b"\3"
    for refused in (Read(Table.HOLDING, 64, 1), Read(Table.INPUT, 0, 4)):
        with pytest.raises(Refused, match="illegal data address"):
            await unit.read(refused)
    with pytest.raises(Timeout):
        await ModbusUnit(again, 2, now=lambda: 0).read(Read(Table.INPUT, 0, 1))
