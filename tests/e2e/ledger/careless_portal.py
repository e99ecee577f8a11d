"""``python -m tests.e2e.ledger.careless_portal``: the portal, which takes a database as it comes.

It does not look for what it lost either: boxes would send that again. The control for the ledger
that kills the server: what this portal loses must show in the books.
"""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

from portal import durability

if TYPE_CHECKING:
    from cloud_link.wire import Ack


def _as_it_comes(connection: object) -> None:
    """Leave the session as the server makes it, and never ask for a record again."""
    from portal.ingest import transaction  # only now: its models need the settings

    for name in ("find_holes", "after_batches"):
        assert hasattr(transaction, name)
        setattr(transaction, name, _nothing_missing)


def _nothing_missing(*_: Any) -> list[Ack]:
    return []


durability.make_durable = _as_it_comes
runpy.run_module("portal.cli", run_name="__main__", alter_sys=True)
