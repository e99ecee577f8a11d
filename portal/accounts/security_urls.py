"""Addresses of signing in, passwords, second factors and sessions.

The names are allauth's where a view of allauth's answers; what is not here is not routed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account import views as account_views
from allauth.mfa.base import views as factor_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.webauthn import views as passkey_views
from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path

from portal.accounts import security_pages as pages
from portal.accounts import settings_pages
from portal.accounts.security_pages import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

_READ = ("GET", "HEAD")


def _open(
    view: Any, methods: tuple[str, ...] = ("GET", "HEAD", "POST")
) -> Callable[..., HttpResponseBase]:
    """A page that opens without a session."""
    return login_not_required(page(view.as_view(), methods))


urlpatterns = [
    path("sign-in/code/", _open(pages.SecondStep), name="mfa_authenticate"),
    path("sign-in/passkey/", _open(pages.PasskeySignIn), name="mfa_login_webauthn"),
    path(
        "sign-in/again/",
        page(account_views.ReauthenticateView.as_view()),
        name="account_reauthenticate",
    ),
    path(
        "sign-in/again/code/",
        page(factor_views.ReauthenticateView.as_view()),
        name="mfa_reauthenticate",
    ),
    path(
        "sign-in/again/passkey/",
        page(passkey_views.ReauthenticateWebAuthnView.as_view()),
        name="mfa_reauthenticate_webauthn",
    ),
    path("password/forgotten/", _open(pages.ForgottenPassword), name="account_reset_password"),
    path(
        "password/forgotten/sent/",
        _open(account_views.PasswordResetDoneView, _READ),
        name="account_reset_password_done",
    ),
    path(
        "password/new/done/",
        _open(account_views.PasswordResetFromKeyDoneView, _READ),
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        _open(pages.NewPassword),
        name="account_reset_password_from_key",
    ),
    path("settings/", settings_pages.details, name="settings"),
    path(
        "settings/notification-address/",
        settings_pages.notification_address,
        name="notification-address",
    ),
    path("settings/password-expiry/", settings_pages.password_expiry, name="password-expiry"),
    path(
        "notification-address/<str:token>/",
        settings_pages.address_confirmation,
        name="address-confirmation",
    ),
    path("settings/password/", page(pages.Password.as_view()), name="account_change_password"),
    path(
        "settings/password/first/",
        page(pages.FirstPassword.as_view()),
        name="account_set_password",
    ),
    path("settings/security/", page(pages.SecondFactors.as_view(), _READ), name="mfa_index"),
    path("settings/security/app/", page(pages.SetUpApp.as_view()), name="mfa_activate_totp"),
    path(
        "settings/security/app/remove/", page(pages.RemoveApp.as_view()), name="mfa_deactivate_totp"
    ),
    path(
        "settings/security/recovery-codes/",
        page(pages.RecoveryCodes.as_view(), _READ),
        name="mfa_view_recovery_codes",
    ),
    path(
        "settings/security/recovery-codes/new/",
        page(pages.NewRecoveryCodes.as_view()),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "settings/security/recovery-codes/file/",
        page(recovery_views.DownloadRecoveryCodesView.as_view(), _READ),
        name="mfa_download_recovery_codes",
    ),
    path("settings/security/passkeys/", page(pages.AddPasskey.as_view()), name="mfa_add_webauthn"),
    path(
        "settings/security/passkeys/<int:pk>/name/",
        page(pages.RenamePasskey.as_view()),
        name="mfa_edit_webauthn",
    ),
    path(
        "settings/security/passkeys/<int:pk>/remove/",
        page(pages.RemovePasskey.as_view()),
        name="mfa_remove_webauthn",
    ),
    path("settings/sessions/", page(pages.Sessions.as_view()), name="usersessions_list"),
    path("settings/sessions/<int:session>/end/", pages.session_end, name="session-end"),
]
