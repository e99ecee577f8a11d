"""Ensure that a gateway exists: its organization, site and box are made where they are new."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from console.templates import audit
from portal.accounts.models import Organization
from portal.audit.acting import Actor
from portal.audit.record import record
from portal.fleet.actions import GatewayAndBox, add_gateway, create_site
from portal.fleet.models import Box, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPlacement:
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
def ensure_gateway(placement: GatewayPlacement, *, actor: Actor = None) -> GatewayAndBox:
    """The gateway and box of a placement, made where they are new. Safe to repeat.

    A box that already speaks for this very gateway is left as it is.

    Raises:
        FleetError: A name is not possible, or the box speaks for another gateway; then
            nothing was changed.
    """
    known = Box.objects.filter(
        box_id=placement.box_id,
        gateway__name=placement.gateway.strip(),
        gateway__site__name=placement.site.strip(),
        gateway__site__organization__name=placement.organization.strip(),
    ).first()
    if known is not None:
        return GatewayAndBox(gateway=known.gateway, box=known)
    site = ensure_site(placement.organization, placement.site, placement.time_zone, actor=actor)
    return add_gateway(site, name=placement.gateway, box_id=placement.box_id, actor=actor)


@transaction.atomic
def ensure_site(organization: str, name: str, time_zone: str, *, actor: Actor = None) -> Site:
    """An organization's site by name, both made where they are new.

    Raises:
        FleetError: The organization, the site or the time zone is not possible.
    """
    owner, created = Organization.objects.get_or_create(name=organization.strip())
    if created:
        record(
            audit.ORGANIZATION_CREATE,
            actor=actor,
            organization=owner.pk,
            subject=("organization", owner.pk),
            after={"name": str(owner)},
        )
    site = Site.objects.filter(organization=owner, name=name.strip()).first()
    return site or create_site(owner, name=name, time_zone=time_zone, actor=actor)
