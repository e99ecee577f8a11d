"""The usage pages of a device and of a site, the live fragment, and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from portal.accounts.roles import bills_only
from portal.audit.record import look
from portal.fleet.models import Device, Site
from portal.usage import csv_file
from portal.usage.query import QueryError
from portal.usage.result import file_entries, has_peaks, result_of
from portal.usage.scope import UsageScope, device_scope, site_scope
from portal.web.live import etag, fragment, private
from portal.web.paging import paging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.http import HttpRequest, HttpResponseBase

    from portal.usage.query import Query


def _device(request: HttpRequest, device: int) -> UsageScope:
    scope = Device.objects.usage_visible_to(request.user).select_related("gateway__site")
    return device_scope(get_object_or_404(scope, pk=device))


def _site(request: HttpRequest, site: int) -> UsageScope:
    return site_scope(get_object_or_404(Site.objects.usage_visible_to(request.user), pk=site))


@require_safe
def usage_list(request: HttpRequest) -> HttpResponse:
    """The sites whose usage a person reads: the first page of the billing role."""
    sites = Site.objects.usage_visible_to(request.user).select_related("organization")
    page = paging(request.GET.get("page", ""), sites.count())
    context = {"sites": sites[page.offset : page.stop], "paging": page}
    return private(render(request, "usage/sites.html", context))


@require_safe
def device_usage(request: HttpRequest, device: int) -> HttpResponseBase:
    """The page of a device: ``?by=demand|hour|day|month&of=...&on=...&until=...&format=csv``."""
    return _page(request, _device(request, device))


@require_safe
def device_usage_live(request: HttpRequest, device: int) -> HttpResponse:
    """The live fragment of a device's page."""
    scope = _device(request, device)
    now = timezone.now()
    try:
        query = scope.query(request.GET, now)
    except QueryError as error:
        return private(HttpResponse(str(error), status=400, content_type="text/plain"))

    def body() -> HttpResponse:
        context = {"scope": scope, "query": query, "result": result_of(scope, query, now)}
        context["section"] = scope.section(query.measure)
        return render(request, "usage/_usage.html", context)

    return fragment(request, etag(request, scope.version(now)), body)


@require_safe
def site_usage(request: HttpRequest, site: int) -> HttpResponseBase:
    """The page of a site; ``?device=ID`` (repeated) names the devices to add up."""
    return _page(request, _site(request, site))


def _page(request: HttpRequest, scope: UsageScope) -> HttpResponseBase:
    now = timezone.now()
    try:
        query = scope.query(request.GET, now)
    except QueryError as error:
        context = {"scope": scope, "fault": str(error), "section": scope.section(None)}
        context["bills_only"] = bills_only(request.user)
        return private(render(request, "usage/bad_query.html", context, status=400))
    if not scope.knows(query.ticked):
        raise Http404
    subject = ("device", scope.device.pk) if scope.device else ("site", scope.site.pk)
    look(request, organization=scope.site.organization_id, subject=subject)
    # Taken before the data: a change in between is then shown twice rather than never.
    tag = etag(request, scope.version(now))
    if query.csv:
        return private(_file(scope, query, now))
    result = result_of(scope, query, now)
    context = {"scope": scope, "query": query, "result": result, "tag": tag}
    context["bills_only"] = bills_only(request.user)
    context["section"] = scope.section(query.measure)
    context["nav"] = "printing" if query.measure and query.measure.printed else "energy"
    return private(render(request, "usage/usage.html", context))


def _file(scope: UsageScope, query: Query, now: datetime) -> StreamingHttpResponse:
    """A file that is read as it is sent: it may be long, and is never whole in memory."""
    devices = len(query.ticked) or (scope.counting(query.measure).count() if query.measure else 0)
    entries = file_entries(scope, query)
    peaks = has_peaks(query, devices)
    lines = csv_file.lines(entries, query, scope.zone, now, peaks=peaks)
    language = get_language() or "en"
    response = StreamingHttpResponse(
        _in_language(lines, language), content_type="text/csv; charset=utf-8"
    )
    name = csv_file.file_name(scope.name, query)
    disposition = content_disposition_header(as_attachment=True, filename=name)
    response.headers["Content-Disposition"] = disposition or "attachment"
    return response


def _in_language(lines: Iterator[bytes], language: str) -> Iterator[bytes]:
    """The lines, each written in the reader's language: the request is over by then."""
    while True:
        with override(language):
            line = next(lines, None)
        if line is None:
            return
        yield line
