"""The energy pages of a device and of a site, as pages, as what they poll, and as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from portal.fleet.models import Device, Site
from portal.usage import csv_file
from portal.usage.places import Place, answer_of, device_place, site_place
from portal.usage.query import QueryError
from portal.web.live import etag, fragment, private

if TYPE_CHECKING:
    from django.http import HttpRequest


def _device(request: HttpRequest, device: int) -> Place:
    scope = Device.objects.visible_to(request.user).select_related("gateway__site")
    return device_place(get_object_or_404(scope, pk=device))


def _site(request: HttpRequest, site: int) -> Place:
    return site_place(get_object_or_404(Site.objects.visible_to(request.user), pk=site))


@require_safe
def device_energy(request: HttpRequest, device: int) -> HttpResponse:
    """What a device counted: ``?by=demand|hour|day|month&of=...&on=...&until=...&format=csv``."""
    return _page(request, _device(request, device))


@require_safe
def device_energy_live(request: HttpRequest, device: int) -> HttpResponse:
    """The same page's living part."""
    place = _device(request, device)
    now = timezone.now()
    try:
        query = place.query(request.GET, now)
    except QueryError as error:
        return private(HttpResponse(str(error), status=400, content_type="text/plain"))

    def body() -> HttpResponse:
        context = {"place": place, "query": query, "answer": answer_of(place, query, now)}
        context["section"] = place.section(query.of)
        return render(request, "usage/_energy.html", context)

    return fragment(request, etag(request, place.version(now)), body)


@require_safe
def site_energy(request: HttpRequest, site: int) -> HttpResponse:
    """What a site's devices counted; ``?device=ID`` (repeated): those to add up."""
    return _page(request, _site(request, site))


def _page(request: HttpRequest, place: Place) -> HttpResponse:
    now = timezone.now()
    try:
        query = place.query(request.GET, now)
    except QueryError as error:
        context = {"place": place, "fault": str(error), "section": place.section(None)}
        return private(render(request, "usage/wrong.html", context, status=400))
    if not place.knows(query.ticked):
        raise Http404
    # Taken before the data: a change in between is then shown twice rather than never.
    tag = etag(request, place.version(now))
    answer = answer_of(place, query, now)
    if query.csv:
        content = csv_file.content(answer.files, query, place.zone, now)
        return private(_file(content, csv_file.file_name(place.name, query)))
    context = {"place": place, "query": query, "answer": answer, "tag": tag}
    context["section"] = place.section(query.of)
    return private(render(request, "usage/energy.html", context))


def _file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    disposition = content_disposition_header(as_attachment=True, filename=name)
    response.headers["Content-Disposition"] = disposition or "attachment"
    return response
