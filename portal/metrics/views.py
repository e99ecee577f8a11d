"""The page that Prometheus reads.

Only with the token: whoever stands behind a proxy on the same machine comes from loopback, the
public included, so that an address says nothing about who asks. Without a token in the environment
there is no page, and without the right one there seems to be none (docs/adr/0012).
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest

    from portal.metrics.page import Source

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def shows_token(authorization: str, token: str) -> bool:
    """Whether an ``Authorization`` is this bearer token; never where there is none."""
    scheme, _, shown = authorization.partition(" ")
    right = compare_digest(shown.strip().encode(), token.encode())
    return bool(token) and right and scheme.lower() == "bearer"


@login_not_required
@csrf_exempt  # changes nothing; and its refusal would tell that there is a page
@never_cache
def metrics(request: HttpRequest, source: Source) -> HttpResponse:
    """The metrics, for a request that shows the token; everybody else gets 404."""
    if not shows_token(request.headers.get("Authorization", ""), settings.METRICS_TOKEN):
        raise Http404
    return _page(request, source)


@require_safe
def _page(_: HttpRequest, source: Source) -> HttpResponse:
    from portal.metrics.page import page  # loads prometheus_client

    return HttpResponse(page(source), content_type=CONTENT_TYPE)
