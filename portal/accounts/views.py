"""Signing in by password and by link, and choosing a language; the form is allauth's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.views import LoginView
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import actions, tries
from portal.accounts.known_browser import remember_browser
from portal.accounts.language import remember_language
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_allauth_sign_in = LoginView.as_view()
_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])  # allauth's view also takes PUT for POST
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The form to sign in; 429 for whoever sends too many of them."""
    if request.method == "POST":
        forms = [(tries.FORMS, ratelimit.get_ip(request))]
        if tries.count_try(forms, milliseconds(timezone.now())) is None:
            refused: HttpResponseBase = ratelimit.respond_429(request)
            return refused
    page: HttpResponseBase = _allauth_sign_in(request)
    return page


@method_decorator((login_not_required, never_cache), name="dispatch")
class SignInByLink(View):
    """A link that signs its user in once.

    Opening it changes nothing, because mail scanners and chat previews open links too; the one
    button on the page spends it.
    """

    http_method_names = ["get", "head", "post"]  # noqa: RUF012 - as Django declares it

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The page that names the user, with its button; 410 for a spent or expired link."""
        link = actions.usable_link(token)
        if link is None:
            return self._gone(request)
        if request.user == link.user:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return self._private(render(request, "account/link.html", {"person": link.user}))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Spend the link and start the session."""
        user = actions.use_sign_in_link(token)
        if user is None:
            return self._gone(request)
        login(request, user, backend=_BACKEND)
        response = redirect(settings.LOGIN_REDIRECT_URL)
        remember_language(response, user.language)
        remember_browser(response, user)
        return response

    def _gone(self, request: HttpRequest) -> HttpResponse:
        return self._private(render(request, "account/link_gone.html", status=410))

    @staticmethod
    def _private(response: HttpResponse) -> HttpResponse:
        # The address holds the token: what the page links to learns the origin only (without which
        # the form itself would be refused as coming from nowhere).
        response.headers["Referrer-Policy"] = "strict-origin"
        return response


@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of this browser and, with a session, of the user; back to the page."""
    chosen = request.POST.get("language", "")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    if chosen in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            actions.choose_language(request.user, chosen)
        remember_language(response, chosen)
    return response
