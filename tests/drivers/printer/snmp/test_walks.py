"""Printers' walks in, reviewed reports out.

What the walks of real printers taught, and what is asserted of each, stands in
``tests/walks/real/README.md``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.replay import report_of_agent
from drivers.report import Quality, Report, Severity, State
from drivers.report_reader import from_json, loads
from protocols.snmp.agent import SnmpAgent
from protocols.snmp.model import Target, Version
from protocols.snmp.replay import ReplayAgent
from tests.peers import LOOPBACK
from tests.printer_walks import (
    FOLDER,
    REAL,
    REPORTS,
    SYNTHETIC,
    masked,
    real,
    real_text,
    synthetic,
    text_of,
)
from tests.snmp_peers import UdpPeer, snmpd, snmpsim

IDLE = {"idle-colour-laser", "asleep", "large-format"}
"""Of ours: nothing is wrong with them."""
REPORTED = sorted(path.stem for path in REPORTS.glob("*.json"))
TROUBLED = {"epson", "konica", "ricoh_mpc3002"}
"""Of the real ones: their hrDeviceStatus is warning(3)."""
needs_walks = pytest.mark.skipif(
    not REAL.is_dir(),
    reason=f"NO WALKS OF REAL PRINTERS in {REAL} (KANMON_WALKS): their reports were not compared",
)


def expected(path: Path) -> Report:
    return from_json(loads(path.read_text("utf-8")))


def check_whole(report: Report) -> None:
    """What holds of every report."""
    keys = [condition.key for condition in report.conditions]
    assert len(keys) == len(set(keys))
    parts = [(reading.quantity, reading.part) for reading in report.readings]
    assert len(parts) == len(set(parts))
    for reading in report.readings:
        assert (reading.value is None) == (reading.quality is not Quality.GOOD)
    for condition in report.conditions:
        assert condition.source
        assert condition.message


# --- ours ---------------------------------------------------------------------------------------


@pytest.mark.req("C-17", "C-20", "E-32")
@pytest.mark.parametrize("name", SYNTHETIC)
async def test_a_walk_becomes_the_report_that_was_reviewed(name: str) -> None:
    report = await report_of_agent(name, ReplayAgent(synthetic(name)))

    check_whole(report)
    reviewed = (FOLDER / name / "report.json").read_text("utf-8")
    assert text_of(report) == reviewed


@pytest.fixture(scope="module")
def simulated() -> Iterator[UdpPeer]:
    texts = {name: synthetic(name).text() for name in SYNTHETIC}
    if REAL.is_dir():
        texts |= {name: real_text(name) for name in REPORTED}
    with snmpsim(texts) as server:
        yield server


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
@pytest.mark.parametrize("name", SYNTHETIC)
async def test_the_same_comes_from_a_simulated_agent(
    simulated: UdpPeer, name: str, version: Version
) -> None:
    target = Target(host=LOOPBACK, port=simulated.port, community=name, version=version)

    report = await report_of_agent(name, SnmpAgent(target))

    assert report == expected(FOLDER / name / "report.json")


@pytest.mark.peer("snmpd")
@pytest.mark.parametrize("name", SYNTHETIC)
async def test_the_same_comes_from_snmpd_in_every_version(name: str) -> None:
    with snmpd(synthetic(name)) as peer:
        for version in Version:
            report = await report_of_agent(name, SnmpAgent(peer.target(version)))
            assert report == expected(FOLDER / name / "report.json"), version


@pytest.mark.parametrize("name", sorted(IDLE))
async def test_nothing_is_wrong_with_a_printer_at_rest(name: str) -> None:
    report = await report_of_agent(name, ReplayAgent(synthetic(name)))

    assert {condition.severity for condition in report.conditions} <= {Severity.INFO}
    assert report.state in (State.READY, State.RUNNING)


# --- real ones ----------------------------------------------------------------------------------


@needs_walks
def test_every_walk_there_is_has_a_reviewed_report() -> None:
    assert sorted(path.stem for path in REAL.glob("*.snmprec")) == REPORTED


@needs_walks
@pytest.mark.req("C-17", "C-20")
@pytest.mark.parametrize("name", REPORTED)
async def test_a_real_walk_becomes_the_report_that_was_reviewed(name: str) -> None:
    report = await report_of_agent(name, ReplayAgent(real(name)))

    check_whole(report)
    assert text_of(masked(report)) == (REPORTS / f"{name}.json").read_text("utf-8")


@needs_walks
@pytest.mark.parametrize("name", REPORTED)
async def test_the_same_comes_from_a_simulated_real_printer(simulated: UdpPeer, name: str) -> None:
    target = Target(host=LOOPBACK, port=simulated.port, community=name)

    report = await report_of_agent(name, SnmpAgent(target))

    assert masked(report) == expected(REPORTS / f"{name}.json")


@needs_walks
@pytest.mark.req("C-17")
@pytest.mark.parametrize("name", sorted(set(REPORTED) - TROUBLED))
async def test_nothing_is_wrong_with_a_real_printer_at_rest(name: str) -> None:
    report = await report_of_agent(name, ReplayAgent(real(name)))

    assert {condition.severity for condition in report.conditions} <= {Severity.INFO}
    assert report.state in (State.READY, State.OTHER)


# --- recording ----------------------------------------------------------------------------------

SCRIPT = [sys.executable, str(Path(__file__).parents[4] / "scripts" / "capture")]


@pytest.mark.peer("snmpd")
def test_what_is_recorded_of_a_printer_gives_its_report(tmp_path: Path) -> None:
    name = "waste-full-and-motor"
    file = tmp_path / name / "walk.snmprec"
    file.parent.mkdir()
    with snmpd(synthetic(name)) as peer:
        url = f"snmp://{peer.community}@{LOOPBACK}:{peer.port}/"
        file.write_bytes(
            subprocess.run([*SCRIPT, "walk", url], check=True, capture_output=True).stdout
        )

    again = subprocess.run([*SCRIPT, "report", str(file)], check=True, capture_output=True).stdout

    assert again.decode() == (FOLDER / name / "report.json").read_text("utf-8")


def test_what_is_no_walk_is_told(tmp_path: Path) -> None:
    file = tmp_path / "walk.snmprec"
    file.write_text("1.3.6.1|9|what\n")

    done = subprocess.run(
        [*SCRIPT, "report", str(file)], check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "line 1: '1.3.6.1|9|what' is not a valid variable" in done.stderr
    assert "Traceback" not in done.stderr
