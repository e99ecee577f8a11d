"""``kanmon bus stats`` and ``kanmon device watch``, beside a daemon that polls."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.bus_load import BusLoad, RequestTime
from drivers.modbus.bus_load import request_times
from gateway.cli.bus import _measured
from gateway.configuration.checks import LineDevice, line_time
from gateway.control.bus_stats import as_planned
from gateway.control.client import call
from protocols.modbus.planner import Read, Table
from protocols.modbus.rtu_timing import RtuTiming
from protocols.serial_format import SerialFormat
from tests.gateway.box import Box, wait_for
from tests.gateway.meter import Meter, meter

ROOT = Path(__file__).parents[3]
PROFILE = """\
version: 1
maker: Acme
model: X1
sources: ["made up", "for tests"]
points:
  - {at: 0, quantity: voltage, part: l1, scale: 0.1}
"""


@pytest.fixture
def device() -> Iterator[Meter]:
    with meter() as running:
        yield running


@pytest.fixture
def serial(tmp_path: Path) -> Iterator[str]:
    """A fast serial line with unit 1 on it, and nobody else."""
    command = [sys.executable, "-m", "scripts.benchmarks.paced_bus", "115200", "1", "0.002"]
    with subprocess.Popen(
        [*command, str(tmp_path / "journal")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as bus:
        assert bus.stdout is not None
        yield bus.stdout.readline().strip()
        bus.terminate()
        bus.wait(10)


@pytest.fixture
def box(tmp_path: Path, device: Meter, serial: str) -> Iterator[Box]:
    box = Box(tmp_path / "state")
    (box.state / "profiles").mkdir(parents=True)
    (box.state / "profiles" / "acme-x1.yaml").write_text(PROFILE)
    line = f"modbus-rtu://{serial}?baud=115200&parity=N&profile=acme-x1&timeout_s=0.2"
    devices = {
        "near": f"{line}&unit=1",
        "gone": f"{line}&unit=7",
        "main": f"modbus-tcp://127.0.0.1:{device.port}/?unit=1&profile=eastron-sdm630",
    }
    file = tmp_path / "gateway.yaml"
    file.write_text(
        json.dumps(
            {
                "version": 1,
                "site": {"time_zone": "UTC"},
                "cloud": {"broker": "mqtt://127.0.0.1:9"},
                "devices": [{"name": n, "url": u, "every_s": 0.5} for n, u in devices.items()],
            }
        )
    )
    done = box.kanmon("config", "apply", str(file))
    assert done.returncode == 0, done.stderr
    box.start()
    yield box
    box.kill()


def test_a_technician_sees_which_device_spoils_the_line(box: Box) -> None:
    def near() -> int:
        return int(call(box.state, "bus")[0]["devices"][0]["responses"])

    wait_for("some answers", lambda: near() > 3)
    lines = {line["line"].partition(":")[0]: line for line in box.kanmon_json("bus", "stats")}
    serial = lines["serial"]
    assert serial["form"] == "115200 8N1"
    assert serial["holds_with"] == 1
    assert 0 < serial["predicted_utilization"] < 0.5
    assert 0 < serial["measured_utilization"] < 1
    answering, silent = serial["devices"]
    assert (answering["name"], answering["unit"], answering["timeouts"]) == ("near", 1, 0)
    assert (silent["name"], silent["responses"]) == ("gone", 0)
    assert silent["timeouts"] >= 1
    assert silent["failures"] >= 1
    assert silent["next_s"] >= 0
    assert lines["tcp"]["predicted_utilization"] is None
    text = box.kanmon("bus", "stats", "--over", "0.2").stdout
    assert "115200 8N1" in text
    assert "tolerates 1 of 2 devices not answering" in text
    assert "after" in text
    assert box.end() == 0
    assert box.kanmon("bus", "stats").returncode == 2


def test_a_device_is_watched_as_often_as_asked(box: Box) -> None:
    done = box.kanmon("device", "watch", "near", "--every", "0.1", "--count", "3", "--json")
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report["reachability"] for report in reports] == ["online"] * 3
    assert box.kanmon("device", "watch", "gone", "--count", "1").returncode == 2
    assert box.kanmon("device", "watch", "nobody", "--count", "1").returncode == 2
    assert box.kanmon("device", "watch", "near", "--every", "0").returncode == 3


def test_the_measured_share_is_of_the_time_between_two_looks() -> None:
    earlier = {"busy_s": 10.0, "open_s": 100.0}
    assert _measured({"busy_s": 15.0, "open_s": 110.0}, earlier) == 0.5
    assert _measured({"busy_s": 15.0, "open_s": 150.0}, None) == 0.1
    assert _measured({"busy_s": 1.0, "open_s": 2.0}, earlier) == 0.5, "it was opened anew"
    assert _measured({"busy_s": None, "open_s": None}, None) is None


def test_what_is_predicted_follows_what_is_asked_by_now() -> None:
    """A model that lacks registers is read in more pieces than its profile would take."""
    form = SerialFormat(baud=9600, parity="E", stop=1)
    rtu = RtuTiming(form)
    whole = request_times(rtu, [Read(Table.INPUT, 0, 40)])
    pieces = request_times(rtu, [Read(Table.INPUT, n, 19) for n in (0, 21)])

    class ReplannedDriver:
        def planned(self) -> dict[str, tuple[RequestTime, ...]]:
            return {"live": pieces}

    one = LineDevice(
        index=0,
        name="main",
        address=1,
        scheme="modbus-rtu",
        load=BusLoad(form=form, drain_s=rtu.line.drain_s, groups={"live": whole}, timeout_s=1),
        periods={"live": 1.0},
    )
    (asked,) = as_planned({"serial:/dev/x": [one]}, {"main": ReplannedDriver()})["serial:/dev/x"]
    assert asked.load.groups == {"live": pieces}
    times = [line_time("serial:/dev/x", [each]) for each in (one, asked)]
    assert times[0] is not None
    assert times[1] is not None
    assert times[1].utilization > times[0].utilization
    assert as_planned({"x": [one]}, {})["x"] == [one]
