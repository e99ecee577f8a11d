"""The page that Prometheus reads.

Only with the token: whoever stands behind a proxy on the same machine comes from loopback, the
public included, so that an address says nothing about who asks. Without a token in the environment
there is no page, and without the right one there seems to be none (docs/adr/0012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIRequest

    from portal.metrics.registry import Source


@login_not_required
@csrf_exempt  # changes nothing; and its refusal would tell that there is a page
@never_cache
def metrics(request: WSGIRequest, source: Source) -> HttpResponse:
    """The metrics, for a request that shows the token; everybody else gets 404."""
    if not settings.METRICS_TOKEN:
        raise Http404
    from portal.metrics.endpoint import NOT_FOUND, metrics_application  # loads prometheus_client
    from portal.metrics.registry import registry

    response = HttpResponse()

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        if status == NOT_FOUND:
            raise Http404  # as every address that is not there answers
        response.status_code = int(status.partition(" ")[0])
        for name, value in headers:
            response.headers[name] = value

    application = metrics_application(registry(source), settings.METRICS_TOKEN)
    response.content = b"".join(application(request.environ, start))
    return response
