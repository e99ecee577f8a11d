"""What a page needs before it opens: a session, a second factor, a password that is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import urlencode

from portal.accounts.expiry import password_expired
from portal.accounts.second_factor import has_second_factor, lacks_second_factor

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

_OPEN: Final = frozenset({"account_login", "account_logout", "language", "sign-in-link"})
"""Pages that open whatever is missing."""
_AGAIN: Final = frozenset(
    {"account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
)
CHANGE_PASSWORD: Final = frozenset({"account_change_password", "account_set_password"})
SET_UP: Final = frozenset(
    {
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_view_recovery_codes",
        "mfa_download_recovery_codes",
    }
)
"""Where a second factor is set up."""


def is_script(request: HttpRequest) -> bool:
    """Whether a script of a page asks, which can follow no redirect to another page."""
    return bool(request.headers.get("HX-Request") or request.headers.get("X-Poll"))


class LoginRequired(LoginRequiredMiddleware):
    """Django's middleware, which answers a poll with 401: no page is swapped into another."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Redirect a browser to the sign-in page; answer 401 to a script's request."""
        if is_script(request):
            # Typed as a redirect by Django; a script can follow none to a page.
            return cast(
                "HttpResponseRedirect", HttpResponse(status=401, headers={"HX-Refresh": "true"})
            )
        return super().handle_no_permission(request, view_func)


class SetUpFirst:
    """Opens nothing but the page that is due.

    A password that has expired is changed first (C-8), then a user who needs a second factor sets
    it up, or shows it where it was set up in another session (`portal.accounts.second_factor`). A
    page that everybody may open opens as ever.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; `process_view` may keep it from its page."""
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """The redirect to the page that is due; ``None`` where the page may open."""
        name = (request.resolver_match and request.resolver_match.url_name) or ""
        if not getattr(view, "login_required", True) or name in _OPEN:
            return None
        if not request.user.is_authenticated:
            return None  # refused by `LoginRequired`, or asked for by the view itself
        if password_expired(request):
            due = None if name in CHANGE_PASSWORD else reverse("account_change_password")
        elif name in _AGAIN or not lacks_second_factor(request):
            due = None
        elif has_second_factor(request.user):
            due = _with_next(reverse("mfa_reauthenticate"), request)
        else:
            due = None if name in SET_UP else reverse("mfa_index")
        if due is None:
            return None
        if is_script(request):
            if _page_of_script(request) in SET_UP | CHANGE_PASSWORD | _AGAIN:
                return HttpResponse(status=204)  # a reload would make another secret of the app's
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return redirect(due)


def _page_of_script(request: HttpRequest) -> str:
    """The name of the page whose script asks, as htmx tells it; "" where it does not."""
    try:
        path = urlsplit(request.headers.get("HX-Current-URL", "")).path
        return resolve(path).url_name or ""
    except (Resolver404, ValueError):
        return ""


def _with_next(place: str, request: HttpRequest) -> str:
    after = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    return f"{place}?{urlencode({REDIRECT_FIELD_NAME: after})}"
