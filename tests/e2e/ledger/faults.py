"""Everything that can happen to the ledger's site, each counted by name when it hit."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tests.e2e.ledger.expected_values import OFFSET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.ledger.processes import Program
    from tests.e2e.ledger.site import Site


COMMON: Final = {
    "gateway killed",
    "broker killed",
    "ingest killed",
    "database connection cut",
    "acknowledged by the broker, then dropped",
    "byte cap overflowed",
    "old spool restored",
    "spool cloned",
    "tables lost",
    "portal restored",
}
OF_A_SERVER: Final = {"database server killed"}
"""What can happen to a database that is a server."""
OF_SEVERAL_WORKERS: Final = {"one worker alone"}
OF_A_CLOCK: Final = {"clock jumped"}
"""What can happen to a box whose wall clock is not right by itself."""

HOUR_S: Final = 3_600
JUMPS: Final = (27 * HOUR_S, -43 * HOUR_S, None)
"""How wrong the wall clock gets, in seconds; ``None``: it says 1970.

A day ahead and two days back, and some hours: readings that are dated so for a while come to lie
where no incarnation reads anything (`tests.e2e.ledger.expected_values.RANGE` is half a day).
"""


class Faults:
    """What can happen to a site.

    Attributes:
        hits: How often each fault hit something that ran.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rng = site.rng
        self.hits: Counter[str] = Counter()

    @property
    def possible(self) -> set[str]:
        """The names of all faults that this site can suffer."""
        return (
            COMMON
            | (OF_A_SERVER if self._site.database.server else set())
            | (OF_SEVERAL_WORKERS if len(self._site.workers) > 1 else set())
            | (OF_A_CLOCK if self._site.setup.wall is not None else set())
        )

    def everything(self, often: int) -> list[Callable[[], None]]:
        """All that can happen, in a random order; what ends a process ``often`` times."""
        frequent = [self.kill_gateway, self.kill_broker, self.kill_worker, self.disturb_database]
        frequent += [self.kill_database] * self._site.database.server
        rare = [self.strand, self.overflow, self.restore_spool, self.clone, self.lose_tables]
        rare += [self.restore_portal]
        rare += [self.part_workers] * (len(self._site.workers) > 1)
        rare += [self.jump] * (self._site.setup.wall is not None)
        found = frequent * often + rare
        self._rng.shuffle(found)
        return found

    def suffer(self, seconds: float, often: int = 3) -> float:
        """Every fault at least once, and on until the time is over; returns how long it took."""
        began = time.monotonic()
        todo = self.everything(often)
        while todo or time.monotonic() < began + seconds:
            todo = todo or self.everything(often)
            todo.pop()()
            self._site.lull()
        return time.monotonic() - began

    # Processes that are killed

    def kill_gateway(self) -> None:
        """Kill it in the middle of its work; another incarnation goes on with its spool."""
        self.hits["gateway killed"] += self._site.restart_gateway()

    def kill_broker(self) -> None:
        """Whatever it had acknowledged and not passed on is gone."""
        broker = self._site.broker
        self.hits["broker killed"] += broker.running
        broker.kill()
        self._perhaps_lull()
        broker.start()

    def kill_worker(self) -> None:
        """Perhaps between commit and acknowledgement."""
        worker = self._rng.choice(self._site.workers)
        self.hits["ingest killed"] += worker.kill()
        self._perhaps_lull()
        worker.start()

    def disturb_database(self) -> None:
        """Cut the workers' connections, at a moment when there are some."""
        self._site.wait("a connection to cut", lambda: self._cut() > 0)

    def _cut(self) -> int:
        met = self._site.database.disturb()
        self.hits["database connection cut"] += met
        return met

    def kill_database(self) -> None:
        """The server loses what it has in memory, and is away for a while."""
        self.hits["database server killed"] += self._site.database.kill()
        self._perhaps_lull()
        self._site.database.start()

    def stored_then_killed(self, records: int) -> None:
        """Kill the server once so many more records were acknowledged than lay on its disk."""
        self._site.progress("acknowledgements", records)
        self.kill_database()

    def _perhaps_lull(self) -> None:
        if self._rng.random() < 0.5:
            self._site.lull()

    # Workers that share the messages

    def part_workers(self) -> None:
        """Let each worker be the only one for a while, and the other then find what it had.

        The box sends again what it was not answered, so that both have the same messages.
        """
        for worker in self._site.workers:
            while not self._goes_on_without(worker):
                self._site.progress("records of both workers")
        self.hits["one worker alone"] += 1

    def _goes_on_without(self, worker: Program) -> bool:
        """Pause a worker until another has stored; not where it was met in a transaction."""
        site = self._site
        worker.send(signal.SIGSTOP)
        try:
            least = site.gateway.get("delivered") + 60
            site.wait(
                "the other worker to store",
                lambda: site.gateway.get("delivered") > least or site.database.waits(),
            )
            return site.gateway.get("delivered") > least
        finally:
            worker.send(signal.SIGCONT)

    # Messages and records that get lost, or come back

    def strand(self) -> None:
        """What the broker acknowledged dies with it and with the workers who had not read it."""
        site, answered = self._site, self._site.setup.answered
        for worker in site.workers:
            worker.send(signal.SIGSTOP)
        key, more = ("accepted", 60) if answered else ("delivered", 200)
        least = site.gateway.get(key) + more
        site.wait("records to strand", lambda: site.gateway.get(key) >= least)
        site.broker.kill()
        for worker in site.workers:
            worker.kill()
        site.broker.start()
        site.start_workers()
        self.hits["acknowledged by the broker, then dropped"] += 1

    def overflow(self) -> None:
        """No ingest for so long that the byte cap drops the oldest."""
        site = self._site
        site.stop_workers()
        before = site.gateway.get("dropped")
        site.gateway.send(signal.SIGUSR2)
        site.wait("the byte cap", lambda: site.gateway.get("dropped") > before + 100)
        site.restart_gateway()
        site.start_workers()
        self.hits["byte cap overflowed"] += 1
        site.progress("records after the overflow")

    def restore_spool(self) -> None:
        """An old copy of the spool, with a backlog that is long delivered, comes back."""
        site = self._site
        site.copy_spool("backup")
        site.progress("records after the copy was taken")
        site.drain(site.gateway)
        shutil.rmtree(site.folder / "spool")
        (site.folder / "backup").rename(site.folder / "spool")
        site.restart_gateway()
        self.hits["old spool restored"] += 1
        site.progress("records of the restored spool")

    def clone(self) -> None:
        """A copy of the spool runs as a second box of the same name, beside the first."""
        site = self._site
        name = f"clone-{site.gateway.name}"
        site.copy_spool(name)
        twin = site.incarnation(name)
        site.wait("the clone to deliver", lambda: twin.get("delivered") > 20)
        site.lull()
        if self._rng.random() < 0.5:
            twin.kill()
            twin = site.incarnation(name)
        self.hits["spool cloned"] += 1
        site.gateway.kill()  # they end each other's sessions: alone it is soon empty
        site.drain(twin)
        site.restart_gateway()

    # A portal that forgets

    def lose_tables(self) -> None:
        """The portal no longer knows what the integers mean, and asks."""
        self._site.wait("tables to lose", self._lost)

    def _lost(self) -> bool:
        lost = self._site.database.lose_tables()
        self.hits["tables lost"] += lost
        return lost > 0

    def restore_portal(self) -> None:
        """An older backup of the portal's database comes back, after a time with faults of its own.

        Gateway and broker live on; the workers are stopped while the database is copied.
        """
        self.back_up()
        for _ in range(self._rng.randrange(3)):
            self._site.progress("records that will be forgotten")
            self._rng.choice([self.kill_gateway, self.kill_broker, self.kill_worker])()
        self._site.progress("records that will be forgotten", 60)
        self.bring_back()

    def back_up(self) -> None:
        """Make a backup of the portal's database, which knows the time of every boot so far."""
        site = self._site
        site.wait("a clock that is vouched for", lambda: bool(site.gateway.get("clock")))
        site.progress("the clock's record")
        site.stop_workers()
        site.database.back_up()
        site.start_workers()

    def bring_back(self) -> None:
        """Put the backup in the place of the portal's database, and wait until nothing is missing.

        A gateway that starts again tells the portal what it should have; so does one that lives on,
        by the session message that it repeats.
        """
        self._site.stop_workers()
        self._site.database.restore()
        self._site.start_workers()
        self.hits["portal restored"] += 1
        if self._rng.random() < 0.5:
            self.kill_gateway()
        self._site.progress("records after the restore")
        self._site.settle()

    # A clock that jumps

    def jump(self) -> None:
        """The wall clock is wrong for a while, and no source vouches for it; then it is set right.

        The gateway is killed at times while it is: the next one of this boot knows no other time.
        """
        self.make_wrong(self._rng.choice(JUMPS))
        if self._rng.random() < 0.5:
            self.kill_gateway()
            self._site.progress("records of a gateway that never knew the time")
        self.set_right()

    def make_wrong(self, seconds: int | None) -> None:
        """Let the wall clock be wrong by ``seconds``, or unset, until records are dated so."""
        wall, gateway = self._site.setup.wall, self._site.gateway
        assert wall is not None
        self._site.wait("a clock that is vouched for", lambda: bool(gateway.get("clock")))
        if seconds is None:
            wall.set(datetime(1970, 1, 2, tzinfo=UTC).timestamp() - time.time())
        else:
            wall.set(seconds)
            self._site.wait("the jump", lambda: gateway.get("offset") not in {0, OFFSET})
        self._site.progress("records of a wrong time", 40)
        self.hits["clock jumped"] += 1

    def set_right(self) -> None:
        """Set the wall clock right, and vouch for it, until the gateway knows."""
        wall, gateway = self._site.setup.wall, self._site.gateway
        assert wall is not None
        wall.set(0, vouched=True)
        self._site.wait("the right time", lambda: gateway.get("offset") == OFFSET)
        self._site.wait("a clock that is vouched for", lambda: bool(gateway.get("clock")))
        self._site.progress("records of the right time")
