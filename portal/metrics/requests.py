"""How long requests take, by the name of their route."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed

from portal.permissions import ACCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_OTHER: Final = "other"


class RequestTimes:
    """The outermost middleware, where metrics are read; elsewhere it is not there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Load the library only here."""
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        from portal.metrics.web import requests

        self._get_response = get_response
        self._times = requests()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass it on, and take the time; labels come from closed sets, whatever is asked."""
        began = time.perf_counter()
        response = self._get_response(request)
        route = request.resolver_match.url_name if request.resolver_match else None
        method = request.method if request.method in _METHODS else _OTHER
        self._times.labels(
            route if route in ACCESS else _OTHER, method, str(response.status_code)
        ).observe(time.perf_counter() - began)
        return response
