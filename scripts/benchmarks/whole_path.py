"""The whole path with real processes: meters, gateway, Mosquitto, ingest, database.

Readings per CPU-second of the gateway's process and its resident set, and how long a change of a
register takes to be committed in the database.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.report import Quantity, Reading
from provisioning.identity import box_id
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.plant import REGISTERS, UNITS
from scripts.demonstration import broker
from scripts.demonstration.ports import free_port
from scripts.demonstration.processes import Children, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    "cloud_link", "config", "drivers", "gateway", "portal", "protocols", "provisioning"
)  # fmt: skip
_QUANTITIES: Final = (
    ("current", "channel"),
    ("voltage", "string"),
    ("power.active", "channel"),
    ("temperature", "channel"),
    ("pressure", "channel"),
)
_READY_S: Final = 60.0


def profile() -> str:
    """The units' profile, ``bench-b400``: every register a reading of its own."""
    points = []
    for register in range(REGISTERS):
        quantity, key = _QUANTITIES[register // 99]
        part = f'"{key}={register % 99 + 1}"'
        what = f"quantity: {quantity}, part: {part}"
        points.append(f"  - {{at: {register}, {what}, scale: 0.1, resolution: -1}}")
    head = [
        "version: 1",
        "maker: Bench",
        "model: B400",
        'sources: ["scripts/benchmarks/plant.py", "this file"]',
        "defaults: {table: holding, type: uint16}",
        "points:",
    ]
    return "\n".join([*head, *points]) + "\n"


def configuration(broker_port: int, plant_port: int, units: int, every_s: float = 1) -> str:
    """The gateway's configuration: ``unit-1`` and so on, each polled every ``every_s``."""
    devices = [
        {
            "name": f"unit-{number}",
            "url": f"modbus-tcp://127.0.0.1:{plant_port}/?unit={number}&profile=bench-b400",
            "every_s": every_s,
        }
        for number in range(1, units + 1)
    ]
    return json.dumps(
        {
            "version": 1,
            "site": {"time_zone": "Asia/Tokyo"},
            "gateway": {"label": "Bench"},
            "cloud": {"broker": f"mqtt://127.0.0.1:{broker_port}", "mqtt": "5"},
            "devices": devices,
        }
    )


def compile_packages() -> None:
    """As in an installed package: who compiles what it imports keeps megabytes for it."""
    packages = [ROOT / name for name in PACKAGES]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *packages], check=True)


@dataclass(kw_only=True)
class Site:
    """Everything that runs, in a folder of its own."""

    folder: Path
    units: int
    children: Children = field(init=False)
    environment: dict[str, str] = field(init=False)

    def start(self) -> None:
        """Start it all; returns when the first samples are stored."""
        compile_packages()
        self.children = Children(logs=self.folder / "logs")
        port, plant = free_port(), free_port()
        self.environment = {
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "portal.settings",  # whatever the caller's own are
            "KANMON_STATE": str(self.folder / "gateway"),
            "KANMON_PORTAL_STATE": str(self.folder / "portal"),
            "KANMON_BROKER": f"mqtt://127.0.0.1:{port}",
            # The gateway is measured, not how often a portal on a busy core makes it pause.
            "KANMON_INGEST_BUDGET": "100",
        }
        program = broker.plain(self.folder, port)
        self.children.start("broker", program.command, self.environment | program.environment)
        self._module("plant", "scripts.benchmarks.plant", str(plant), str(self.folder / "changes"))
        for each in (port, plant):
            self.children.wait_until(lambda each=each: listening(each), "a server", _READY_S)  # type: ignore[misc]
        profiles = self.folder / "gateway" / "profiles"
        profiles.mkdir(parents=True)
        (profiles / "bench-b400.yaml").write_text(profile())
        self._tool("portal.cli", "migrate")
        self._tool("portal.cli", "gateway", "add", "--organization", "Bench", "--site", "Bench",
                   "--gateway", "Bench", "--box", box_id(self.folder / "gateway"))  # fmt: skip
        self._configure(port, plant)
        self._module("ingest", "portal.cli", "ingest")
        self._module("gateway", "gateway.cli", "run")
        self.children.wait_until(lambda: self.samples() > 0, "the first sample", _READY_S)

    def samples(self) -> int:
        """How many samples the portal has."""
        try:
            with closing(self._database()) as database:
                return int(database.execute("SELECT count(*) FROM ingest_sample").fetchone()[0])
        except sqlite3.OperationalError:
            return 0

    def pid(self, name: str) -> int:
        """The id of one of the processes."""
        return self.children.running[name].pid

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.folder / 'portal' / 'db.sqlite3'}?mode=ro", uri=True)

    def _configure(self, port: int, plant: int) -> None:
        path = self.folder / "kanmon.yaml"
        path.write_text(configuration(port, plant, self.units))
        self._tool("gateway.cli", "config", "apply", str(path))

    def _module(self, name: str, module: str, *arguments: str) -> None:
        self.children.start(name, [sys.executable, "-m", module, *arguments], self.environment)

    def _tool(self, module: str, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=os.environ | self.environment,
            check=True,
            capture_output=True,
        )


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process so far, to the nanosecond; 0 once it has ended."""
    spent = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            spent += int(task.read_text().split()[0]) / 1e9
    return spent


def resident_mb(pid: int) -> float:
    """Resident set of a process in megabytes (10**6)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _rates(site: Site, seconds: float) -> Iterator[tuple[float, float]]:
    """(readings a CPU-second, resident MB), five times."""
    for _ in range(5):
        began, cpu = site.samples(), cpu_s(site.pid("gateway"))
        time.sleep(seconds / 5)
        readings = site.samples() - began
        yield readings / (cpu_s(site.pid("gateway")) - cpu), resident_mb(site.pid("gateway"))


def _readings_alone() -> float:
    """Readings made per CPU-second, one constructor call each, by a loop that does nothing else."""
    rates = []
    for _ in range(5):
        began = time.process_time()
        for value in range(100_000):
            Reading(quantity=Quantity.CURRENT, value=value, resolution=-1, part="l1", at=value)
        rates.append(100_000 / (time.process_time() - began))
    return max(rates)


def measure(scale: float = 1.0) -> list[Figure]:
    """Readings per CPU-second and resident set at 10 x 400 registers a second."""
    alone = [_readings_alone()]
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder=Path(folder), units=UNITS)
        try:
            site.start()
            time.sleep(min(5.0, 5 * scale))  # the first polls announce tables and identities
            rates = list(_rates(site, max(5.0, 40 * scale)))
        finally:
            site.children.stop()
    alone.append(_readings_alone())
    speed = statistics.median(rate for rate, _ in rates)
    resident = max(memory for _, memory in rates)
    what = f"{UNITS} units of {REGISTERS} registers each second, all changing"
    return [
        Figure(
            name=f"readings per CPU-second of the gateway ({what})",
            value=f"{speed:,.0f}",
            aim="200,000",
            met=speed >= 200_000,
        ),
        Figure(
            name="the same over a loop that makes such readings and does nothing else",
            value=f"{speed / statistics.mean(alone):.2f}",
        ),
        Figure(
            name="its resident set as it runs",
            value=f"{resident:.1f} MB",
            aim="45 MB",
            met=resident <= 45,
        ),
    ]
