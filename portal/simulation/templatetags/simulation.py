"""The strip for the first page, and the mark on what was made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from portal.simulation.models import SimulatedHistory
from portal.simulation.strip import current_strip, socket_path

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.template import Context

    from portal.fleet.models import Gateway, Site

register = template.Library()


@register.inclusion_tag("simulation/strip.html", takes_context=True)
def simulation_strip(context: Context) -> dict[str, Any]:
    """The strip; renders nothing where nothing is simulated."""
    path, request = socket_path(), context["request"]
    if path is None:
        return {"simulated": False}
    return {"simulated": True, "strip": current_strip(request.user, path), "request": request}


@register.inclusion_tag("simulation/_history.html")
def simulated_history(place: Gateway | Site) -> dict[str, Any]:
    """The mark on a gateway's or a site's history that was made up; nothing where none was."""
    field = "gateway__site" if hasattr(place, "gateways") else "gateway"
    newest = SimulatedHistory.objects.filter(**{field: place.pk}).order_by("last_ms").last()
    zone = place.time_zone if hasattr(place, "time_zone") else place.site.time_zone
    return {"last": newest.last_ms if newest else None, "zone": zone}


@register.inclusion_tag("simulation/_history.html")
def simulated_prints(gateways: Collection[int], zone: str) -> dict[str, Any]:
    """The same mark for several gateways, by their ids; the newest made-up sample counts."""
    newest = SimulatedHistory.objects.filter(gateway__in=gateways).order_by("last_ms").last()
    return {"last": newest.last_ms if newest else None, "zone": zone}
