"""A person's own details, and the address that their mail goes to.

Source: requirements C-12 and C-13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import RegexValidator
from django.db import transaction
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.http import require_http_methods

from config.time_zone import is_time_zone
from portal.accounts import address_change
from portal.accounts.forms import current_password
from portal.accounts.language import remember_language
from portal.accounts.models import Organization, User, normal_email
from portal.accounts.models.people import NAME_LENGTH
from portal.accounts.regions import REGIONS
from portal.accounts.second_factor import require_recent_sign_in
from portal.accounts.security_acts import edit_details, set_expiry
from portal.web.live import private
from portal.web.revision import RevisedForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

_kana = RegexValidator(
    r"\A[ァ-ヺー・ヽヾ ]*\Z",
    later("Enter the reading in full-width katakana."),
    code="not_katakana",
)


class DetailsForm(RevisedForm):
    """Names, their reading, language, region and time zone."""

    family_name = forms.CharField(label=later("Family name"), max_length=NAME_LENGTH)
    given_name = forms.CharField(label=later("Given name"), max_length=NAME_LENGTH)
    family_kana = forms.CharField(
        label=later("Family name in katakana"),
        max_length=NAME_LENGTH,
        required=False,
        validators=[_kana],
    )
    given_kana = forms.CharField(
        label=later("Given name in katakana"),
        max_length=NAME_LENGTH,
        required=False,
        validators=[_kana],
    )
    language = forms.ChoiceField(label=later("Language"))
    region = forms.ChoiceField(label=later("Country or region"))
    time_zone = forms.CharField(
        label=later("Time zone"),
        max_length=64,
        help_text=later("By its place, such as Asia/Tokyo."),
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(user, name) for name in self.base_fields})
        choices: dict[str, list[tuple[str, Any]]] = {
            "language": [("en", "English"), ("ja", "日本語")],
            "region": [("", "—"), *REGIONS.items()],
        }
        for name, offered in choices.items():
            choice = self.fields[name]
            assert isinstance(choice, forms.ChoiceField)
            choice.choices = offered
        for name, hint in (("family_name", "family-name"), ("given_name", "given-name")):
            self.fields[name].widget.attrs["autocomplete"] = hint

    def clean_time_zone(self) -> str:
        """A time zone of the IANA database."""
        zone = str(self.cleaned_data["time_zone"]).strip()
        if not is_time_zone(zone):
            raise ValidationError(
                _("“%(zone)s” is not the name of a time zone. Enter one such as Asia/Tokyo.")
                % {"zone": zone}
            )
        return zone


class AddressForm(forms.Form):
    """The new address for notices, twice, and the current password."""

    address = forms.EmailField(label=later("New address for notices"), max_length=254)
    again = forms.EmailField(label=later("New address again"), max_length=254)
    password = forms.CharField(
        label=later("Current password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean(self) -> dict[str, Any]:
        """Compare the two addresses."""
        found = super().clean() or {}
        first, second = (normal_email(found.get(name, "")) for name in ("address", "again"))
        if first and second and first != second:
            self.add_error("again", _("The two addresses differ."))
        return found

    def clean_password(self) -> str:
        """The current password; wrong ones are counted as at the sign-in."""
        return current_password(self.user, self.cleaned_data["password"])


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest) -> HttpResponse:
    """The person's own details; the user name and the addresses are shown and not edited here."""
    assert isinstance(request.user, User)
    with transaction.atomic():
        people = User.objects.select_for_update() if request.method == "POST" else User.objects
        user = people.get(pk=request.user.pk)
        form = DetailsForm(user, request.POST if request.method == "POST" else None)
        if form.is_valid():
            edit_details(user, form.cleaned_data)
            messages.success(request, _("Your details were saved."))
            response: HttpResponse = redirect("settings")
            remember_language(response, user.language)
            return response
    return private(render(request, "account/details.html", {"form": form, "person": user}))


@require_http_methods(["GET", "HEAD", "POST"])
def notification_address(request: HttpRequest) -> HttpResponse:
    """The form for another address; a mail to it has the link that completes the change."""
    assert isinstance(request.user, User)
    form = AddressForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        address = normal_email(form.cleaned_data["address"])
        address_change.mail_link(request.user, address)
        messages.success(
            request,
            _("A mail was sent to %(address)s. Open the link in it to complete the change.")
            % {"address": address},
        )
        return redirect("settings")
    return private(render(request, "account/notification_address.html", {"form": form}))


class ExpiryForm(RevisedForm):
    """Whether the passwords of an organization's members expire."""

    expires = forms.BooleanField(label=later("Passwords expire after three months"), required=False)

    def __init__(self, organization: Organization, data: Any = None) -> None:
        super().__init__(
            data,
            initial={"expires": organization.password_expires},
            prefix=str(organization.pk),
        )
        self.organization = organization


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def password_expiry(request: HttpRequest) -> HttpResponse:
    """Whether passwords expire, for each organization that the person administers."""
    administered = Organization.objects.administered_by(request.user).order_by("pk")
    if not administered.exists():
        raise PermissionDenied
    changing = request.method == "POST"
    scope = administered.select_for_update(of=("self",)) if changing else administered
    data = request.POST if changing else None
    asked = [ExpiryForm(organization, data) for organization in scope]
    valid = [form.is_valid() for form in asked]
    if changing and all(valid):
        require_recent_sign_in(request)
        for form in asked:
            set_expiry(form.organization, request.user, expires=form.cleaned_data["expires"])
        messages.success(request, _("The setting was saved."))
        return redirect("password-expiry")
    return private(render(request, "account/password_expiry.html", {"forms": asked}))


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def address_confirmation(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the mailed link: its button completes the change; 410 where it no longer can.

    Opening it changes nothing, because mail scanners open links, too.
    """
    if request.method == "POST":
        changed = address_change.complete(token)
        context: dict[str, Any] = {"done": changed is not None, "address": changed}
    else:
        wish = address_change.wish_of(token)
        context = {"address": wish.address if wish else None}
    status = 200 if context["address"] else 410
    response = private(render(request, "account/address_confirmation.html", context, status=status))
    # The address holds the token: what the page links to learns the origin only.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response
