"""The middleware that measures how long requests take, by the name of their route."""

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
    """Measures every request; must be the outermost middleware.

    Raises:
        MiddlewareNotUsed: Metrics are not read here; Django then leaves it out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Load prometheus_client, which is loaded nowhere that metrics are not read."""
        if not settings.METRICS_TOKEN:
            raise MiddlewareNotUsed
        from portal.metrics.registry import request_times

        self._get_response = get_response
        self._times = request_times()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request and record the time; labels come from closed sets."""
        began = time.perf_counter()
        response = self._get_response(request)
        route = request.resolver_match.url_name if request.resolver_match else None
        method = request.method if request.method in _METHODS else _OTHER
        self._times.labels(
            route if route in ACCESS else _OTHER, method, str(response.status_code)
        ).observe(time.perf_counter() - began)
        return response
