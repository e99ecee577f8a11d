"""Databases that refuse what the tests of quarantine and alarms send them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud_link.wire import Lane
from portal.ingest.ledger import SpoolReport, ledger
from tests.portal.ingest.poison import poisoned, statement

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tests.portal.ingest.sender import Sender


BAD = 666


def refusing() -> AbstractContextManager[None]:
    """A database that does not take the readings that are `BAD`."""
    raises = statement("program limit") or statement("integer overflow") or ""
    return poisoned("ingest_sample", f"NEW.value = {BAD}", raises)


def poisoned_clocks() -> AbstractContextManager[None]:
    """A database that takes no clock, nor the canary's."""
    raises = statement("program limit") or statement("integer overflow") or ""
    return poisoned("ingest_bootclock", "NEW.since_boot_ms >= 0", raises)


def counts(sender: Sender) -> tuple[int, int, int]:
    """How many records were stored, refused and lost, by the ledger."""
    lanes = {lane: sender.next[lane] for lane in Lane}
    found = ledger([SpoolReport(box=sender.box, epoch=sender.epoch, next=lanes, accepted=lanes)])
    return found.stored, found.refused, found.lost
