"""The operation status of all printers (E-31), and the report of the first page (E-30)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.fleet.kinds import DeviceFamily
from portal.fleet.place import place_of
from portal.monitoring.device_rows import device_rows
from portal.monitoring.overview import version
from portal.monitoring.printers import Printers, printers, printers_by_name
from portal.monitoring.tally import scope_of, tally_of
from portal.usage.printing import last_days, print_report, today
from portal.web.live import etag, fragment, private
from portal.web.paging import paging

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

_LISTED: Final = 48


@require_safe
def operation_page(request: HttpRequest) -> HttpResponse:
    """The page; ``?of=`` names what to draw where printers count in several ways."""
    now = timezone.now()
    # Taken before the data: a change in between is then shown twice rather than never.
    tag = _tag(request, now)
    return private(
        render(request, "monitoring/operation.html", {**_facts(request, now), "tag": tag})
    )


@require_safe
def operation_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the operation status."""
    now = timezone.now()

    def body() -> HttpResponse:
        return render(request, "monitoring/_operation_status.html", _facts(request, now))

    return fragment(request, _tag(request, now), body)


@require_safe
def report_live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the first page's report: what was printed in the last 30 days."""
    now = timezone.now()

    def body() -> HttpResponse:
        return render(request, "monitoring/_report.html", report(request, now))

    return fragment(request, _tag(request, now), body)


def report(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """The first page's report: what all printers printed in the last 30 days (E-30)."""
    seen = printers(request.user, scope_of(place_of(request)))
    printing = print_report(seen.added_up, "", last_days, now, listed=())
    return {"printing": printing, "added_up": seen, "gateways": _gateways(seen)}


def _gateways(seen: Printers) -> set[int]:
    return {device.gateway_id for device in seen.added_up}


def _tag(request: HttpRequest, now: datetime) -> str:
    """The ETag of what is shown; it changes once a minute too, as the day goes on."""
    minute, place = int(now.timestamp()) // 60, place_of(request).key
    return etag(request, f"{version(request.user, now)}-{minute}-{place}")


def _facts(request: HttpRequest, now: datetime) -> dict[str, Any]:
    scope = scope_of(place_of(request))
    counted = tally_of(request, now, scope)
    operation = next(
        (each for each in counted.operations if each.family is DeviceFamily.PRINTER), None
    )
    seen = printers(request.user, scope)
    asked = request.GET.get("of", "")
    page = paging(request.GET.get("page", ""), seen.total, size=_LISTED)
    listed = printers_by_name(request.user, scope, page)
    found = print_report(seen.added_up, asked, today, now, listed=listed)
    chosen = next((each.measure for each in found.measures if each.current), "") if found else ""
    pairs = [("of", chosen)] if chosen else []
    page = replace(page, pairs=pairs)
    asked_again = [*pairs, ("page", str(page.number))] if page.number > 1 else pairs
    rows = device_rows({each.pk for each in listed}, counted.gateways, now)
    cards = [(rows[each.device.pk], each) for each in found.printers] if found else []
    return {
        "printing": found,
        "added_up": seen,
        "gateways": _gateways(seen),
        "printers": cards,
        "paging": page,
        "operation": operation,
        "asked": f"?{urlencode(asked_again)}" if asked_again else "",
    }
