"""The operation status of all printers (E-31), and the report of the first page (E-30)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.fleet.kinds import DeviceFamily
from portal.monitoring.overview import overview, version
from portal.usage.printing import print_report, today
from portal.web.live import etag, fragment, private

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse


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
        seen = overview(request.user, now)
        return render(request, "monitoring/_report.html", {"overview": seen})

    return fragment(request, _tag(request, now), body)


def _tag(request: HttpRequest, now: datetime) -> str:
    """The ETag of what is shown; it changes once a minute too, as the day goes on."""
    return etag(request, f"{version(request.user, now)}-{int(now.timestamp()) // 60}")


def _facts(request: HttpRequest, now: datetime) -> dict[str, Any]:
    seen = overview(request.user, now)
    operation = next(
        (each for each in seen.operations if each.family is DeviceFamily.PRINTER), None
    )
    asked = request.GET.get("of", "")
    found = print_report(seen.printers, asked, today, now)
    chosen = next((each.measure for each in found.measures if each.current), "") if found else ""
    asked_again = f"?of={chosen}" if chosen else ""
    rows = {row.device.pk: row for row in seen.rows}
    printers = [(rows[each.device.pk], each) for each in found.printers] if found else []
    return {"printing": found, "printers": printers, "operation": operation, "asked": asked_again}
