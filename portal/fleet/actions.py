"""What a person does to the fleet: one function per thing, checked and written whole.

Each raises `ValidationError`, with words for the person who asked, and then has changed nothing.
Who may ask is the caller's question (`portal.permissions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction

from portal.fleet.models import Box, Gateway, Site

if TYPE_CHECKING:
    from portal.accounts.models import Organization


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A gateway and the box that speaks for it."""

    gateway: Gateway
    box: Box


def create_site(organization: Organization, *, name: str, time_zone: str) -> Site:
    """A new site; ``time_zone`` is an IANA name. Its name is once per organization."""
    site = Site(organization=organization, name=name.strip(), time_zone=time_zone)
    site.full_clean()
    site.save()
    return site


def add_gateway(site: Site, *, name: str, box_id: str) -> Placed:
    """A new gateway at ``site``, with the box that speaks for it. A box has one gateway."""
    with transaction.atomic():
        gateway = Gateway(site=site, name=name.strip())
        gateway.full_clean()
        gateway.save()
        return Placed(gateway=gateway, box=assign_box(gateway, box_id=box_id))


def assign_box(gateway: Gateway, *, box_id: str) -> Box:
    """Let a box speak for ``gateway``, beside those that did before (their backlog may come)."""
    box = Box(gateway=gateway, box_id=box_id)
    box.full_clean(validate_unique=False)
    if Box.objects.filter(box_id=box.box_id).exists():
        raise ValidationError(
            {"box_id": f"Box {box.box_id} already speaks for a gateway; check the id on its label."}
        )
    box.save()
    return box
