"""What pages say of times that are not sure: undated, estimated and unconfirmed ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.db.models import Q
from django.utils import timezone

from portal.fleet.models import Device, Gateway
from portal.ingest.models import BootClock, UndatedBoot, UndatedDevice
from portal.ingest.time_quality import (
    estimated,
    unconfirmed,
    unconfirmed_now,
    undated,
    undated_devices,
)
from portal.web.moments import zone_of
from portal.web.words import duration_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from portal.fleet.models import Site
    from portal.ingest.time_quality import Stretch
    from portal.usage.periods import Window

register = template.Library()

_RECENT: Final = timedelta(days=400)
"""For how long a page without a period of its own tells of times that are not sure."""
_DEVICES: Final = 12
"""Devices without times that are named: a box may name any number."""
_ROUNDED_MS: Final = 1_000
"""A range of less is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Times that are not sure, Unix milliseconds.

    Attributes:
        first, last: The first and the last of them.
        earlier: By how much the true times may be earlier, in words; ``""`` where by nothing.
        earliest: The earliest that the first of them can be; ``None`` where that is not known.
    """

    first: int
    last: int
    earlier: str = ""
    earliest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _UndatedDevice:
    """A device, and how many of its readings wait for a time."""

    device: Device
    readings: int


@register.inclusion_tag("usage/_clock_notice.html")
def clock_notice(place: Device | Gateway | Site, window: Window | None = None) -> dict[str, Any]:
    """Nothing where every time is known and confirmed.

    Args:
        place: A device, whose own readings are counted; a gateway, or a site with all its gateways.
        window: Where the times matter; where it is not given, the newest of them are told.
    """
    zone, of_boxes = _place(place)
    start, end = _edges(window, zone_of(zone))
    context: dict[str, Any] = {"zone": zone, "readings": 0}
    if UndatedBoot.objects.filter(of_boxes).exists():  # of few gateways
        context |= _undated(place, of_boxes)
        context["estimated"] = _span(estimated(of_boxes, start, end), window)
    if BootClock.objects.filter(of_boxes, synchronised=False, estimated=False).exists():
        found = unconfirmed(of_boxes, start, end)
        current = unconfirmed_now(of_boxes) if window is None else None
        context["unconfirmed"] = _span([current] if current else found, window)
    return context


def _place(place: Device | Gateway | Site) -> tuple[str, Q]:
    """The zone of a place, and a condition on what has a ``box``."""
    if isinstance(place, Device):
        return place.gateway.site.time_zone, Q(box__gateway=place.gateway_id)
    if isinstance(place, Gateway):
        return place.site.time_zone, Q(box__gateway=place.pk)
    return place.time_zone, Q(box__gateway__site=place.pk)


def _undated(place: Device | Gateway | Site, of_boxes: Q) -> dict[str, Any]:
    if isinstance(place, Device):
        return {"readings": sum(one.readings for one in undated_devices(Q(device=place.pk)))}
    count = sum(one.readings for one in undated(of_boxes).values())
    key = "device__gateway" if isinstance(place, Gateway) else "device__gateway__site"
    scope = Q(**{key: place.pk})
    found = undated_devices(scope, _DEVICES)
    every = UndatedDevice.objects.filter(scope, readings__gt=0).values("device").distinct()
    devices = Device.objects.in_bulk([one.device for one in found])
    named = [
        _UndatedDevice(device=devices[one.device], readings=one.readings)
        for one in found
        if one.device in devices
    ]
    more = max(every.count() - len(named), 0) if named else 0
    return {"readings": count, "devices": named, "more": more}


def _span(stretches: Sequence[Stretch], window: Window | None) -> _Span | None:
    """The stretches of a window as one; the newest alone where there is none."""
    if not stretches:
        return None
    shown = stretches[-1:] if window is None else stretches
    first, last = min(one.start for one in shown), max(one.end for one in shown)
    least = [one.earlier_ms for one in shown]
    known = [one for one in least if one is not None]
    if len(known) < len(least):
        return _Span(first=first, last=last, earlier="?")
    longest = max(known)
    if longest < _ROUNDED_MS:
        return _Span(first=first, last=last)
    earliest = min(one.start - (one.earlier_ms or 0) for one in shown)
    words = duration_words(longest // 1000)
    return _Span(first=first, last=last, earlier=words, earliest=earliest)


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
