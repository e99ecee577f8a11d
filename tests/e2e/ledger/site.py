"""A whole installation of real processes: how it starts, works, heals and ends.

::

    gateway --MQTT--> Mosquitto --MQTT--> ingest worker(s) --> database
       |  spool/, journal-NNNN
       '- a clone of it, for a while

`tests.e2e.ledger.faults` is what can happen to it. `Site.heal` mends everything and returns when
the spool is empty and the portal asks for nothing more.
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
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cloud_link.wire import Lane
from gateway.clock import SystemClock
from tests.e2e.ledger.expected_values import BOX
from tests.e2e.ledger.processes import ROOT, Incarnation, Program, quote_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

    from tests.e2e.ledger.database import Database
    from tests.faults.clockfault import WallClock
    from tests.peers import Mosquitto

PATIENCE_S: Final = 120.0
DRAIN_S: Final = 150.0
_BUDGET: Final = "50"
"""Times what a box may take in the field: a paused process takes all the time there is."""
_QUOTED_INCARNATIONS: Final = 3
"""Of the gateway's processes, so many of the last are quoted where a test fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How an installation differs from a sound one with a right clock.

    Attributes:
        portal: The module that is the portal's command line, and arguments before its own.
        gateway: Further arguments of the gateway (`tests.e2e.ledger.gateway`).
        wall: The wall clock of the box; ``None``: it is right.
        answered: Whether the gateway listens to the portal; the control does not.
    """

    portal: tuple[str, ...] = ("portal.cli",)
    gateway: tuple[str, ...] = ()
    wall: WallClock | None = None
    answered: bool = True


class Site:
    """An installation: gateway, broker, portal workers and database.

    Args:
        folder: The folder of all its files.
        broker: A running broker.
        database: The portal's database.
        rng: The source of all random choices.
        setup: How it differs from a sound one.

    Attributes:
        following: The next number of each epoch and lane, as the spools that were drained say.
    """

    def __init__(
        self,
        folder: Path,
        broker: Mosquitto,
        database: Database,
        rng: Random,
        setup: Setup | None = None,
    ) -> None:
        self.folder, self.broker, self.database, self.rng = folder, broker, database, rng
        self.setup = setup or Setup()
        self.following: dict[tuple[str, int], int] = {}
        self._boot = secrets.token_hex(16)
        self._variables = {
            "DJANGO_SETTINGS_MODULE": "portal.settings",  # not the tests' own
            "KANMON_PORTAL_STATE": str(folder / "portal"),
            "KANMON_DATABASE_URL": database.url,
            "KANMON_BROKER": broker.url,
            "KANMON_INGEST_BUDGET": _BUDGET,
        }
        self.workers = [
            Program(
                command=[sys.executable, "-m", *self.setup.portal, "ingest"],
                log=folder / f"ingest-{index}.log",
                variables=self._variables,
            )
            for index in range(database.workers)
        ]
        self._gateway: Incarnation | None = None
        self._incarnations: list[Incarnation] = []
        machine = SystemClock().sample()
        self._true_offset = machine.wall - machine.boot

    # Beginning and end

    def prepare(self) -> None:
        """Make the database and a place for the box."""
        place = ["--organization", "Ledger", "--site", "Hall", "--gateway", "Box", "--box", BOX]
        self.command("migrate")
        self.command("gateway", "add", *place)

    def command(self, *arguments: str) -> str:
        """Run a command of the portal, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", *self.setup.portal, *arguments],
            cwd=ROOT,
            env=os.environ | self._variables,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """Start everything and return when records reach the portal."""
        if self.setup.wall is not None:
            self.setup.wall.set(0, vouched=True)
        self.start_workers()
        self._gateway = self.incarnation()
        self.progress("the first records")

    def end(self) -> None:
        """Leave nothing running."""
        for program in [*self.workers, *self._incarnations]:
            program.kill()

    def logs(self) -> str:
        """The end of what each process logged; of the gateway's, the last ones."""
        gateways = self._incarnations[-_QUOTED_INCARNATIONS:]
        others = [self.broker, *self.database.processes]
        return quote_logs([*gateways, *self.workers, *others])

    # The gateway

    @property
    def gateway(self) -> Incarnation:
        """The running one."""
        assert self._gateway is not None
        return self._gateway

    def restart_gateway(self) -> bool:
        """Kill it, and let another incarnation go on; whether that hit a running one."""
        hit = self.gateway.kill()
        self._gateway = self.incarnation()
        return hit

    def reboot(self) -> None:
        """Kill it, and let one of another boot go on: it knows nothing of the time of this one."""
        self.gateway.kill()
        self._boot = secrets.token_hex(16)
        self._gateway = self.incarnation()

    def incarnation(self, spool: str = "spool") -> Incarnation:
        """Start a process of the gateway on a spool, perhaps after a loss of power."""
        # A boot that ends before anybody vouched for its time is dated by an estimate, and the
        # books hold every reading to its true time.
        last = self._incarnations[-1] if self._incarnations else None
        if self.rng.random() < 0.3 and last is not None and last.get("clock"):
            self._boot = secrets.token_hex(16)
        name = len(self._incarnations) + 1
        command = [sys.executable, "-m", "tests.e2e.ledger.gateway", str(self.folder)]
        command += [self.broker.url, str(name), self._boot, "--spool", spool, *self.setup.gateway]
        if self.setup.wall is not None:
            command += ["--true-offset", str(self._true_offset)]
            command = [*self.setup.wall.command(), *command]
        made = Incarnation(
            command=command,
            log=self.folder / f"gateway-{name:04}.log",
            folder=self.folder,
            name=name,
            spool=spool,
        )
        self._incarnations.append(made)
        made.start()
        self.wait("a gateway", lambda: bool(made.status()) or not made.running)
        assert made.running, f"{made.log.name}: it has ended"
        return made

    def copy_spool(self, name: str) -> None:
        """Copy the spool while the gateway is down and something waits in it."""
        for worker in self.workers:
            worker.send(signal.SIGSTOP)
        self.wait("a backlog", lambda: self.gateway.get("pending") > 50)
        self.gateway.kill()
        shutil.copytree(self.folder / "spool", self.folder / name)
        for worker in self.workers:
            worker.send(signal.SIGCONT)
        self._gateway = self.incarnation()

    # The workers

    def start_workers(self) -> None:
        """Start those that do not run."""
        for worker in self.workers:
            if not worker.running:
                worker.start()

    def stop_workers(self) -> None:
        """End them in an orderly way."""
        for worker in self.workers:
            worker.stop()

    # Waiting: for other processes, which offer no event

    def happens(self, true: Callable[[], bool], patience: float) -> bool:
        """Return whether ``true()`` becomes so within so many seconds."""
        deadline = time.monotonic() + patience
        while not true():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def wait(self, what: str, true: Callable[[], bool], patience: float = PATIENCE_S) -> None:
        """Return when ``true()`` is; fail when it never becomes so."""
        if not self.happens(true, patience):
            status = self._gateway.status() if self._gateway else {}
            raise AssertionError(f"waited {patience:.0f} s in vain for {what}; {status}")

    def progress(self, what: str, records: int = 20) -> None:
        """Wait until the gateway has delivered more than now."""
        gateway = self.gateway
        least = gateway.get("delivered") + records
        self.wait(what, lambda: gateway.get("delivered") > least)

    def lull(self) -> None:
        """Let it work undisturbed for a moment of random length."""
        until = time.monotonic() + self.rng.uniform(0.2, 1.5)
        self.wait("a moment", lambda: time.monotonic() > until)

    # How it ends

    def heal(self) -> None:
        """Mend everything, and return when the spool is empty; then stop the workers.

        One more gateway begins before that: what it says of the records that were acknowledged
        shows whether the portal has them all.
        """
        if not self.broker.running:
            self.broker.start()
        self.start_workers()
        if self.setup.wall is not None:
            self.setup.wall.set(0, vouched=True)
        self.restart_gateway()
        self.wait("a clock that is vouched for", lambda: bool(self.gateway.get("clock")))
        self.settle()
        self.drain(self.gateway)
        self.wait("times to be corrected", lambda: self._count("ingest_redating") == 0)
        self.stop_workers()

    def settle(self) -> None:
        """Wait until the portal was told what it should have, and misses nothing of that."""
        if not self.setup.answered:
            return
        status = self.gateway.status()
        told = status["epoch"], status["next"][str(int(Lane.DATA))]
        self.wait("the portal to be told", lambda: self._was_told(*told))
        self.wait("the holes to be filled", lambda: self._count("ingest_hole") == 0)

    def _was_told(self, epoch: str, number: int) -> bool:
        """Whether the portal took in a session message since this epoch gave out this number.

        Where the spool has begun another epoch since, one of that says as much.
        """
        rows = self.database.rows("SELECT epoch, announced FROM ingest_epoch")
        said = {bytes(name).hex(): _mapping(lanes) for name, lanes in rows}
        now = self.gateway.status()["epoch"]
        least = number if now == epoch else 0
        return said.get(now, {}).get(str(int(Lane.DATA)), -1) >= least

    def _count(self, table: str) -> int:
        return int(self.database.rows(f"SELECT count(*) FROM {table}")[0][0])

    def drain(self, gateway: Incarnation) -> None:
        """Let a gateway make no more, deliver everything and end; note its next numbers."""
        gateway.send(signal.SIGUSR1)
        self.wait("the spool to drain", lambda: not gateway.running, DRAIN_S)
        status = gateway.status()
        assert status["drained"], f"{gateway.log.name}: it ended before everything was delivered"
        for lane, number in status["next"].items():
            self.following[status["epoch"], int(lane)] = number


def _mapping(stored: Any) -> dict[str, int]:
    """A JSON object as either database gives it."""
    found: dict[str, int] = json.loads(stored) if isinstance(stored, str) else stored
    return found


@contextmanager
def site(made: Site) -> Iterator[Site]:
    """A prepared and running installation, of which nothing is left running.

    Where anything fails in it, the error says what each process logged.
    """
    try:
        made.prepare()
        made.start()
        yield made
    except BaseException as error:
        error.add_note(made.logs())
        raise
    finally:
        made.end()
