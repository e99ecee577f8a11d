"""Every page requires a session, unless its view says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect


class LoginRequired(LoginRequiredMiddleware):
    """Django's middleware, which answers a poll with 401: no page is swapped into another."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Redirect a browser to the sign-in page; answer 401 to a script's request."""
        if request.headers.get("HX-Request") or request.headers.get("X-Poll"):
            # Typed as a redirect by Django; a script can follow none to a page.
            return cast(
                "HttpResponseRedirect", HttpResponse(status=401, headers={"HX-Refresh": "true"})
            )
        return super().handle_no_permission(request, view_func)
