"""The condition `clock.unset` of a gateway that has not said it itself.

A gateway reports it as any condition. Where readings wait for a clock and no event of that boot
came, or was dropped, the portal raises the condition, so that pages and alarms show it either way.
An event of the gateway decides from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from console.templates import condition
from drivers.report import Code, Severity
from portal.fleet.models import GATEWAY_DEVICE, Device, DeviceCondition
from portal.ingest.messages import order
from portal.ingest.tables import ensure_devices
from portal.web.moments import nearest_datetime

if TYPE_CHECKING:
    from portal.fleet.models import Box
    from portal.ingest.models import UndatedBoot

_CODE: Final = Code.CLOCK_UNSET.value


def raise_condition(box: Box, boot: UndatedBoot) -> None:
    """Raise the condition, unless it is there or the gateway has reported in this boot."""
    pk = ensure_devices({(box.gateway_id, GATEWAY_DEVICE)})[box.gateway_id, GATEWAY_DEVICE]
    device = Device.objects.get(pk=pk)
    heard = device.speaker == box.pk and device.event_order >= order(boot.ordinal, 0)
    if heard or device.speaker > box.pk or boot.estimate is None:
        return
    message = condition.NO_TIME()
    DeviceCondition.objects.get_or_create(
        device=device,
        code=_CODE,
        component="",
        cleared_at=None,
        defaults={
            "severity": Severity.WARNING.value,
            "message": str(message),
            "message_id": message.id,
            "raised_at": nearest_datetime(boot.first_ms + boot.estimate.offset_ms),
            "raised_clock": boot.estimate.pk,
        },
    )


def clear_condition(box: Box, boot: UndatedBoot, now_ms: int) -> None:
    """Clear the condition, unless the gateway has reported since and so clears it itself."""
    DeviceCondition.objects.open().filter(
        device__gateway=box.gateway_id,
        device__name=GATEWAY_DEVICE,
        device__event_order__lt=order(boot.ordinal, 0),
        code=_CODE,
        component="",
    ).update(cleared_at=nearest_datetime(now_ms), cleared_clock=None)
