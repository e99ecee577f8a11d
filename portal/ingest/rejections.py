"""The records that one transaction rejects: their rows, and their lines in the log once stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from cloud_link.validation import storable_text
from portal.ingest import receipts
from portal.ingest.models import Quarantine
from portal.ingest.vocabulary import fingerprint
from portal.logs import event_log

if TYPE_CHECKING:
    from cloud_link.validation import Flaw
    from portal.ingest.messages import Item
    from portal.ingest.models import Epoch
    from portal.ingest.receipts import Key

log = event_log(__name__)

_DETAIL_LENGTH: Final = 500


class Rejections:
    """The rows of the quarantine that one transaction writes.

    Args:
        now_ms: The portal's time, Unix milliseconds.
    """

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._rows: dict[Key, Quarantine] = {}

    def add(self, item: Item, epoch: Epoch, flaw: Flaw, *, replayed: bool) -> None:
        """Reject a record of an epoch.

        Args:
            item: The record.
            epoch: Its epoch.
            flaw: Why.
            replayed: Whether it comes out of the quarantine, which is worth no warning.
        """
        number = item.number
        self._rows[epoch.pk, int(number.lane), number.seq] = Quarantine(
            epoch=epoch,
            lane=number.lane,
            seq=number.seq,
            boot=item.boot,
            code=flaw.code,
            detail=storable_text(flaw.detail, _DETAIL_LENGTH),
            cause=flaw.cause,
            raw=item.raw,
            at=self._now_ms,
            judged_by=fingerprint(),
        )
        transaction.on_commit(
            lambda: (log.debug if replayed else log.warning)(
                "record_quarantined",
                box=item.box,
                epoch=number.epoch.hex(),
                lane=number.lane.name,
                seq=number.seq,
                code=flaw.code,
                detail=flaw.detail,
            )
        )

    def save(self) -> None:
        """Write the rows, and mark the receipts of their records."""
        Quarantine.objects.bulk_create(
            [self._rows[key] for key in sorted(self._rows)],
            update_conflicts=True,
            unique_fields=["epoch", "lane", "seq"],
            update_fields=["code", "detail", "cause", "judged_by"],
        )
        receipts.mark_rejected({key: row.code for key, row in self._rows.items()})
