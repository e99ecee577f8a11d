"""Signing in by password and by link, and choosing a language; the form is allauth's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import actions
from portal.accounts.language import remember_language
from portal.accounts.security_pages import SignIn, too_many_forms

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_form = SignIn.as_view()


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])  # allauth's view also takes PUT for POST
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """The form to sign in; 429 for whoever sends too many of them."""
    if request.method == "POST" and too_many_forms(request):
        refused: HttpResponseBase = ratelimit.respond_429(request)
        return refused
    page: HttpResponseBase = _form(request)
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
        """Spend the link: it stands in for the password, and not for the second step."""
        user = actions.use_sign_in_link(token)
        if user is None:
            return self._gone(request)
        after = reverse(settings.LOGIN_REDIRECT_URL)
        started: HttpResponse = perform_login(request, Login(user=user, redirect_url=after))
        return started

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
