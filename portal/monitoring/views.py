"""The first page and the pages of sites, gateways and devices, with their live fragments.

Each reads through ``visible_to``: what belongs to somebody else answers 404. A page arrives whole
and carries the ETag of its live fragment; the fragment is then polled, and answers 304 while
nothing has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.undelivered_mail import undelivered_mails
from portal.audit.record import look
from portal.authority.expiry_notices import expiry_notices
from portal.fleet.models import Device, Gateway, Site
from portal.fleet.place import place_of
from portal.fleet.site_pages import site_facts
from portal.ingest.models import Series
from portal.monitoring.device import device_version, device_view
from portal.monitoring.operation_views import report
from portal.monitoring.overview import overview, version
from portal.monitoring.series_chart import chart_of, chart_version, is_charted, series_to_chart
from portal.monitoring.tally import Scope, scope_of, tally_of
from portal.web.live import etag, fragment, private

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse

    from portal.authority.expiry_notices import ExpiryNotice


@require_safe
def overview_page(request: HttpRequest) -> HttpResponse:
    """The first page, with notices for operators of this portal."""
    now = timezone.now()
    notices = expiry_notices(request.user, now)
    undelivered = undelivered_mails(request.user).count()
    facts = {"notices": notices, "undelivered": undelivered, **report(request, now)}
    place = place_of(request)
    marks = f"{_marks(notices)}-{place.key}"
    return _whole(request, "monitoring/overview.html", scope_of(place), facts, marks=marks)


@require_safe
def overview_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the first page."""
    notices = expiry_notices(request.user, timezone.now())
    place = place_of(request)
    marks = f"{_marks(notices)}-{place.key}"
    facts = {"notices": notices}
    return _part(request, "monitoring/_overview.html", scope_of(place), facts, marks=marks)


def _marks(notices: Sequence[ExpiryNotice]) -> str:
    """A text that changes with the notices: which there are, and which of them have expired."""
    return "".join(f"-{each.expiring.name}{int(each.expiring.expired)}" for each in notices)


def _whole(
    request: HttpRequest, template: str, scope: Scope, facts: dict[str, Any], *, marks: str = ""
) -> HttpResponse:
    """A page of the overview's rows, with the ETag of its live fragment."""
    now = timezone.now()
    # The version is taken first: a change in between is then shown twice rather than never.
    tag = etag(request, version(request.user, now) + marks)
    seen = overview(request.user, now, scope, tally_of(request, now, scope))
    context = {"overview": seen, "tag": tag, **facts}
    return private(render(request, template, context))


def _part(
    request: HttpRequest, template: str, scope: Scope, facts: dict[str, Any], *, marks: str = ""
) -> HttpResponse:
    """The live fragment of such a page."""
    now = timezone.now()

    def body() -> HttpResponse:
        context = {"overview": overview(request.user, now, scope), **facts}
        return render(request, template, context)

    return fragment(request, etag(request, version(request.user, now) + marks), body)


def _site(request: HttpRequest, site: int) -> Site:
    return get_object_or_404(Site.objects.visible_to(request.user), pk=site)


@require_safe
def site_page(request: HttpRequest, site: int) -> HttpResponse:
    """One site: what the first page says, for this site alone."""
    found = _site(request, site)
    look(request, organization=found.organization_id, subject=("site", found.pk))
    facts = {"site": found, **site_facts(request.user, found)}
    return _whole(request, "monitoring/site.html", Scope(site=found.pk), facts)


@require_safe
def site_live(request: HttpRequest, site: int) -> HttpResponse:
    """The live fragment of a site's page."""
    found = _site(request, site)
    return _part(request, "monitoring/_site.html", Scope(site=found.pk), {"site": found})


def _gateway(request: HttpRequest, gateway: int) -> Gateway:
    scope = Gateway.objects.visible_to(request.user).select_related("site__organization")
    return get_object_or_404(scope, pk=gateway)


@require_safe
def gateway_page(request: HttpRequest, gateway: int) -> HttpResponse:
    """One gateway: its boxes, the configuration it runs, its devices."""
    found = _gateway(request, gateway)
    look(request, organization=found.site.organization_id, subject=("gateway", found.pk))
    facts = {"gateway": found, "running": found.configurations.newest()}
    return _whole(request, "monitoring/gateway.html", Scope(gateway=found.pk), facts)


@require_safe
def gateway_live(request: HttpRequest, gateway: int) -> HttpResponse:
    """The live fragment of a gateway's page."""
    found = _gateway(request, gateway)
    facts = {"gateway": found, "running": found.configurations.newest()}
    return _part(request, "monitoring/_gateway_page.html", Scope(gateway=found.pk), facts)


def _device(request: HttpRequest, device: int) -> Device:
    scope = Device.objects.visible_to(request.user).select_related(
        "gateway__site__organization", "group", "location"
    )
    return get_object_or_404(scope, pk=device)


@require_safe
def device_page(request: HttpRequest, device: int) -> HttpResponse:
    """One device: conditions, readings, and the chart of one series (``?series=ID``)."""
    found = _device(request, device)
    owner = found.gateway.site.organization_id
    look(request, organization=owner, subject=("device", found.pk))
    now = timezone.now()
    tag = etag(request, device_version(found, now))
    chosen, options = series_to_chart(found, request.GET.get("series", ""))
    context: dict[str, Any] = {
        "view": device_view(found, now),
        "tag": tag,
        "options": options,
        "chosen": chosen,
        "chart": chart_of(found, chosen, now) if chosen else None,
    }
    return private(render(request, "monitoring/device.html", context))


@require_safe
def device_live(request: HttpRequest, device: int) -> HttpResponse:
    """The live fragment of a device's page."""
    found = _device(request, device)
    now = timezone.now()

    def body() -> HttpResponse:
        return render(request, "monitoring/_device.html", {"view": device_view(found, now)})

    return fragment(request, etag(request, device_version(found, now)), body)


@require_safe
def chart(request: HttpRequest, device: int, series: int) -> HttpResponse:
    """One series of the last 24 hours as JSON, for the chart's script."""
    found = _device(request, device)
    chosen = get_object_or_404(Series, pk=series, device=found)
    if not is_charted(chosen):
        raise Http404
    now = timezone.now()
    return fragment(
        request,
        etag(request, chart_version(found, chosen, now)),
        lambda: JsonResponse(chart_of(found, chosen, now).as_json()),
    )
