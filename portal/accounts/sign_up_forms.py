"""The forms with which people accept documents, sign up and name themselves.

Source: requirements E-3, E-4, E-5, E-7 and E-9.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.documents import JAPAN
from portal.accounts.form_fields import LANGUAGES, KanaField, LineField, require_readings
from portal.accounts.models import User, normal_email
from portal.accounts.models.people import NAME_LENGTH
from portal.accounts.passwords import POLICY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.accounts.models import Document


class ConsentForm(forms.Form):
    """One checkbox for each document; *Next* needs all of them."""

    def __init__(self, asked: Sequence[Document], data: Any = None) -> None:
        super().__init__(data)
        self.documents = asked
        for one in asked:
            self.fields[f"document-{one.pk}"] = forms.BooleanField(
                label=one.get_kind_display(),
                error_messages={
                    "required": _("Accept this document to continue, or leave this page.")
                },
            )


class SignUpForm(forms.Form):
    """The address, the password twice, and the language of mails and pages."""

    email = forms.EmailField(
        label=gettext_lazy("Email address"),
        max_length=254,
        help_text=gettext_lazy("You sign in with it, and it must be able to receive mail."),
    )
    password1 = forms.CharField(
        label=gettext_lazy("Password"), strip=False, widget=forms.PasswordInput, help_text=POLICY
    )
    password2 = forms.CharField(
        label=gettext_lazy("Password, again"), strip=False, widget=forms.PasswordInput
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES)

    def __init__(self, data: Any = None, *, email: str = "", language: str = "en") -> None:
        super().__init__(data, initial={"email": email, "language": language})
        self._bound_email = email
        for name in ("password1", "password2"):
            self.fields[name].widget.attrs["autocomplete"] = "new-password"
        self.fields["email"].widget.attrs["autocomplete"] = "username"
        if email:
            self.fields["email"].disabled = True

    def clean_email(self) -> str:
        """The address in its normal form."""
        return normal_email(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same and follow the policy."""
        given = super().clean() or {}
        first, second = given.get("password1"), given.get("password2")
        if first and second and first != second:
            self.add_error("password2", _("Both passwords must be the same. Enter them again."))
        if first:
            try:
                validate_password(first, User(email=given.get("email", "")))
            except ValidationError as error:
                self.add_error("password1", error)
        return given


class CodeForm(forms.Form):
    """The code from the mail."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def clean_code(self) -> str:
        """The code in half-width characters, as it was mailed."""
        return unicodedata.normalize("NFKC", self.cleaned_data["code"]).strip()


class NameForm(forms.ModelForm[User]):
    """The language and both names; in Japan their readings, too."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES)
    family_name = LineField(label=gettext_lazy("Family name"), max_length=NAME_LENGTH)
    given_name = LineField(label=gettext_lazy("Given name"), max_length=NAME_LENGTH)
    family_kana = KanaField(
        label=gettext_lazy("Family name in katakana"), max_length=NAME_LENGTH, required=False
    )
    given_kana = KanaField(
        label=gettext_lazy("Given name in katakana"), max_length=NAME_LENGTH, required=False
    )

    class Meta:
        model = User
        fields = ("language", "family_name", "given_name", "family_kana", "given_kana")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        require_readings(self, japan=self.instance.region == JAPAN)
        if self.instance.language == "en":
            self.order_fields(("language", "given_name", "family_name"))
        autocomplete = {"family_name": "family-name", "given_name": "given-name"}
        for name, words in autocomplete.items():
            self.fields[name].widget.attrs["autocomplete"] = words
