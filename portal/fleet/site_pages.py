"""The form in which administrators say where a site is, whom to ask and when its month closes.

Source: design section 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as later
from django.views.decorators.http import require_http_methods

from portal.accounts.countries import address_order, country_choices, country_name
from portal.accounts.documents import JAPAN
from portal.accounts.form_fields import LineField, PhoneField
from portal.accounts.models import Organization
from portal.fleet.actions import ADDRESS, edit_site
from portal.fleet.models import Site
from portal.fleet.names import NAME_LENGTH, FleetError
from portal.fleet.site_details import END_OF_MONTH, Coordinates, SiteDetails, read_coordinates
from portal.web.error_text import error_text
from portal.web.live import private
from portal.web.revision import RevisedForm

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User


class CoordinatesField(forms.CharField):
    """Latitude and longitude in one line, as they are copied from a map."""

    def clean(self, value: Any) -> Coordinates | None:
        """The coordinates; ``None`` for none.

        Raises:
            ValidationError: It is anything else, or nowhere on the earth.
        """
        try:
            return read_coordinates(super().clean(value))
        except FleetError as error:
            raise ValidationError(error_text(error), code="coordinates") from error


def closing_day_words(day: int) -> str:
    """A closing day in the reader's language."""
    return _("End of month") if day == END_OF_MONTH else _("Day %(day)d") % {"day": day}


class SiteForm(RevisedForm):
    """The fields of `portal.fleet.site_details.SiteDetails`, the address in its country's order."""

    name = LineField(label=later("Site name"), max_length=NAME_LENGTH)
    country = forms.ChoiceField(label=later("Country or region"), required=False)
    postal_code = LineField(label=later("Postal code"), max_length=16, required=False)
    prefecture = LineField(
        label=later("Prefecture, state or province"), max_length=100, required=False
    )
    city = LineField(label=later("City"), max_length=100, required=False)
    street = LineField(label=later("Street and building"), max_length=200, required=False)
    contact = LineField(label=later("Contact person"), max_length=NAME_LENGTH, required=False)
    phone = PhoneField(label=later("Telephone number"), max_length=32, required=False)
    coordinates = CoordinatesField(
        label=later("Coordinates"),
        max_length=100,
        required=False,
        help_text=later(
            "Latitude and longitude in decimal degrees, such as 35.681236, 139.767125. "
            "They can be pasted as a map service shows them."
        ),
    )
    closing_day = forms.TypedChoiceField(
        label=later("Closing day"),
        coerce=int,
        help_text=later(
            "The last day of a billing month. In a month without this day, the last day of that "
            "month is used. Usage pages always show calendar months."
        ),
    )

    def __init__(self, site: Site, data: Any = None) -> None:
        country = site.country or site.organization.country
        said = {name: getattr(site, name) for name in self.base_fields}
        super().__init__(
            data, initial={**said, "country": country, "coordinates": str(site.coordinates or "")}
        )
        self._choose("country", [("", _("Not specified")), *country_choices()])
        days = [(day, closing_day_words(day)) for day in range(1, END_OF_MONTH + 1)]
        self._choose("closing_day", [days[-1], *days[:-1]])
        self.order_fields(("name", *address_order(country)))
        if country == JAPAN:
            self.fields["prefecture"].label = _("Prefecture")
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def _choose(self, name: str, choices: list[tuple[Any, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def details(self) -> SiteDetails:
        """What the form holds, for `portal.fleet.actions.edit_site`."""
        return SiteDetails(**self.cleaned_data)


def administers_site(user: User | AnonymousUser, site: Site) -> bool:
    """Whether ``user`` may change what is said of ``site``."""
    return Organization.objects.administered_by(user).filter(pk=site.organization_id).exists()


def address_of(site: Site) -> list[str]:
    """The parts of a site's address that are known, in the order of its country."""
    known = [getattr(site, name) for name in address_order(site.country) if name != "country"]
    if not any(known):
        return []
    country = country_name(site.country) if site.country else ""
    japanese = address_order(site.country) == ADDRESS
    return [part for part in ([country, *known] if japanese else [*known, country]) if part]


def site_facts(user: User | AnonymousUser, site: Site) -> dict[str, Any]:
    """What the page of a site shows of what administrators say, for its template."""
    return {
        "postal_address": address_of(site),
        "closing_day": closing_day_words(site.closing_day),
        "administers": administers_site(user, site),
        "locations": site.installation_locations.count(),
    }


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def site_edit(request: HttpRequest, site: int) -> HttpResponse:
    """The page of the form, for administrators."""
    owners = Organization.objects.administered_by(request.user)
    scope = Site.objects.filter(organization__in=owners).select_related("organization")
    if request.method == "POST":  # of two saves at once, the second sees what the first stored
        scope = scope.select_for_update(of=("self",))
    found = get_object_or_404(scope, pk=site)
    title = found.name
    form = SiteForm(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            edit_site(found, form.details(), actor=request.user)
        except FleetError as error:
            form.add_error("name", error_text(error))
        else:
            return redirect("site", site=found.pk)
    context = {"site": found, "title": title, "form": form}
    return private(render(request, "fleet/site_edit.html", context))
