"""One run of the ledger: a site, what it suffers, and the books at the end."""

from __future__ import annotations

import json
import os
import random
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.e2e.ledger import journal
from tests.e2e.ledger.balance import Balance, Holdings, balance, compare_fleet
from tests.e2e.ledger.faults import Faults
from tests.e2e.ledger.site import Setup, Site, site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.ledger.database import Database
    from tests.peers import Mosquitto


class Run(NamedTuple):
    """A running site, its faults and its books."""

    site: Site
    faults: Faults

    def books(self, what: str = "") -> Balance:
        """Compare the journals with the portal, and print the result."""
        site = self.site
        found = balance(journal.read(site.folder), Holdings(site.database), site.following)
        print(f"\nledger{what and ', '}{what}: {found}", flush=True)
        return found

    def wrong_in_fleet_ledger(self) -> list[str]:
        """How ``kanmon-portal ledger`` differs from what the portal holds."""
        said = json.loads(self.site.command("ledger", "--json"))
        return compare_fleet(said["total"], Holdings(self.site.database))


def seed() -> int:
    """The seed of a run's decisions: ``KANMON_LEDGER_SEED``, or any."""
    return int(os.environ.get("KANMON_LEDGER_SEED") or secrets.randbelow(2**32))


@contextmanager
def run(
    folder: Path,
    broker: Mosquitto,
    database: Database,
    setup: Setup | None = None,
    *,
    by: int = 0,
) -> Iterator[Run]:
    """A site that is prepared and running; ``by`` is the seed of its decisions."""
    with site(Site(folder, broker, database, random.Random(by), setup)) as place:
        yield Run(place, Faults(place))
