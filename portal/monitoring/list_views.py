"""The lists of sites, gateways and devices, with their live fragments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.fleet.models import DeviceGroup
from portal.fleet.place import place_of
from portal.monitoring.device_list import device_list
from portal.monitoring.list_query import ListQuery
from portal.monitoring.lists import gateway_list, site_list
from portal.monitoring.overview import version
from portal.monitoring.tally import Scope, scope_of
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
    tag = _tag(request, now)
    return private(render(request, template, {**build_context(request, now), "tag": tag}))


def _part(request: HttpRequest, template: str, build_context: ContextBuilder) -> HttpResponse:
    now = timezone.now()
    tag = _tag(request, now)
    return fragment(request, tag, lambda: render(request, template, build_context(request, now)))


def _tag(request: HttpRequest, now: datetime) -> str:
    return etag(request, f"{version(request.user, now)}-{place_of(request).key}")


def _scope(request: HttpRequest) -> Scope:
    return scope_of(place_of(request))


def _query(request: HttpRequest) -> ListQuery:
    said = request.GET
    return ListQuery(
        sort=said.get("sort", "")[:_MOST_WORDS],
        words=said.get("q", "").strip()[:_MOST_WORDS],
        group=said.get("group", ""),
        site=said.get("site", ""),
        gateway=said.get("gateway", ""),
        show=said.get("show", ""),
        page=said.get("page", ""),
    )


def _sites(request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {"sites": site_list(request.user, _scope(request), _query(request), now)}


@require_safe
def sites_page(request: HttpRequest) -> HttpResponse:
    """The list of all sites: ``?page=``."""
    return _whole(request, "monitoring/sites.html", _sites)


@require_safe
def sites_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of sites; it takes the same parameter."""
    return _part(request, "monitoring/_sites.html", _sites)


def _gateways(request: HttpRequest, now: datetime) -> dict[str, Any]:
    return {"gateways": gateway_list(request.user, _scope(request), _query(request), now)}


@require_safe
def gateways_page(request: HttpRequest) -> HttpResponse:
    """The list of all gateways, the faulty first: ``?site=`` an id, ``?page=``."""
    return _whole(request, "monitoring/gateways.html", _gateways)


@require_safe
def gateways_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of gateways; it takes the same parameters."""
    return _part(request, "monitoring/_gateways.html", _gateways)


def _devices(request: HttpRequest, now: datetime) -> dict[str, Any]:
    place = place_of(request)
    groups = DeviceGroup.objects.visible_to(request.user).select_related("organization")
    if place.organization:
        groups = groups.filter(organization=place.organization)
    found = device_list(request.user, scope_of(place), list(groups), _query(request), now)
    return {"devices": found}


@require_safe
def devices_page(request: HttpRequest) -> HttpResponse:
    """The list of devices: ``?sort=`` a column, ``?q=`` words to search for, and ``?page=``.

    ``?group=``, ``?site=`` and ``?gateway=`` narrow it, by id; ``?show=`` by a chip's name.
    """
    return _whole(request, "monitoring/devices.html", _devices)


@require_safe
def devices_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the list of devices; it takes the same parameters."""
    return _part(request, "monitoring/_devices.html", _devices)
