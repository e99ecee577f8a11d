"""The page of an organization's log, and its files, for the organization's administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from console.templates import audit
from portal.audit import csv_file, search
from portal.audit.export import json_lines
from portal.audit.kinds import PORTAL
from portal.audit.models import Entry
from portal.audit.reading import Named, each_view, views_of
from portal.audit.record import look, record
from portal.audit.rows import party_of, row_of
from portal.audit.vocabulary import ACTIONS
from portal.web.live import private
from portal.web.words import heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.http import HttpRequest, HttpResponse

    from portal.audit.models import Detail

_LOG: Final = ("log", "")
FORMATS: Final = {"csv": "text/csv", "jsonl": "application/jsonl"}


@require_safe
def audit_page(request: HttpRequest) -> HttpResponse:
    """The page: ``?organization=ID&person=...&action=...&thing=...&older=N`` (or ``newer``)."""
    owned = _administered(request)
    chain = _chain(request, owned)
    look(request, organization=chain, subject=_LOG)
    filters = search.Filters.of(request.GET.dict())
    found = search.find(
        chain,
        filters,
        older=search.number_of(request.GET.get("older", "")),
        newer=search.number_of(request.GET.get("newer", "")),
    )
    zone = _zone(request, chain)
    several = [("organization", str(chain))] if len(owned) > 1 else []
    context: dict[str, Any] = {
        "rows": [row_of(view, zone) for view in views_of(found.entries)],
        "found": found,
        "filters": filters,
        "zone": zone,
        "organizations": owned,
        "organization": chain,
        "name": owned[chain],
        "people": _people(chain, filters),
        "actions": [(one.id, heading(one())) for one in ACTIONS],
        "things": _choices(search.things(chain), filters.thing),
        "scope": urlencode(several),
        "address": urlencode([*several, *filters.pairs()]),
    }
    return private(render(request, "audit/audit.html", context))


@require_safe
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    """The entries that the page's filters find as a file: ``&format=csv|jsonl``."""
    chain = _chain(request, _administered(request))
    kind = request.GET.get("format", "csv")
    if kind not in FORMATS:
        raise Http404
    filters = search.Filters.of(request.GET.dict())
    if request.method == "GET":
        record(audit.EXPORT, actor=request.user, organization=chain, subject=_LOG)
    entries = filters.apply(Entry.objects.visible_to(request.user).filter(chain=chain))
    if kind == "jsonl":
        lines = json_lines(entries, chain)
    else:
        zone = _zone(request, chain)
        lines = csv_file.lines(each_view(entries.iterator(chunk_size=500)), zone)
    response = StreamingHttpResponse(
        _in_language(lines, get_language() or "en"), content_type=f"{FORMATS[kind]}; charset=utf-8"
    )
    name = f"audit-log-{timezone.now():%Y-%m-%d}.{kind}"
    disposition = content_disposition_header(as_attachment=True, filename=name)
    response.headers["Content-Disposition"] = disposition or "attachment"
    return private(response)


def _in_language(lines: Iterator[str], language: str) -> Iterator[str]:
    """The lines, each written in the reader's language: the request is over by then."""
    while True:
        with override(language):
            line = next(lines, None)
        if line is None:
            return
        yield line


def _administered(request: HttpRequest) -> dict[int, str]:
    """The organizations that the user administers, by id, sorted by name."""
    # Named, not imported: the app is above this one.
    organizations = apps.get_model("accounts.Organization")._default_manager
    found = organizations.filter(
        memberships__user_id=request.user.pk or 0, memberships__role="administrator"
    )
    owned = {one.pk: str(one) for one in found.order_by("name", "pk")}
    if not owned:
        raise PermissionDenied
    return owned


def _chain(request: HttpRequest, owned: Mapping[int, str]) -> int:
    asked = request.GET.get("organization", "")
    if not asked:
        return next(iter(owned))
    number = search.number_of(asked)
    if number is None or number not in owned:
        raise Http404
    return number


def _zone(request: HttpRequest, chain: int) -> str:
    """The user's time zone, else that of the organization's first site."""
    own = getattr(request.user, "time_zone", "")
    sites = apps.get_model("fleet.Site")._default_manager.filter(organization_id=chain)
    found = own or sites.order_by("pk").values_list("time_zone", flat=True).first()
    return str(found or settings.TIME_ZONE)


def _people(chain: int, filters: search.Filters) -> list[tuple[str, str]]:
    portal = party_of(Named(kind=PORTAL, id="", name="", erased=False))
    choices = _choices(search.people(chain), filters.person)
    return [*choices, (portal.key, portal.text)]


def _choices(names: Mapping[str, Detail], chosen: str) -> list[tuple[str, str]]:
    """The choices of a filter, sorted by their text; what is chosen is among them."""
    named = {
        key: Named(kind=one.kind, id=one.thing_id, name=one.text, erased=bool(one.erased_at_ms))
        for key, one in names.items()
    }
    if chosen and chosen not in named:
        kind, _colon, number = chosen.partition(":")
        if kind != PORTAL:
            named[chosen] = Named(kind=kind, id=number, name="", erased=False)
    shown = {key: party_of(one) for key, one in named.items()}
    texts = [
        (key, f"{one.text} ({one.kind})" if one.kind else one.text) for key, one in shown.items()
    ]
    return sorted(texts, key=lambda choice: choice[1])
