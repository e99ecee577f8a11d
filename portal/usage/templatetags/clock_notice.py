"""The mark on pages of a gateway without a clock: what waits for a time, and what was estimated."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.db.models import Q
from django.utils import timezone

from portal.ingest.models import UndatedBoot
from portal.ingest.undated import estimated, undated
from portal.web.moments import zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from portal.fleet.models import Gateway, Site
    from portal.usage.periods import Window

register = template.Library()

_RECENT: Final = timedelta(days=400)
"""For how long a page without a period of its own tells of estimated times."""


@register.inclusion_tag("usage/_clock_notice.html")
def clock_notice(place: Gateway | Site, window: Window | None = None) -> dict[str, Any]:
    """Nothing where every time is known.

    Args:
        place: The gateway, or a site with all its gateways.
        window: Where estimated times matter; where it is not given, the newest of them are told.
    """
    is_site = hasattr(place, "gateways")
    scope = Q(**{"box__gateway__site" if is_site else "box__gateway": place.pk})
    zone = place.time_zone if hasattr(place, "time_zone") else place.site.time_zone
    if not UndatedBoot.objects.filter(scope).exists():  # of nearly every gateway
        return {"readings": 0, "first": None, "last": None, "zone": zone}
    start, end = _edges(window, zone_of(zone))
    stretches = estimated(scope, start, end)
    if window is None:
        stretches = stretches[-1:]
    return {
        "readings": sum(one.readings for one in undated(scope).values()),
        "first": min(one.start for one in stretches) if stretches else None,
        "last": max(one.end for one in stretches) if stretches else None,
        "zone": zone,
    }


def _edges(window: Window | None, zone: ZoneInfo) -> tuple[int, int]:
    """When a window begins and ends, Unix milliseconds."""
    if window is None:
        now = timezone.now()
        edges = now - _RECENT, now
    else:
        first, stop = window.first, window.stop
        edges = (
            datetime(first.year, first.month, first.day, tzinfo=zone),
            datetime(stop.year, stop.month, stop.day, tzinfo=zone),
        )
    return round(edges[0].timestamp() * 1000), round(edges[1].timestamp() * 1000)
