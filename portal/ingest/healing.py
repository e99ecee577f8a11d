"""What a forged message left behind, undone by the next honest session.

A person who has a box's key, or runs the broker, can send messages in its name: an epoch with any
ordinal, a session with any number. What is newer by these numbers holds, so they could hold for
ever. Two rules keep them from it:

* A box that begins a session and is not the newest by what is known of it is asked for an epoch
  beyond that (`cloud_link.wire.Ack.renew`). In the new epoch it says everything again: clock,
  configuration, the state of every device.
* Ordinals from `cloud_link.limits.RENEWAL_LIMIT` on cannot be asked for. Where one of these is in
  the way, a box that begins a session is believed: epochs above its own lose their rank, what was
  accepted because of it may be overwritten, and the box is asked for its next epoch, too.

Which reading of a series is its latest follows from the same numbers
(`portal.ingest.models.Latest`). The readings themselves are not touched: they are under their own
time, wherever they came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloud_link.limits import RENEWAL_LIMIT, SEQ_LIMIT
from portal.fleet.models import UNHEARD, Device, RunningConfiguration
from portal.ingest import clocks
from portal.ingest.messages import order
from portal.ingest.models import Latest

if TYPE_CHECKING:
    from cloud_link.wire import Online
    from portal.fleet.models import Box

_ORDERS: Final = ("event_order", "own_order", "identity_order")


def needed_ordinal(box: Box, online: Online) -> int | None:
    """The ordinal that the next epoch of this box must exceed to be the newest, if it is not."""
    others = box.epochs.filter(ordinal__gte=online.ordinal).exclude(epoch=online.epoch)
    greatest = others.order_by("-ordinal").values_list("ordinal", flat=True).first()
    if (online.ordinal, online.session) < (box.epoch_ordinal, box.session):
        greatest = max(greatest or 0, box.epoch_ordinal)
    return greatest


def disown(box: Box, online: Online) -> bool:
    """Take their rank from what no renewal can pass, and stands above a session that begins.

    Returns whether there was any: what it said holds until the box says everything again.
    """
    epochs = box.epochs.filter(ordinal__gte=RENEWAL_LIMIT, ordinal__gt=online.ordinal)
    of_session = box.epoch_ordinal >= RENEWAL_LIMIT and box.epoch_ordinal > online.ordinal
    if not of_session and not epochs.exclude(epoch=online.epoch).exists():
        return False
    epochs.update(ordinal=0)
    box.epoch_ordinal = box.session = UNHEARD
    top = order(online.ordinal, SEQ_LIMIT - 1)
    devices = Device.objects.filter(gateway=box.gateway_id, speaker=box.pk)
    for field in _ORDERS:
        devices.filter(**{f"{field}__gt": top}).update(**{field: UNHEARD})
    configurations = RunningConfiguration.objects.filter(
        gateway=box.gateway_id, speaker=box.pk, order__gt=top
    )
    configurations.update(order=UNHEARD)
    of_gateway = Latest.objects.filter(series__device__gateway=box.gateway_id, speaker=box.pk)
    of_gateway.filter(rank__gt=top).update(rank=UNHEARD)
    clocks.disown(box, top)
    return True
