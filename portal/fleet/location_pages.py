"""The pages of a site's installation locations: adding, renaming and removing them.

Whoever may see a device may say where it stands, and so may name the places, too: these are words
for people, they change nothing at a site (`portal.fleet.locations`).

Source: requirements E-22 to E-24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as later
from django.views.decorators.http import require_http_methods, require_POST

from portal.fleet.locations import add_location, remove_location, rename_location
from portal.fleet.models import InstallationLocation, Site
from portal.fleet.names import NAME_LENGTH, FleetError
from portal.web.error_text import error_text
from portal.web.live import private
from portal.web.revision import RevisedForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class NewLocationForm(forms.Form):
    """A new location; `portal.fleet.locations.add_location` checks what is in it."""

    name = forms.CharField(
        label=later("Name"),
        max_length=NAME_LENGTH,
        help_text=later("Building and room, such as “Building A / 3F”."),
    )


class LocationForm(RevisedForm):
    """A location's name; `portal.fleet.locations.rename_location` checks what is in it."""

    name = forms.CharField(label=later("Name"), max_length=NAME_LENGTH)


@require_http_methods(["GET", "HEAD", "POST"])
def locations_page(request: HttpRequest, site: int) -> HttpResponse:
    """The installation locations of a site, how many devices stand at each, and a form for one."""
    scope = Site.objects.visible_to(request.user).select_related("organization")
    found = get_object_or_404(scope, pk=site)
    form = NewLocationForm(request.POST or None)
    form.fields["name"].widget.attrs["autocomplete"] = "off"
    if request.method == "POST" and form.is_valid():
        try:
            add_location(found, form.cleaned_data["name"], actor=request.user)
        except FleetError as error:
            form.add_error("name", error_text(error))
        else:
            return redirect("locations", site=found.pk)
    rows = found.installation_locations.annotate(many=Count("devices"))
    context: dict[str, Any] = {"site": found, "form": form, "rows": rows}
    return private(render(request, "fleet/locations.html", context))


def _location(request: HttpRequest, location: int) -> InstallationLocation:
    scope = InstallationLocation.objects.visible_to(request.user).select_related("site")
    if request.method == "POST":  # of two saves at once, the second sees what the first stored
        # The site, not the location: who stores a device's location holds the device already.
        scope = scope.select_for_update(of=("site",), no_key=True)
    return get_object_or_404(scope, pk=location)


@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def location_page(request: HttpRequest, location: int) -> HttpResponse:
    """The page of a location: the form with its name, how many devices it has, remove."""
    found = _location(request, location)
    title = found.name
    form = LocationForm(request.POST or None, initial={"name": title})
    if request.method == "POST" and form.is_valid():
        try:
            rename_location(found, form.cleaned_data["name"], actor=request.user)
        except FleetError as error:
            form.add_error("name", error_text(error))
        else:
            return redirect("locations", site=found.site_id)
    context: dict[str, Any] = {"location": found, "title": title, "form": form}
    context["count"] = found.devices.count()
    return private(render(request, "fleet/location.html", context))


@require_POST
@transaction.atomic
def location_remove(request: HttpRequest, location: int) -> HttpResponse:
    """Remove a location; its devices stay."""
    found = _location(request, location)
    remove_location(found, actor=request.user)
    return redirect("locations", site=found.site_id)
