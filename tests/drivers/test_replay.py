"""Captures, recorded and replayed with ``scripts/capture``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.modbus.capture import Capture
from protocols.modbus.planner import Table
from protocols.modbus.replay import units_of
from protocols.modbus.simulator import Simulator

ROOT = Path(__file__).parents[2]
SDM630_CAPTURE = ROOT / "tests" / "captures" / "eastron-sdm630"
SCRIPT = [sys.executable, str(ROOT / "scripts" / "capture")]
SDM630 = "unit=1&profile=eastron-sdm630"


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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("record", "snmp://127.0.0.1/", "Maker Model"), "walk URL"),
        (("report", "nothing"), "captures/nothing/capture.jsonl: [Errno 2]"),
    ],
)
def test_what_the_script_cannot_do_is_told(words: tuple[str, ...], told: str) -> None:
    done = subprocess.run([*SCRIPT, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
