"""The live fragment of the strip, and its buttons. Where nothing is simulated, both answer 404."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from portal.simulation.control import SimulationUnavailableError, call
from portal.simulation.strip import BREAK, FAULTS, MEND, Strip, current_strip, socket_path, strip

if TYPE_CHECKING:
    from pathlib import Path


def _path() -> Path:
    path = socket_path()
    if path is None:
        raise Http404
    return path


def _answer(request: HttpRequest, shown: Strip) -> HttpResponse:
    response = render(request, "simulation/_strip.html", {"strip": shown})
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The live fragment of the strip."""
    return _answer(request, current_strip(request.user, _path()))


@require_POST
def inject_or_end(request: HttpRequest) -> HttpResponse:
    """Inject the named fault or end it, as the button says; pressing twice changes nothing."""
    path, what, do = _path(), request.POST.get("what", ""), request.POST.get("do", "")
    if what not in FAULTS or do not in {BREAK, MEND}:
        raise Http404
    try:
        shown = strip(request.user, call(path, do, what=what))
    except SimulationUnavailableError:
        shown = Strip()
    if request.headers.get("HX-Request") == "true":
        return _answer(request, shown)
    return redirect("overview")
