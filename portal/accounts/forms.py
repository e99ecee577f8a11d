"""allauth's forms with the portal's words, counts and single use of codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from allauth.account.forms import (
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
)
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later

from portal.accounts import lockout, tries
from portal.accounts.adapter import LOCKED, count_failure, locked
from portal.accounts.models import User, normal_email
from portal.accounts.passwords import POLICY
from portal.accounts.second_factor import LAST_STEP, step_of
from portal.web.moments import milliseconds

if TYPE_CHECKING:
    from django.http import HttpRequest

_ACCOUNTS = 5
"""The most accounts that one address for notices gets a link for."""
_LONGEST_KEY_NAME = 60


def is_locked(form: forms.Form) -> bool:
    """Whether a form was refused because its count is locked."""
    return any(
        error.code == LOCKED for errors in form.errors.as_data().values() for error in errors
    )


class SignInForm(LoginForm):  # type: ignore[misc] # allauth ships no types
    """Email address or user name, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = forms.CharField(label=later("Email address or user name"), max_length=254)
        self.fields["login"] = login

    @property
    def locked(self) -> bool:
        """Whether the form was refused because the count is locked."""
        return is_locked(self)


class _NewPassword:
    """Words beside the fields of a new password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields = cast("forms.Form", self).fields
        fields["password1"].label = later("New password")
        fields["password1"].help_text = POLICY
        fields["password2"].label = later("New password again")


class NewPasswordForm(_NewPassword, SetPasswordForm):  # type: ignore[misc] # no types
    """The first password of a person who signed in by a link."""


class ResetForm(_NewPassword, ResetPasswordKeyForm):  # type: ignore[misc] # no types
    """A new password, by a link that was mailed."""


class ForgottenForm(ResetPasswordForm):  # type: ignore[misc] # allauth ships no types
    """The address of an account: the one it signs in with, or its confirmed one for notices.

    An address without an account, one with several, and one that has been asked for too often are
    answered alike, and each takes one transaction.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = forms.EmailField(label=later("Email address"), max_length=254)
        self.fields["email"].widget.attrs["autocomplete"] = "username"

    def clean_email(self) -> str:
        """The address in its normal form; finds the accounts that it belongs to."""
        email = normal_email(self.cleaned_data["email"])
        noticed = Q(notification_email__iexact=email, notification_email_confirmed_at__isnull=False)
        self.users = list(User.objects.filter(Q(email=email) | noticed, is_active=True)[:_ACCOUNTS])
        return email

    def save(self, request: HttpRequest, **how: Any) -> str:
        """Write the mails with the links, unless the address was asked for too often."""
        email = str(self.cleaned_data["email"])
        with transaction.atomic():
            asked = [(tries.RESETS, email)]
            if tries.count_try(asked, milliseconds(timezone.now())) is not None and self.users:
                super().save(request, **how)
        return email


class PasswordForm(_NewPassword, ChangePasswordForm):  # type: ignore[misc] # no types
    """A new password for the current one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = later("Current password")
        self.fields["oldpassword"].help_text = ""

    def clean_oldpassword(self) -> str:
        """The current password; wrong ones are counted as at the sign-in."""
        return current_password(self.user, self.cleaned_data["oldpassword"])

    def clean(self) -> dict[str, Any]:
        """Refuse the current password as the new one."""
        found: dict[str, Any] = super().clean()
        new = found.get("password1")
        if new and new == found.get("oldpassword"):
            self.add_error("password1", _("Choose a password that differs from the current one."))
        return found


class AgainForm(ReauthenticateForm):  # type: ignore[misc] # allauth ships no types
    """The password once more, before a dangerous act; the adapter counts wrong ones."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""


def current_password(user: User, password: str) -> str:
    """The password, if it is the user's.

    Raises:
        ValidationError: It is not, or too many wrong ones were entered.
    """
    attempt = count_failure(context.request, user)
    if user.check_password(password):
        lockout.succeeded(attempt)
        return password
    if attempt.locked_until_ms:
        raise locked(attempt)
    raise ValidationError(_("The current password is incorrect."), code="incorrect")


class _OneCode:
    """A code of an authenticator app or a recovery code, which is accepted once."""

    def clean_code(self) -> str:
        """The code; wrong ones are counted like wrong passwords.

        Two requests with one code wait for each other: exactly one of them is accepted.
        """
        form = cast("AuthenticateForm", self)
        user = cast("User", form.user)
        form.cleaned_data["code"] = form.cleaned_data["code"].replace(" ", "")
        attempt = count_failure(context.request, user, of="code")
        try:
            with transaction.atomic():
                code = self._accepted(user, form.cleaned_data["code"])
        except ValidationError:
            if attempt.locked_until_ms:
                raise locked(attempt) from None
            raise
        lockout.succeeded(attempt)
        return code

    def _accepted(self, user: User, code: str) -> str:
        """The code, spent: allauth spends recovery codes, and the step of an app's code is kept."""
        rows = Authenticator.objects.select_for_update().filter(user=user).order_by("pk")
        app = next((row for row in rows if row.type == Authenticator.Type.TOTP), None)
        step = step_of(decrypt(app.data["secret"]), code) if app else None
        if app and step is not None and step <= app.data.get(LAST_STEP, -1):
            raise ValidationError(
                _("This code has been used. Wait for the next one."), code="used_code"
            )
        accepted = str(super().clean_code())  # type: ignore[misc] # of the form
        used = cast("AuthenticateForm", self).authenticator
        if step is not None and used.type == Authenticator.Type.TOTP:
            used.data[LAST_STEP] = step
            used.save(update_fields=["data"])
        return accepted


class CodeForm(_OneCode, AuthenticateForm):  # type: ignore[misc] # allauth ships no types
    """The second step of a sign-in."""


class CodeAgainForm(_OneCode, ReauthenticateByCodeForm):  # type: ignore[misc] # no types
    """A code once more, before a dangerous act."""


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc] # allauth ships no types
    """A new passkey and its name."""

    name = forms.CharField(label=later("Name"), max_length=_LONGEST_KEY_NAME, required=False)


class PasskeyNameForm(EditWebAuthnForm):  # type: ignore[misc] # allauth ships no types
    """Another name for a passkey."""

    name = forms.CharField(label=later("Name"), max_length=_LONGEST_KEY_NAME)
