"""The page behind the entry "Energy": the sites that have meters, each with its usage page.

Where there is one such site, its usage page itself is shown.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.fleet.kinds import DeviceFamily
from portal.fleet.models import Site
from portal.fleet.place import place_of
from portal.monitoring.tally import scope_of, tally_of
from portal.web.live import private
from portal.web.paging import paging

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
def energy_page(request: HttpRequest) -> HttpResponse:
    """The sites with meters at the chosen place: ``?page=``; one alone leads to its usage page."""
    counted = tally_of(request, timezone.now(), scope_of(place_of(request)))
    meters: Counter[int] = Counter()
    for pk, fact in counted.gateways.items():
        for each in counted.counts[pk]:
            if not each.own and each.family is DeviceFamily.METER:
                meters[fact.site] += each.many
    if len(meters) == 1:
        return redirect("site-usage", site=next(iter(meters)))
    page = paging(request.GET.get("page", ""), len(meters))
    sites = Site.objects.visible_to(request.user).filter(pk__in=meters)
    shown = sites.select_related("organization")[page.offset : page.stop]
    context = {"rows": [(site, meters[site.pk]) for site in shown], "paging": page}
    return private(render(request, "monitoring/energy.html", context))
