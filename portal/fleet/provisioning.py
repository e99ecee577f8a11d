"""Placing a gateway in one step: organization, site, gateway and box, made where they are new."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from portal.accounts.models import Organization
from portal.fleet.actions import Placed, add_gateway, create_site
from portal.fleet.models import Box, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a gateway stands and which box speaks for it, all by name.

    Attributes:
        box_id: Taken exactly as given: it is what the certificate says, and no word of a person.
    """

    organization: str
    site: str
    time_zone: str
    gateway: str
    box_id: str


@transaction.atomic
def place_gateway(place: Place) -> Placed:
    """Expect a gateway; raises `ValidationError`, and then has changed nothing.

    Safe to repeat: a box that already speaks for this very gateway is left as it is.
    """
    there = Box.objects.filter(
        box_id=place.box_id,
        gateway__name=place.gateway.strip(),
        gateway__site__name=place.site.strip(),
        gateway__site__organization__name=place.organization.strip(),
    ).first()
    if there is not None:
        return Placed(gateway=there.gateway, box=there)
    site = settle_site(place.organization, place.site, place.time_zone)
    return add_gateway(site, name=place.gateway, box_id=place.box_id)


@transaction.atomic
def settle_site(organization: str, name: str, time_zone: str) -> Site:
    """An organization's site by name, made where it is new; raises `ValidationError`."""
    owner, _ = Organization.objects.get_or_create(name=organization.strip())
    site = Site.objects.filter(organization=owner, name=name.strip()).first()
    return site or create_site(owner, name=name, time_zone=time_zone)
