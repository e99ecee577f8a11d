"""The lists of sites, gateways and devices, with their live fragments; the organization's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.models import Organization
from portal.fleet.models import DeviceGroup
from portal.monitoring.device_web_page import own_pages
from portal.monitoring.lists import ListQuery, device_list, gateways_by_need, organizations
from portal.monitoring.overview import overview, version
from portal.web.live import etag, fragment, private

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    ContextBuilder = Callable[[HttpRequest, datetime], dict[str, Any]]

_MOST_WORDS: Final = 100


def _whole(request: HttpRequest, template: str, build_context: ContextBuilder) -> HttpResponse:
    now = timezone.now()
    # The version is taken first: a change in between is then shown twice rather than never.
    tag = etag(request, version(request.user, now))
    return private(render(request, template, {**build_context(request, now), "tag": tag}))


def _part(request: HttpRequest, template: str, build_context: ContextBuilder) -> HttpResponse:
    now = timezone.now()
    tag = etag(request, version(request.user, now))
    return fragment(request, tag, lambda: render(request, template, build_context(request, now)))


def _sites(request: HttpRequest, now: datetime) -> dict[str, Any]:
    administered = Organization.objects.administered_by(request.user)
    return {"overview": overview(request.user, now), "administers": administered.exists()}


@require_safe
def sites_page(request: HttpRequest) -> HttpResponse:
    """The list of all sites."""
    return _whole(request, "monitoring/sites.html", _sites)


@require_safe
def sites_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of sites."""
    return _part(request, "monitoring/_sites.html", _sites)


def _gateways(request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {"cards": gateways_by_need(overview(request.user, now))}


@require_safe
def gateways_page(request: HttpRequest) -> HttpResponse:
    """The list of all gateways, the faulty first."""
    return _whole(request, "monitoring/gateways.html", _gateways)


@require_safe
def gateways_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of gateways."""
    return _part(request, "monitoring/_gateways.html", _gateways)


def _devices(request: HttpRequest, now: datetime) -> dict[str, Any]:
    seen = overview(request.user, now)
    groups = DeviceGroup.objects.visible_to(request.user).select_related("organization")
    query = ListQuery(
        sort=request.GET.get("sort", ""),
        words=request.GET.get("q", "").strip()[:_MOST_WORDS],
        group=request.GET.get("group", ""),
    )
    pages = own_pages(card.gateway.pk for card in seen.gateways)
    return {"devices": device_list(seen, list(groups), pages, query)}


@require_safe
def devices_page(request: HttpRequest) -> HttpResponse:
    """The list of devices: ``?sort=`` a column, ``?q=`` words to search for, ``?group=`` an id."""
    return _whole(request, "monitoring/devices.html", _devices)


@require_safe
def devices_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of devices; it takes the same parameters."""
    return _part(request, "monitoring/_devices.html", _devices)


@require_safe
def organizations_page(request: HttpRequest) -> HttpResponse:
    """The reader's organizations and their members."""
    context = {"organizations": organizations(request.user)}
    return private(render(request, "monitoring/organizations.html", context))
