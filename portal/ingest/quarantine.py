"""The quarantine: records that were rejected, and how each gets another chance.

A record in quarantine is replayed by the code that stores any record, in a transaction of its own:
it is stored and leaves the quarantine, and its receipt says so, or it stays with the new reason.
Its receipt was there all the time, so that the record counts once, however often it is replayed or
sent again. A receipt that was compacted stands in a watermark, which says nothing else.

What an older portal rejected is replayed once by every portal that may judge it differently
(`portal.ingest.vocabulary.fingerprint`), and what was rejected for its time once after each clock
that came later for its boot (`portal.ingest.clocks`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from portal.fleet.models import Box
from portal.ingest import alarms, canary, receipts, sql
from portal.ingest.models import Quarantine
from portal.ingest.transaction import Transaction
from portal.ingest.vocabulary import fingerprint
from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

log = event_log(__name__)


class ReplayOutcome(Enum):
    """What became of a record that was replayed."""

    STORED = "stored"
    REJECTED = "rejected"
    GONE = "gone"
    """It is not in quarantine any more, or was judged by this portal meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records of the quarantine; what is empty selects all.

    Attributes:
        ids: Their ids.
        gateway: The name of their gateway, or the id of their box.
        code: Their code, one of `cloud_link.wire.RejectCode`.
        since_ms: When they were rejected at the earliest, Unix milliseconds.
    """

    ids: Sequence[int] = ()
    gateway: str = ""
    code: str = ""
    since_ms: int = 0


def select(selection: Selection) -> QuerySet[Quarantine]:
    """The selected records, in the order of their rejection."""
    found = Quarantine.objects.select_related("epoch__box__gateway__site").order_by("pk")
    if selection.ids:
        found = found.filter(pk__in=selection.ids)
    if selection.gateway:
        gateway = Q(epoch__box__gateway__name=selection.gateway)
        found = found.filter(gateway | Q(epoch__box__box_id=selection.gateway))
    if selection.code:
        found = found.filter(code=selection.code)
    if selection.since_ms:
        found = found.filter(at__gte=selection.since_ms)
    return found


def replay(pk: int, *, outdated_only: bool = False) -> ReplayOutcome:
    """Replay one record.

    Args:
        pk: Its id.
        outdated_only: Leave a record alone that this portal has judged.

    Raises:
        DatabaseError: The database is unavailable; nothing was changed.
        CanaryError: The portal is at fault; nothing was changed.
    """
    try:
        return _replay(pk, outdated_only=outdated_only)
    except canary.CanaryError:
        raise
    except Exception as error:
        if sql.is_outage(error):
            raise
        Quarantine.objects.filter(pk=pk).update(
            detail=alarms.detail_of(error), judged_by=fingerprint()
        )
        return ReplayOutcome.REJECTED


def _replay(pk: int, *, outdated_only: bool) -> ReplayOutcome:
    box_id = Quarantine.objects.filter(pk=pk).values_list("epoch__box", flat=True).first()
    if box_id is None:
        return ReplayOutcome.GONE
    now = datetime.now(UTC)
    with transaction.atomic(durable=True):
        box = Box.objects.select_for_update(no_key=True).get(pk=box_id)
        row = Quarantine.objects.select_related("epoch").filter(pk=pk).first()
        if row is None or (outdated_only and row.judged_by == fingerprint()):
            return ReplayOutcome.GONE
        work = Transaction(now, canary.trial(now))
        if not work.replay(box, row):
            return ReplayOutcome.REJECTED
        row.delete()
        receipts.mark_stored((row.epoch_id, row.lane, row.seq))
    log.info("record_replayed", box=box.box_id, lane=row.lane, seq=row.seq, code=row.code)
    return ReplayOutcome.STORED


def replay_outdated(after: int, limit: int) -> int | None:
    """Replay records that are to be judged again, ``limit`` at most.

    Args:
        after: The id after which to begin.
        limit: How many at most.

    Returns:
        The id after which to go on; ``None`` where none is left.

    Raises:
        DatabaseError, CanaryError: As `replay`; records replayed before that stay so.
    """
    current = fingerprint()
    outdated = Q(judged_by__lt=current) | Q(judged_by__gt=current)
    found = Quarantine.objects.filter(outdated, pk__gt=after).order_by("pk")
    last = None
    for last in list(found.values_list("pk", flat=True)[:limit]):
        replay(last, outdated_only=True)
    return last
