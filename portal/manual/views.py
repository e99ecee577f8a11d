"""The pages of the manual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from portal.manual.article import LANGUAGES, Article, article
from portal.manual.contents import PAGES, PARTS, ManualPage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse


@login_not_required
@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """The contents: all pages; without a session, those that open without one."""
    return render(request, "manual/contents.html", {"parts": _parts(request)})


@login_not_required
@require_safe
def manual_page(request: HttpRequest, page: str) -> HttpResponse:
    """A page in the reader's language; most need a session."""
    found = PAGES.get(page)
    if found is None:
        raise Http404
    if not _may_read(request, found):
        return redirect_to_login(request.get_full_path())
    order = [one for one in PAGES.values() if _may_read(request, one)]
    at = order.index(found)
    context = {
        "name": page,
        "article": _in_readers_language(found),
        "parts": _parts(request),
        "earlier": _entries(order[max(at - 1, 0) : at]),
        "later": _entries(order[at + 1 : at + 2]),
    }
    return render(request, "manual/page.html", context)


def _may_read(request: HttpRequest, page: ManualPage) -> bool:
    return page.is_open or request.user.is_authenticated


def _in_readers_language(page: ManualPage) -> Article:
    language = get_language()
    return article(page.name, language if language in LANGUAGES else LANGUAGES[0])


def _parts(request: HttpRequest) -> list[dict[str, Any]]:
    """The parts that have a page for the reader, each with its title and its pages."""
    parts = [
        {
            "title": part.title,
            "pages": _entries(page for page in part.pages if _may_read(request, page)),
        }
        for part in PARTS
    ]
    return [part for part in parts if part["pages"]]


def _entries(pages: Iterable[ManualPage]) -> list[dict[str, Any]]:
    return [{"name": page.name, "article": _in_readers_language(page)} for page in pages]
