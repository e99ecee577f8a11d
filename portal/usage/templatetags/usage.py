"""Usage for pages of other apps: a link to it, and a printer's totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.urls import reverse
from django.utils import timezone

from portal.ingest.models import Series
from portal.usage import printing
from portal.usage.measures import QUANTITIES

if TYPE_CHECKING:
    from portal.fleet.models import Device

register = template.Library()


@register.simple_tag
def usage_address(device: Device) -> str:
    """The address of a device's usage page; ``""`` where the device counts nothing. One query."""
    asked = {quantity.value for quantities in QUANTITIES.values() for quantity in quantities}
    if not Series.objects.filter(device=device, quantity__in=asked).exists():
        return ""
    return reverse("device-usage", kwargs={"device": device.pk})


@register.simple_tag
def print_totals(device: Device) -> list[printing.PrintTotals]:
    """What a printer printed today and ever (E-32); nothing for a device that does not print."""
    return printing.print_totals(device, timezone.now())
