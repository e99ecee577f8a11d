"""The forms about an organization: a new one, joining one, inviting a person, changing one.

Source: requirements E-11, E-13, E-17, E-20 and K-6.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.countries import address_order, country_choices, country_name, required_fields
from portal.accounts.documents import JAPAN
from portal.accounts.form_fields import (
    LANGUAGES,
    KanaField,
    LineField,
    PhoneField,
    require_readings,
)
from portal.accounts.models import Organization, Role, normal_email
from portal.accounts.models.people import NAME_LENGTH


class OrganizationForm(forms.ModelForm[Organization]):
    """A new organization, with the address in the order of its country."""

    name = LineField(label=gettext_lazy("Name of the organization"), max_length=200)
    department = LineField(
        label=gettext_lazy("Office or department"), max_length=200, required=False
    )
    country = forms.ChoiceField(label=gettext_lazy("Country or region"))
    postal_code = LineField(label=gettext_lazy("Postal code"), max_length=16, required=False)
    prefecture = LineField(
        label=gettext_lazy("Prefecture, state or province"), max_length=100, required=False
    )
    city = LineField(label=gettext_lazy("City"), max_length=100, required=False)
    street = LineField(label=gettext_lazy("Street and building"), max_length=200, required=False)
    phone = PhoneField(label=gettext_lazy("Telephone number"), max_length=32)

    class Meta:
        model = Organization
        fields = (
            "name",
            "department",
            "country",
            "postal_code",
            "prefecture",
            "city",
            "street",
            "phone",
        )
        error_messages: ClassVar = {
            "name": {
                "unique": gettext_lazy(
                    "An organization with this name is registered already. If it is yours, ask to "
                    "join it. If another company has the same name, add the city or the department "
                    "to yours."
                )
            }
        }

    def __init__(self, *args: Any, country: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["country"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = country_choices()
        self.initial["country"] = country
        self.order_fields(("name", "department", *address_order(country), "phone"))
        for name in required_fields(country):
            self.fields[name].required = True
        if country == JAPAN:
            self.fields["prefecture"].label = _("Prefecture")

    def values_in_words(self) -> list[tuple[str, str]]:
        """Every value with its label, as the confirmation repeats them."""
        given = self.cleaned_data
        words = {**given, "country": country_name(given["country"])}
        return [(str(self.fields[name].label), words[name]) for name in self.fields]


class JoinForm(forms.Form):
    """The id of an organization."""

    organization = forms.UUIDField(
        label=gettext_lazy("Organization ID"),
        error_messages={
            "invalid": gettext_lazy(
                "This is not an organization ID. Copy the ID from the page "
                "“Organization information” of an administrator."
            )
        },
    )


class InvitationForm(forms.Form):
    """Whom an administrator invites, and as what."""

    email = forms.EmailField(label=gettext_lazy("Email address"), max_length=254)
    family_name = LineField(label=gettext_lazy("Family name"), max_length=NAME_LENGTH)
    given_name = LineField(label=gettext_lazy("Given name"), max_length=NAME_LENGTH)
    family_kana = KanaField(
        label=gettext_lazy("Family name in katakana"), max_length=NAME_LENGTH, required=False
    )
    given_kana = KanaField(
        label=gettext_lazy("Given name in katakana"), max_length=NAME_LENGTH, required=False
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role, initial=Role.USER)
    language = forms.ChoiceField(label=gettext_lazy("Language of the mail"), choices=LANGUAGES)
    service = forms.BooleanField(
        label=gettext_lazy("Allow this person to use the portal"), initial=True
    )

    def __init__(self, data: Any = None, *, japan: bool, language: str = settings.LANGUAGE_CODE):
        super().__init__(data, initial={"language": language, "service": True, "role": Role.USER})
        require_readings(self, japan=japan)
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def clean_email(self) -> str:
        """The address in its normal form."""
        return normal_email(self.cleaned_data["email"])


class ReasonForm(forms.Form):
    """Why an organization's identity is to be changed, for the operator."""

    reason = LineField(label=gettext_lazy("Reason"), max_length=500, required=False)
