"""Links to the energy pages, for pages of other apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.urls import reverse
from django.utils import timezone

from portal.ingest.models import Series
from portal.usage.measures import QUANTITIES
from portal.usage.printing import Printed, printed_by

if TYPE_CHECKING:
    from portal.fleet.models import Device

register = template.Library()


@register.simple_tag
def energy_address(device: Device) -> str:
    """Of a device's energy page; ``""`` for a device that counts nothing of the kind. One query."""
    asked = {quantity.value for quantities in QUANTITIES.values() for quantity in quantities}
    if not Series.objects.filter(device=device, quantity__in=asked).exists():
        return ""
    return reverse("device-energy", kwargs={"device": device.pk})


@register.simple_tag
def printed(device: Device) -> list[Printed]:
    """What a printer printed today and ever (E-32); nothing for what is no printer."""
    return printed_by(device, timezone.now())
