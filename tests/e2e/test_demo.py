"""The demonstration as a newcomer runs it: values on the page, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from gateway.control.client import call
from scripts.demonstration.page import Visitor
from scripts.demonstration.ports import free_port
from scripts.demonstration.sites import ORGANIZATION
from tests.gateway.box import Box, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.timeout(240), pytest.mark.first]
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


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demonstration that runs until it is ended, and the link that it printed."""
    with subprocess.Popen(
        command(folder, "--broker", "installed"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,
    ) as running:
        assert running.stdout is not None
        said = ""
        try:
            while not (link := LINK.search(said)):
                line = running.stdout.readline()
                assert line, f"no link; it said:\n{said}"
                said += line
            yield running, link.group()
        finally:
            running.kill()


@dataclass(frozen=True, kw_only=True)
class FirstHour:
    """What is left when somebody followed the tutorial and the demonstration was killed.

    Attributes:
        folder: The demonstration's.
        link: What it printed.
        ports: What it kept.
        box: A gateway that was enrolled, and does not run now.
        alive: Processes of the demonstration that did not end with it.
    """

    folder: Path
    link: str
    ports: dict[str, int]
    box: Box
    alive: list[psutil.Process]


@pytest.fixture(scope="module")
def first_hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstHour]:
    """Steps 1, 4 and 5 of docs/tutorial/first-hour.md, with a device of the demonstration's."""
    place = tmp_path_factory.mktemp("first-hour")
    folder, box = place / "demo", Box(place / "state")
    with started(folder) as (running, link):
        enrol(box, folder, link)
        with runs(box):
            wait_for("its readings", lambda: call(box.state, "status")["link"].get("delivered"))
        children = psutil.Process(running.pid).children(recursive=True)
        running.kill()
    _, alive = psutil.wait_procs(children, timeout=15)
    ports = json.loads((folder / "ports.json").read_text())
    yield FirstHour(folder=folder, link=link, ports=ports, box=box, alive=alive)
    assert survivors(folder) == []


@contextmanager
def runs(box: Box) -> Iterator[None]:
    """A gateway that runs meanwhile."""
    box.start()
    try:
        yield
    finally:
        assert box.end() == 0


def enrol(box: Box, folder: Path, link: str) -> None:
    """Give a box a device, and a name in the demonstration's portal."""
    Visitor().sign_in(link)
    portal = link.partition("/sign-in/")[0]
    words = "--organization", ORGANIZATION, "--site", "Desk", "--time-zone", "UTC", "--json"
    issued = subprocess.run(
        [sys.executable, "-m", "portal.cli", "key", "issue", *words],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "KANMON_PORTAL_STATE": str(folder / "portal"),
            "KANMON_PORTAL_URL": portal,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    url = re.search(r"modbus-tcp://[^\"]+", (folder / "plant.yaml").read_text())
    assert url is not None
    device = {"name": "main-incomer", "url": url.group(), "every_s": 1}
    text = {"version": 1, "site": {"time_zone": "UTC"}, "devices": [device]}
    file = box.state.with_name("first.yaml")
    file.write_text(json.dumps(text))
    key = json.loads(issued.stdout)["key"]
    for step in (("config", "apply", str(file)), ("enroll", key, "--consent")):
        done = box.kanmon(*step)
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True, kw_only=True)
class SecondStart:
    """A demonstration that ran again in its folder, until Ctrl-C.

    Attributes:
        link: What it printed.
        processes: How many ran then.
        code: How it ended.
        rest: What it said at its end.
    """

    link: str
    processes: int
    code: int
    rest: str


@pytest.fixture(scope="module")
def second_start(first_hour: FirstHour) -> SecondStart:
    """It starts again after the first hour; the gateway of that hour finds it again."""
    with started(first_hour.folder) as (running, link):
        box = first_hour.box
        with runs(box):
            wait_for("the portal", lambda: call(box.state, "status")["link"]["connected"])
        processes = len(survivors(first_hour.folder))
        running.send_signal(signal.SIGINT)
        assert running.stdout is not None
        rest = running.stdout.read()
        code = running.wait()
    return SecondStart(link=link, processes=processes, code=code, rest=rest)


@pytest.mark.peer("mosquitto")
def test_a_killed_demonstration_takes_its_processes_with_it(first_hour: FirstHour) -> None:
    assert first_hour.alive == []


@pytest.mark.peer("mosquitto")
def test_it_starts_again_in_its_folder_after_the_first_hour(
    first_hour: FirstHour, second_start: SecondStart
) -> None:
    """A gateway of somebody's own is silent meanwhile, so that more than the copier needs them."""
    assert urlsplit(second_start.link).port == urlsplit(first_hour.link).port
    assert json.loads((first_hour.folder / "ports.json").read_text()) == first_hour.ports


@pytest.mark.peer("mosquitto")
def test_ctrl_c_stops_everything(first_hour: FirstHour, second_start: SecondStart) -> None:
    assert second_start.processes >= 5, "broker, portal, ingest, site and gateway run"
    assert second_start.code == 0
    assert "Everything is stopped." in second_start.rest
    assert survivors(first_hour.folder) == []


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
