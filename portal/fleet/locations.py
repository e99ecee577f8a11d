"""What people do to the installation locations of a site: one function for each action.

As in `portal.fleet.actions`, each is one transaction, raises `FleetError` for the person who
asked, and then has changed nothing.

Source: requirements E-22 to E-24.
"""

from __future__ import annotations

from typing import Final

from django.db import models, transaction

from console.templates import audit
from console.text import Template
from portal.audit.acting import Actor
from portal.audit.record import record
from portal.fleet.models import InstallationLocation, Site
from portal.fleet.names import FleetError, check_name, check_visible, tidy

LOCATION_EXISTS: Final = Template(
    "location.exists", "{site} already has an installation location with the name '{name}'"
)
OTHER_LOCATION_NAME: Final = Template("location.other_name", "enter another name")
LOCATIONS_FULL: Final = Template(
    "location.full", "the limit of {limit} installation locations for one site has been reached"
)
REMOVE_LOCATION: Final = Template(
    "location.remove", "remove one that is not needed, or use an existing one"
)
LOCATION_UNKNOWN: Final = Template(
    "location.unknown", "{site} has no installation location with the name '{name}'"
)
CHOOSE_LOCATION: Final = Template(
    "location.choose", "choose one from the list, or add it to the list of the site first"
)
MOST_LOCATIONS: Final = 500
"""The most installation locations that one site may have: a form offers all of them."""


@transaction.atomic
def add_location(site: Site, name: str, *, actor: Actor) -> InstallationLocation:
    """Add an installation location to the list of ``site``; its name is unique there."""
    site = _locked(site.pk)
    name = _checked(site, name)
    if site.installation_locations.count() >= MOST_LOCATIONS:
        raise FleetError(LOCATIONS_FULL(limit=MOST_LOCATIONS), next_step=REMOVE_LOCATION())
    location = site.installation_locations.create(name=name)
    record(
        audit.LOCATION_ADD,
        actor=actor,
        organization=site.organization_id,
        subject=("location", location.pk),
        after={"name": name, "site": str(site)},
    )
    return location


@transaction.atomic
def rename_location(location: InstallationLocation, name: str, *, actor: Actor) -> None:
    """Rename an installation location; its devices stay there."""
    site = _locked(location.site_id)
    before = site.installation_locations.values_list("name", flat=True).get(pk=location.pk)
    location.name = _checked(site, name, of=location)
    location.save(update_fields=["name", "sort_key"])
    _raise_revisions(location)
    record(
        audit.LOCATION_RENAME,
        actor=actor,
        organization=site.organization_id,
        subject=("location", location.pk),
        before={"name": before},
        after={"name": location.name},
    )


@transaction.atomic
def remove_location(location: InstallationLocation, *, actor: Actor) -> None:
    """Remove an installation location; its devices stay, and have none."""
    site = _locked(location.site_id)
    _raise_revisions(location)
    record(
        audit.LOCATION_REMOVE,
        actor=actor,
        organization=site.organization_id,
        subject=("location", location.pk),
        before={"name": location.name, "site": str(site)},
    )
    location.delete()


def location_named(site: Site, name: str) -> InstallationLocation:
    """The installation location of this name at ``site``; raises `FleetError` for none."""
    found = site.installation_locations.filter(name=name).first()
    if found is None:
        raise FleetError(LOCATION_UNKNOWN(site=str(site), name=name), next_step=CHOOSE_LOCATION())
    return found


def _locked(site: int) -> Site:
    """A site, locked: its locations are counted, added and renamed one at a time."""
    return Site.objects.select_for_update(of=("self",), no_key=True).get(pk=site)


def _checked(site: Site, name: str, *, of: InstallationLocation | None = None) -> str:
    """The name as it is stored."""
    name = tidy(name)
    check_name(name)
    check_visible(name)
    same = site.installation_locations.filter(name=name)
    if (same.exclude(pk=of.pk) if of else same).exists():
        raise FleetError(
            LOCATION_EXISTS(site=str(site), name=name), next_step=OTHER_LOCATION_NAME()
        )
    return name


def _raise_revisions(location: InstallationLocation) -> None:
    """Raise the revision of the devices there, so that their pages show the change."""
    location.devices.update(revision=models.F("revision") + 1)
