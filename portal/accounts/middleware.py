"""Nothing is open unless it says so: who is not signed in is sent to the sign-in page."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect


class SignInGate(LoginRequiredMiddleware):
    """Django's gate; to a page that polls it answers 401, so that nothing is swapped into it."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Redirect a person, tell a script."""
        if request.headers.get("HX-Request") or request.headers.get("X-Poll"):
            # Typed as a redirect by Django; a script can follow none to a page.
            return cast(
                "HttpResponseRedirect", HttpResponse(status=401, headers={"HX-Refresh": "true"})
            )
        return super().handle_no_permission(request, view_func)
