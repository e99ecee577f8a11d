"""``python -m tests.e2e.ledger.broken_portal FAULT COMMAND``: the portal without one safeguard.

The controls of the ledger: what each of these portals loses or doubles must show in the books.
But for `confirms_before_writing`, whose fault is in the server, each fault is in the program.

::

    confirms_before_writing   takes the database's sessions as the server makes them
    forgets_what_it_lost      never asks a box for what it should have and does not
    answers_before_commit     answers messages that it commits with the next ones
    stores_again              takes a record as new whenever it comes
"""

from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING, Any, Final

import django
from django.db import transaction

from portal import durability

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloud_link.wire import Ack
    from portal.ingest.messages import IncomingMessage
    from portal.ingest.store import IngestResult


def confirms_before_writing() -> None:
    """Leave the sessions as the server makes them, and forget what it lost: boxes have it."""
    durability.make_durable = lambda connection: None
    forgets_what_it_lost()


def forgets_what_it_lost() -> None:
    """Take no notice of what boxes say was acknowledged."""
    from portal.ingest import transaction as ingest

    for name in ("find_holes", "after_batches"):
        assert hasattr(ingest, name)
        setattr(ingest, name, _nothing_missing)


def _nothing_missing(*_: Any) -> list[Ack]:
    return []


def answers_before_commit() -> None:
    """Answer by a transaction that is rolled back, and store for good when more comes."""
    from portal.ingest.isolation import ingest_or_isolate
    from portal.ingest.preemption import never
    from portal.ingest.storage import Storage, TurnControl

    store = Storage._store
    owed: list[IncomingMessage] = []

    def promise(
        self: Storage,
        messages: Sequence[IncomingMessage],
        control: TurnControl,
    ) -> IngestResult:
        if owed:
            store(self, tuple(owed), TurnControl(waits=never))
        owed[:] = messages
        undone = transaction.atomic()
        undone._from_testcase = True  # type: ignore[attr-defined]  # lets others be within it
        with undone:
            result = ingest_or_isolate(messages, suspect_lost=control.suspect_lost)
            transaction.set_rollback(True)
        return result

    Storage._store = promise  # type: ignore[method-assign]
    forgets_what_it_lost()


def stores_again() -> None:
    """Take every record as new, and a reading that is there already as another one."""
    from portal.ingest import receipts, samples

    insert, existing = receipts._insert, samples._existing

    def all_new(rows: Sequence[tuple[int, int, int, int]], now: int) -> set[receipts.Key]:
        insert(rows, now)
        return {(epoch, lane, seq) for epoch, lane, seq, _ in rows}

    def all_other(table: Any, found: Any, span: int) -> dict[tuple[int, int], Any]:
        return dict.fromkeys(existing(table, found, span), object())

    receipts._insert = all_new
    samples._existing = all_other


FAULTS: Final[dict[str, Callable[[], None]]] = {
    one.__name__: one
    for one in (
        confirms_before_writing,
        forgets_what_it_lost,
        answers_before_commit,
        stores_again,
    )
}


def main() -> None:
    """Break what the first argument names, and run the command that the others make."""
    fault = FAULTS[sys.argv.pop(1)]
    django.setup()
    fault()
    runpy.run_module("portal.cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
