"""Passwords, second factors and sessions of the person who is signed in; the flows are allauth's.

Each view is allauth's with the methods, the context and the limits of this portal.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from allauth.account import views as account_views
from allauth.account.forms import default_token_generator
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import get_adapter as get_factor_adapter
from allauth.mfa.base import views as factor_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from allauth.mfa.webauthn import views as passkey_views
from allauth.usersessions import views as session_views
from allauth.usersessions.internal import flows as session_flows
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import tries
from portal.accounts.expiry import note_expiry, password_expired
from portal.accounts.known_browser import remember_browser
from portal.accounts.models import User
from portal.accounts.second_factor import (
    lacks_second_factor,
)
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_READ: Final = ("GET", "HEAD")
_FORM: Final = ("GET", "HEAD", "POST")


def page(
    view: Callable[..., HttpResponseBase], methods: tuple[str, ...] = _FORM
) -> Callable[..., HttpResponseBase]:
    """A view that is stored nowhere and answers these methods only: allauth's take PUT for POST."""
    answering: Callable[..., HttpResponseBase] = require_http_methods(list(methods))(
        never_cache(view)
    )
    return answering


def reader_zone(user: User | AnonymousUser) -> str:
    """The time zone in which a person's own pages show times."""
    if not user.is_authenticated:
        return "UTC"
    return user.time_zone or ("Asia/Tokyo" if user.language == "ja" else "UTC")


def passkeys_possible() -> bool:
    """Whether this portal can have passkeys: they are bound to a host name."""
    try:
        ip_address(urlsplit(settings.PORTAL_URL).hostname or "")
    except ValueError:
        return True
    return False


class _Reader:
    """What the templates of this module know beside what allauth gives them."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        context["passkeys"] = passkeys_possible()
        context["zone"] = reader_zone(self.request.user)
        return context


class SignIn(_Reader, account_views.LoginView):  # type: ignore[misc] # allauth ships no types
    """The form for email address or user name, and the button for a passkey."""


class _LimitedForms:
    """Counts each form that a network sends, so that the server is not kept busy."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take the form; 429 for whoever sends too many of them."""
        if too_many_forms(request):
            refused: HttpResponseBase = ratelimit.respond_429(request)
            return refused
        taken: HttpResponseBase = super().post(request, *args, **kwargs)  # type: ignore[misc]
        return taken


def too_many_forms(request: HttpRequest) -> bool:
    """Count a form that was sent without a session; whether it is one too many."""
    forms = [(tries.FORMS, ratelimit.get_ip(request))]
    return tries.count_try(forms, milliseconds(timezone.now())) is None


class PasskeySignIn(_LimitedForms, passkey_views.LoginWebAuthnView):  # type: ignore[misc]
    """The passkey that signs in; the page's script asks for its options by GET."""


class SecondStep(_Reader, _LimitedForms, factor_views.AuthenticateView):  # type: ignore[misc]
    """The code or passkey after the password."""


class ForgottenPassword(_LimitedForms, account_views.PasswordResetView):  # type: ignore[misc]
    """The address to which the link to a new password is mailed."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page, with the address that the mail comes from."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["mail_sender"] = settings.MAIL_SENDER[1]
        return context


class NewPassword(_LimitedForms, account_views.PasswordResetFromKeyView):  # type: ignore[misc]
    """The new password, by the mailed link.

    allauth moves the key from the address into the session, so that no link of the page passes it
    on. The link is looked at again under a lock: of two forms at once exactly one is taken.
    """

    def render_to_response(self, context: dict[str, Any], **how: Any) -> HttpResponseBase:
        """The page; 410 for a link that was used or has expired."""
        status = 410 if context.get("token_fail") else 200
        shown: HttpResponseBase = super().render_to_response(context, status=status, **how)
        return shown

    def form_valid(self, form: Any) -> HttpResponseBase:
        """Set the password: the link is spent, and every session of the account ends."""
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=form.user.pk)
            if not default_token_generator.check_token(user, self.key):
                self.reset_user = None
                refused: HttpResponseBase = self.render_to_response(
                    self.get_context_data(token_fail=True)
                )
                return refused
            form.user = self.reset_user = user
            done: HttpResponseBase = super().form_valid(form)
        remember_browser(self.request, done, user)
        return done


class Password(_Reader, account_views.PasswordChangeView):  # type: ignore[misc]
    """A new password for the current one."""

    def get_default_success_url(self) -> str:
        """The page of passwords, or the overview where nothing else opened before."""
        return str(reverse_lazy("overview" if self.expired else "account_change_password"))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Open the page."""
        self.expired = password_expired(request)
        answered: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answered

    def form_valid(self, form: Any) -> HttpResponseBase:
        """Set the password; the other sessions of the account end."""
        answered: HttpResponseBase = super().form_valid(form)
        note_expiry(self.request, form.user)
        return answered

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page."""
        return super().get_context_data(**kwargs) | {"password_expired": self.expired}


class FirstPassword(_Reader, account_views.PasswordSetView):  # type: ignore[misc]
    """A password for a person who signed in by a link."""

    success_url = reverse_lazy("account_change_password")


class SecondFactors(_Reader, factor_views.IndexView):  # type: ignore[misc]
    """The authenticator app, the passkeys and the recovery codes of a person."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["set_up_first"] = lacks_second_factor(self.request)
        return context


class SetUpApp(_Reader, totp_views.ActivateTOTPView):  # type: ignore[misc]
    """An authenticator app: the secret, and the first code."""


class RemoveApp(_Reader, totp_views.DeactivateTOTPView):  # type: ignore[misc]
    """The end of an authenticator app."""


class RecoveryCodes(_Reader, recovery_views.ViewRecoveryCodesView):  # type: ignore[misc]
    """The recovery codes that are left."""


class NewRecoveryCodes(_Reader, recovery_views.GenerateRecoveryCodesView):  # type: ignore[misc]
    """Ten new recovery codes."""


class AddPasskey(_Reader, passkey_views.AddWebAuthnView):  # type: ignore[misc]
    """A new passkey."""


class RenamePasskey(_Reader, passkey_views.EditWebAuthnView):  # type: ignore[misc]
    """Another name for a passkey."""

    success_url = reverse_lazy("mfa_index")


class RemovePasskey(_Reader, passkey_views.RemoveWebAuthnView):  # type: ignore[misc]
    """The end of a passkey, unless it is the last second factor of a person who needs one."""

    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["authenticator"] = self.object
        context["kept"] = not get_factor_adapter().can_delete_authenticator(self.object)
        return context

    def form_valid(self, form: Any) -> HttpResponseBase:
        """Remove it; the page again where it has to stay."""
        with transaction.atomic():  # of two forms at once, one removes the last but one
            list(Authenticator.objects.select_for_update().filter(user_id=self.object.user_id))
            if get_factor_adapter().can_delete_authenticator(self.object):
                removed: HttpResponseBase = super().form_valid(form)
                return removed
        again: HttpResponseBase = self.render_to_response(self.get_context_data())
        return again


class Sessions(_Reader, session_views.ListUserSessionsView):  # type: ignore[misc]
    """Where the person is signed in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The context of the page, each session with the words for its browser."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for session in context["sessions"]:
            session.client = client_words(session.user_agent)
        return context


@require_POST
def session_end(request: HttpRequest, session: int) -> HttpResponse:
    """Sign out one other session of the same person."""
    found = get_object_or_404(UserSession, pk=session, user=request.user)
    session_flows.sessions.end_sessions(request, [found])
    return redirect("usersessions_list")


_BROWSERS: Final = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS: Final = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def client_words(user_agent: str) -> str:
    """A browser and its system, such as "Firefox, Windows"; the raw text where neither is known."""
    found = [
        next((name for mark, name in names.items() if mark in user_agent), "")
        for names in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(name for name in found if name) or user_agent[:80] or "?"
