"""When the last record before a gap was received: what a gap names was not made before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portal.ingest.models import Epoch, Receipt

if TYPE_CHECKING:
    from portal.ingest.models import Gap

_EARLIER_EPOCHS: Final = 16
"""Epochs that are looked at for the time before a gap."""


def received_before(gap: Gap) -> int | None:
    """When the last record before those of a gap was received, Unix ms, if that is still known."""
    here = Receipt.objects.filter(epoch=gap.epoch_id, lane=gap.lane, seq__lt=gap.first_seq)
    before = here.order_by("-seq").values_list("at", flat=True).first()
    return received_before_epoch(gap.epoch, gap.lane) if before is None else before


def received_before_epoch(epoch: Epoch, lane: int) -> int | None:
    """When the last record of a lane was received of the epochs before one, Unix ms, if known."""
    earlier = Epoch.objects.filter(box=epoch.box_id, ordinal__lt=epoch.ordinal)
    for each in earlier.order_by("-ordinal")[:_EARLIER_EPOCHS]:
        received = Receipt.objects.filter(epoch=each, lane=lane).order_by("-seq")
        before = received.values_list("at", flat=True).first()
        if before is not None:
            return before
    return None
