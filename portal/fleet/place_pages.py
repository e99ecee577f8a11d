"""Choosing the place to look at (`portal.fleet.place`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from portal.fleet.place import choose_place

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Choose ``place`` (`portal.fleet.place.Place.key`) for this session; back to ``next``."""
    choose_place(request, request.POST.get("place", ""))
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    return HttpResponseRedirect(back)
