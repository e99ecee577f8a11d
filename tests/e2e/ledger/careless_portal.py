"""``python -m tests.e2e.ledger.careless_portal``: the portal, which takes a database as it comes.

The control for the ledger that kills the server: what it loses must show in the books.
"""

from __future__ import annotations

import runpy

from portal import durability


def _as_it_comes(connection: object) -> None:
    """Leave the session as the server makes it."""


durability.make_durable = _as_it_comes
runpy.run_module("portal.cli", run_name="__main__", alter_sys=True)
