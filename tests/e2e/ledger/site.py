"""A whole installation of real processes, and everything that can happen to it.

::

    gateway --MQTT--> Mosquitto --MQTT--> ingest worker(s) --> database
       |  spool/, journal-NNNN
       '- a clone of it, for a while

Every fault is counted by name when it hit something that ran. `Site.heal` mends everything and
returns when the spool is empty.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.ledger.expected_values import BOX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tests.e2e.ledger.database import Database
    from tests.peers import Mosquitto

ROOT: Final = Path(__file__).parents[3]
PATIENCE_S: Final = 120.0
DRAIN_S: Final = 150.0


@dataclass(kw_only=True)
class Program:
    """A process of ours, ended by its pid."""

    command: list[str]
    log: Path
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it; it may take a while until it does anything."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=os.environ | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """A signal to the running process."""
        assert self.process is not None
        assert self.running, self.words()
        os.kill(self.process.pid, number)

    def kill(self) -> bool:
        """SIGKILL; whether that hit a running process."""
        return self._end(signal.SIGKILL)

    def stop(self) -> bool:
        """SIGTERM, and SIGKILL where that is not enough."""
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> bool:
        process, self.process = self.process, None
        if process is None:
            return False
        hit = process.poll() is None
        with suppress(ProcessLookupError):
            os.kill(process.pid, by)
            os.kill(process.pid, signal.SIGCONT)  # a paused process would not hear it
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return hit

    def words(self) -> str:
        """The end of the process's output."""
        return self.log.read_text("utf-8", "replace")[-3000:] if self.log.exists() else ""


class Incarnation(Program):
    """One process of a gateway."""

    folder: Path
    name: int

    def status(self) -> dict[str, Any]:
        """The last status that the process wrote; empty before the first."""
        path = self.folder / f"status-{self.name:04}"
        result: dict[str, Any] = json.loads(path.read_text("ascii")) if path.exists() else {}
        return result

    def get(self, key: str) -> int:
        """The number ``key`` of `status`; 0 where it is missing."""
        return int(self.status().get(key, 0))


class Site:
    """An installation: gateway, broker, portal workers and database.

    Args:
        folder: The folder of all its files.
        broker: A running broker.
        database: The portal's database.
        rng: The source of all random choices.
        puback: Whether the gateway deletes on PUBACK (the control).
        portal: The module that is the portal's command line.
    """

    def __init__(
        self,
        folder: Path,
        broker: Mosquitto,
        database: Database,
        rng: Random,
        *,
        puback: bool = False,
        portal: str = "portal.cli",
    ) -> None:
        self._folder = folder
        self._broker = broker
        self._database = database
        self._rng = rng
        self._puback = puback
        self._portal = portal
        self._made = 0
        self._boot = secrets.token_hex(16)
        self.faults: Counter[str] = Counter()
        self.following: dict[tuple[str, int], int] = {}
        self._variables = {
            "DJANGO_SETTINGS_MODULE": "portal.settings",  # not the tests' own
            "KANMON_PORTAL_STATE": str(folder / "portal"),
            "KANMON_DATABASE_URL": database.url,
            "KANMON_BROKER": broker.url,
        }
        self._workers = [
            Program(
                command=[sys.executable, "-m", portal, "ingest"],
                log=folder / f"ingest-{index}.log",
                variables=self._variables,
            )
            for index in range(database.workers)
        ]
        self._gateway: Incarnation | None = None
        self._last: Incarnation | None = None
        self._others: list[Incarnation] = []

    # What it consists of

    def prepare(self) -> None:
        """Make the database and a place for the box."""
        place = ["--organization", "Ledger", "--site", "Hall", "--gateway", "Box", "--box", BOX]
        for arguments in (["migrate"], ["gateway", "add", *place]):
            subprocess.run(
                [sys.executable, "-m", self._portal, *arguments],
                cwd=ROOT,
                env=os.environ | self._variables,
                check=True,
                capture_output=True,
                timeout=120,
            )

    def start(self) -> None:
        """Start everything and return when records reach the portal."""
        for worker in self._workers:
            worker.start()
        self._gateway = self._incarnation()
        self._progress("the first records")

    def end(self) -> None:
        """Leave nothing running."""
        for program in [*self._workers, *self._others, *([self.gateway] if self._gateway else [])]:
            program.kill()

    @property
    def gateway(self) -> Incarnation:
        """The running one."""
        assert self._gateway is not None
        return self._gateway

    def _incarnation(self, spool: str = "spool") -> Incarnation:
        # A boot that dies before it knows the time leaves records that nobody can ever date; the
        # portal then needs their tables for ever, and `lose_tables` would wait in vain.
        if self._rng.random() < 0.3 and self._last is not None and self._last.get("clock"):
            self._boot = secrets.token_hex(16)  # the box lost its power too
        self._made += 1
        command = [sys.executable, "-m", "tests.e2e.ledger.gateway", str(self._folder)]
        command += [self._broker.url, str(self._made), self._boot, "--spool", spool]
        made = Incarnation(
            command=command + ["--puback"] * self._puback, log=self._folder / "gateway.log"
        )
        made.folder, made.name = self._folder, self._made
        made.start()
        self._last = made
        self._wait("a gateway", lambda: bool(made.status()) or not made.running)
        assert made.running, made.words()
        return made

    def _wait(self, what: str, true: Callable[[], bool], patience: float = PATIENCE_S) -> None:
        """Return when ``true()`` is; fail when it never becomes so, with the programs' words."""
        deadline = time.monotonic() + patience
        while not true():
            if time.monotonic() > deadline:
                programs = [*self._workers, *([self._gateway] if self._gateway else [])]
                words = [program.words() for program in programs]
                status = self._gateway.status() if self._gateway else {}
                raise AssertionError(
                    f"waited {patience:.0f} s in vain for {what}; {status}\n" + "\n--\n".join(words)
                )
            time.sleep(0.02)  # polling other processes: they offer no event to wait on

    def _progress(self, what: str) -> None:
        """Wait until the gateway has delivered more than now."""
        gateway = self.gateway
        before = gateway.get("delivered")
        self._wait(what, lambda: gateway.get("delivered") > before + 20)

    def lull(self) -> None:
        """Let it work undisturbed for a moment of random length."""
        until = time.monotonic() + self._rng.uniform(0.2, 1.5)
        self._wait("a moment", lambda: time.monotonic() > until)

    # What can happen to it

    def kill_gateway(self) -> None:
        """Kill it in the middle of its work; another incarnation goes on with its spool."""
        self.faults["gateway killed"] += self.gateway.kill()
        self._gateway = self._incarnation()

    def kill_broker(self) -> None:
        """Whatever it had acknowledged and not passed on is gone."""
        self.faults["broker killed"] += self._broker.running
        self._broker.kill()
        if self._rng.random() < 0.5:
            self.lull()
        self._broker.start()

    def kill_worker(self) -> None:
        """Perhaps between commit and acknowledgement."""
        worker = self._rng.choice(self._workers)
        self.faults["ingest killed"] += worker.kill()
        if self._rng.random() < 0.5:
            self.lull()
        worker.start()

    def disturb_database(self) -> None:
        """Cut the workers' connections, at a moment when there are some."""
        self._wait("a connection to cut", lambda: self._cut() > 0)

    def _cut(self) -> int:
        met = self._database.disturb()
        self.faults["database connection cut"] += met
        return met

    def kill_database(self) -> None:
        """The server loses what it has in memory, and is away for a while."""
        self.faults["database server killed"] += self._database.kill()
        if self._rng.random() < 0.5:
            self.lull()
        self._database.start()

    def stored_then_killed(self, records: int) -> None:
        """Kill the server once so many more records were acknowledged than lay on its disk."""
        gateway, before = self.gateway, self.gateway.get("delivered")
        self._wait("acknowledgements", lambda: gateway.get("delivered") >= before + records)
        self.kill_database()

    def strand(self) -> None:
        """What the broker acknowledged dies with it and with the workers who had not read it."""
        for worker in self._workers:
            worker.send(signal.SIGSTOP)
        before = self.gateway.get("accepted"), self.gateway.get("delivered")
        key, more = ("delivered", 200) if self._puback else ("accepted", 60)
        least = before[self._puback] + more
        self._wait("records to strand", lambda: self.gateway.get(key) >= least)
        self._broker.kill()
        for worker in self._workers:
            worker.kill()
        self._broker.start()
        for worker in self._workers:
            worker.start()
        self.faults["acknowledged by the broker, then dropped"] += 1

    def overflow(self) -> None:
        """No ingest for so long that the byte cap drops the oldest."""
        for worker in self._workers:
            worker.stop()
        before = self.gateway.get("dropped")
        self.gateway.send(signal.SIGUSR2)
        self._wait("the byte cap", lambda: self.gateway.get("dropped") > before + 100)
        self.gateway.kill()
        self._gateway = self._incarnation()
        for worker in self._workers:
            worker.start()
        self.faults["byte cap overflowed"] += 1
        self._progress("records after the overflow")

    def restore(self) -> None:
        """An old copy of the spool, with a backlog that is long delivered, comes back."""
        self._back_up("backup")
        self._progress("records after the copy was taken")
        self._drain(self.gateway)
        shutil.rmtree(self._folder / "spool")
        (self._folder / "backup").rename(self._folder / "spool")
        self._gateway = self._incarnation()
        self.faults["old spool restored"] += 1
        self._progress("records of the restored spool")

    def clone(self) -> None:
        """A copy of the spool runs as a second box of the same name, beside the first."""
        name = f"clone-{self._made}"
        self._back_up(name)
        twin = self._incarnation(name)
        self._others.append(twin)
        self._wait("the clone to deliver", lambda: twin.get("delivered") > 20)
        self.lull()
        if self._rng.random() < 0.5:
            twin.kill()
            twin = self._incarnation(name)
            self._others.append(twin)
        self.faults["spool cloned"] += 1
        self._drain(twin)

    def _back_up(self, name: str) -> None:
        """Copy the spool while the gateway is down and something waits in it."""
        for worker in self._workers:
            worker.send(signal.SIGSTOP)
        self._wait("a backlog", lambda: self.gateway.get("pending") > 50)
        self.gateway.kill()
        shutil.copytree(self._folder / "spool", self._folder / name)
        for worker in self._workers:
            worker.send(signal.SIGCONT)
        self._gateway = self._incarnation()

    def lose_tables(self) -> None:
        """The portal no longer knows what the integers mean, and asks."""
        self._wait("tables to lose", self._lost)

    def _lost(self) -> bool:
        lost = self._database.lose_tables()
        self.faults["tables lost"] += lost
        return lost > 0

    @property
    def everything(self) -> list[Callable[[], None]]:
        """All that can happen, the frequent more often."""
        kills = [self.kill_gateway, self.kill_broker, self.kill_worker, self.disturb_database]
        kills += [self.kill_database] * self._database.server
        rare = [self.strand, self.overflow, self.restore, self.clone, self.lose_tables]
        return kills * 3 + rare

    # How it ends

    def heal(self) -> None:
        """Mend everything and return when the spool is empty; then stop the workers."""
        if not self._broker.running:
            self._broker.start()
        for worker in self._workers:
            if not worker.running:
                worker.start()
        self._drain(self.gateway)
        for worker in self._workers:
            worker.stop()

    def _drain(self, gateway: Incarnation) -> None:
        gateway.send(signal.SIGUSR1)
        self._wait("the spool to drain", lambda: not gateway.running, DRAIN_S)
        status = gateway.status()
        assert status["drained"], gateway.words()
        for lane, number in status["next"].items():
            self.following[status["epoch"], int(lane)] = number


@contextmanager
def site(made: Site) -> Iterator[Site]:
    """A prepared and running installation, of which nothing is left running."""
    try:
        made.prepare()
        made.start()
        yield made
    finally:
        made.end()
