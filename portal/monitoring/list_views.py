"""The lists of sites, gateways and devices, with their live fragments; the organization's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.accounts.models import Organization
from portal.fleet.models import DeviceGroup
from portal.monitoring.device_list import device_list
from portal.monitoring.list_query import ListQuery
from portal.monitoring.lists import gateway_list, site_list
from portal.monitoring.organization_list import organizations
from portal.monitoring.overview import version
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


def _query(request: HttpRequest) -> ListQuery:
    said = request.GET
    return ListQuery(
        sort=said.get("sort", "")[:_MOST_WORDS],
        words=said.get("q", "").strip()[:_MOST_WORDS],
        group=said.get("group", ""),
        site=said.get("site", ""),
        gateway=said.get("gateway", ""),
        page=said.get("page", ""),
    )


def _sites(request: HttpRequest, now: datetime) -> dict[str, Any]:
    administered = Organization.objects.administered_by(request.user)
    sites = site_list(request.user, _query(request), now)
    return {"sites": sites, "administers": administered.exists()}


@require_safe
def sites_page(request: HttpRequest) -> HttpResponse:
    """The list of all sites: ``?page=``."""
    return _whole(request, "monitoring/sites.html", _sites)


@require_safe
def sites_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of sites; it takes the same parameter."""
    return _part(request, "monitoring/_sites.html", _sites)


def _gateways(request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {"gateways": gateway_list(request.user, _query(request), now)}


@require_safe
def gateways_page(request: HttpRequest) -> HttpResponse:
    """The list of all gateways, the faulty first: ``?site=`` an id, ``?page=``."""
    return _whole(request, "monitoring/gateways.html", _gateways)


@require_safe
def gateways_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of gateways; it takes the same parameters."""
    return _part(request, "monitoring/_gateways.html", _gateways)


def _devices(request: HttpRequest, now: datetime) -> dict[str, Any]:
    groups = DeviceGroup.objects.visible_to(request.user).select_related("organization")
    return {"devices": device_list(request.user, list(groups), _query(request), now)}


@require_safe
def devices_page(request: HttpRequest) -> HttpResponse:
    """The list of devices: ``?sort=`` a column, ``?q=`` words to search for, and ``?page=``.

    ``?group=``, ``?site=`` and ``?gateway=`` narrow it, by id.
    """
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
