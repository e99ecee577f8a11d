"""The demonstration as a newcomer runs it: values on the page, and nothing left behind."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from scripts.demonstration.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("demo")]
ROOT = Path(__file__).resolve().parents[2]
STEPS = {"install", "first value", "first fault", "history", "all well again", "gap filled"}
STEP = re.compile(rf"^  ({'|'.join(sorted(STEPS))}) +([\d.]+) s", re.MULTILINE)
TOLD_S = 60
"""Within which the demonstration tells its story."""
LEDGER = re.compile(r"accepted ([\d,]+) = stored ([\d,]+), lost 0, doubled 0$", re.MULTILINE)
LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in/link/\S+")


@pytest.fixture(scope="module", autouse=True)
def _assets() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "assets"], check=True, capture_output=True)


def command(folder: Path, *options: str) -> list[str]:
    words = ["-m", "scripts.demonstration", "--folder", str(folder), "--port", "0"]
    return [sys.executable, *words, *options]


def survivors(folder: Path) -> list[str]:
    """Processes of a demonstration that still run; each has its folder in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.environ().get("KANMON_STATE", ""):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "demo"
    yield place
    assert survivors(place) == []


@pytest.mark.parametrize(
    "broker", [pytest.param("installed", marks=pytest.mark.peer("mosquitto")), "amqtt"]
)
def test_once_prints_what_arrived_and_exits_0(folder: Path, broker: str) -> None:
    done = subprocess.run(
        command(folder, "--once", "--broker", broker),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "readings of 6 devices are in the portal and on its page" in done.stdout
    assert re.search(r"power\.active\s+-?\d+\.\d W", done.stdout)
    took = {step: float(seconds) for step, seconds in STEP.findall(done.stdout)}
    assert set(took) == STEPS
    assert took["first value"] < TOLD_S
    assert took["first fault"] < TOLD_S
    books = LEDGER.search(done.stdout)
    assert books is not None, done.stdout
    accepted, stored = (int(digits.replace(",", "")) for digits in books.groups())
    assert accepted == stored > 0
    assert done.stderr == ""


def _heed_ctrl_c() -> None:
    """As at a terminal: what a shell runs in the background is started with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.peer("mosquitto")
def test_ctrl_c_stops_everything(folder: Path) -> None:
    running = subprocess.Popen(
        command(folder, "--broker", "installed"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,
    )
    assert running.stdout is not None
    assert any(LINK.search(line) for line in running.stdout)
    assert len(survivors(folder)) >= 5, "broker, portal, ingest, site and gateway run"
    running.send_signal(signal.SIGINT)
    with running.stdout:
        rest = running.stdout.read()
    assert running.wait() == 0
    assert "Everything is stopped." in rest


@pytest.mark.peer("mosquitto")
def test_a_killed_demonstration_takes_its_processes_with_it(folder: Path) -> None:
    running = subprocess.Popen(
        command(folder, "--broker", "installed"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert any(LINK.search(line) for line in running.stdout)
    children = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.wait()
    running.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []


@pytest.mark.peer("mosquitto")
def test_a_meter_that_is_not_there_is_a_failure_and_not_a_success(folder: Path) -> None:
    """The check that must be able to fail: without the simulated site nothing arrives."""
    words = command(folder, "--once", "--broker", "installed", "--patience", "8", "--no-site")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout
    assert "no values of" in done.stdout


def test_a_port_in_use_is_no_obstacle() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert free_port(taken) != taken
