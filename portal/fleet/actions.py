"""What people do to the fleet: one function for each action, in one transaction.

Each raises `portal.fleet.names.FleetError`, for the person who asked, and then has changed nothing.
The caller decides who may ask (`portal.permissions`). ``actor`` is the user who asked, and ``None``
at the command line and for a box that claims its place; the audit log names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from django.db import models, transaction

from console.templates import audit, fleet
from console.text import NO_MESSAGE, Template
from portal.accounts.models import Organization
from portal.audit.acting import Actor
from portal.audit.record import record
from portal.fleet.locations import location_named
from portal.fleet.models import Box, Device, DeviceGroup, Gateway, Site
from portal.fleet.names import (
    FleetError,
    check_box_id,
    check_group_name,
    check_kind,
    check_length,
    check_name,
    check_time_zone,
    check_visible,
    tidy,
)
from portal.fleet.site_details import SiteDetails

GROUP_EXISTS: Final = Template("group.exists", "a group with the name '{name}' already exists")
OTHER_GROUP_NAME: Final = Template("group.other_name", "choose another name")
GROUPS_FULL: Final = Template("group.full", "the limit of {limit} groups has been reached")
CHOOSE_GROUP: Final = Template("group.choose", "choose an existing group")
MOST_GROUPS: Final = 200
"""The most groups that one organization may have (C-36)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAndBox:
    """A gateway and the box that speaks for it."""

    gateway: Gateway
    box: Box


@transaction.atomic
def create_site(
    organization: Organization, *, name: str, time_zone: str, actor: Actor = None
) -> Site:
    """Create a site; ``time_zone`` is an IANA name, and ``name`` unique in its organization."""
    name = name.strip()
    check_name(name)
    check_time_zone(time_zone)
    if organization.sites.filter(name=name).exists():
        raise FleetError(
            fleet.SITE_EXISTS(organization=str(organization), site=name),
            next_step=fleet.OTHER_SITE_NAME(),
        )
    site = Site.objects.create(organization=organization, name=name, time_zone=time_zone)
    record(
        audit.SITE_CREATE,
        actor=actor,
        organization=organization.pk,
        subject=("site", site.pk),
        after={"name": name, "time_zone": time_zone},
    )
    return site


ADDRESS: Final = ("country", "postal_code", "prefecture", "city", "street")
"""The columns of a site's address."""


@transaction.atomic
def edit_site(site: Site, said: SiteDetails, *, actor: Actor) -> None:
    """Store what an administrator says of ``site``; its name is unique in its organization.

    The audit log says that the contact or the telephone number was changed, and not to what:
    these are a person's, and could not be erased there.
    """
    owner = _locked().get(pk=site.organization_id)
    said = replace(said, name=tidy(said.name))
    said.check()
    if owner.sites.filter(name=said.name).exclude(pk=site.pk).exists():
        raise FleetError(
            fleet.SITE_EXISTS(organization=str(owner), site=said.name),
            next_step=fleet.OTHER_SITE_NAME(),
        )
    was = Site.objects.get(pk=site.pk)
    columns = ("name", *ADDRESS, "contact", "phone", "closing_day")
    for column in columns:
        setattr(site, column, getattr(said, column))
    site.latitude = said.coordinates.latitude if said.coordinates else None
    site.longitude = said.coordinates.longitude if said.coordinates else None
    site.revision = models.F("revision") + 1
    site.save(update_fields=[*columns, "latitude", "longitude", "revision", "sort_key"])
    site.refresh_from_db()
    reached = (was.contact, was.phone) != (site.contact, site.phone)
    record(
        audit.SITE_EDIT,
        actor=actor,
        organization=owner.pk,
        subject=("site", site.pk),
        before=_site_facts(was),
        after=_site_facts(site) | ({"contact": "changed"} if reached else {}),
    )


def _site_facts(site: Site) -> dict[str, str | int]:
    """What is known of a site, as the audit log has it: nothing that is a person's."""
    return {
        "name": site.name,
        **{column: getattr(site, column) for column in ADDRESS},
        "coordinates": str(site.coordinates or ""),
        "closing_day": site.closing_day,
    }


def add_gateway(site: Site, *, name: str, box_id: str, actor: Actor = None) -> GatewayAndBox:
    """Create a gateway at ``site``, with the box that speaks for it. A box has one gateway."""
    name = name.strip()
    check_name(name)
    known = site.gateways.filter(name=name).first()
    if known is not None:
        boxes = tuple(box.box_id for box in known.boxes.all())
        raise FleetError(
            fleet.GATEWAY_EXISTS(site=str(site), gateway=name),
            why=fleet.BOXES_OF_GATEWAY(boxes=boxes) if boxes else NO_MESSAGE,
            next_step=fleet.OTHER_GATEWAY_NAME(),
        )
    with transaction.atomic():
        gateway = Gateway.objects.create(site=site, name=name)
        box = _assign(gateway, box_id)
        record(
            audit.GATEWAY_ADD,
            actor=actor,
            organization=site.organization_id,
            subject=("gateway", gateway.pk),
            after={"name": name, "site": str(site), "box": box_id},
        )
        return GatewayAndBox(gateway=gateway, box=box)


@transaction.atomic
def assign_box(gateway: Gateway, *, box_id: str, actor: Actor = None) -> Box:
    """Assign a box to ``gateway``, beside earlier boxes, whose backlog may still arrive."""
    box = _assign(gateway, box_id)
    record(
        audit.BOX_ASSIGN,
        actor=actor,
        organization=gateway.site.organization_id,
        subject=("gateway", gateway.pk),
        after={"box": box_id},
    )
    return box


def _assign(gateway: Gateway, box_id: str) -> Box:
    check_box_id(box_id)
    if Box.objects.filter(box_id=box_id).exists():
        raise FleetError(fleet.BOX_ASSIGNED(box=box_id), next_step=fleet.CHECK_BOX_ID())
    return Box.objects.create(gateway=gateway, box_id=box_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What people say of a device; ``""`` where they say nothing.

    Attributes:
        name: Instead of what its gateway calls it.
        location: Where it stands: the name of an installation location of its site.
        group: The name of its group; a new one is made.
        kind: A `portal.fleet.kinds.DeviceKind`, where what it says of itself misleads.
    """

    name: str = ""
    location: str = ""
    group: str = ""
    kind: str = ""


class DescriptionError(FleetError):
    """A description of which one or more fields are refused.

    Args:
        faults: Why, by the name of the field of `Description`; one or more.
    """

    def __init__(self, faults: Mapping[str, FleetError]) -> None:
        first = next(iter(faults.values()))
        super().__init__(first.what, why=first.why, next_step=first.next_step)
        self.faults = faults


def describe_device(device: Device, said: Description, *, actor: Actor) -> None:
    """Store what people say of ``device``; nothing is sent to the gateway or the device.

    A group is looked for, and made, in the device's own organization only; one that loses its
    last device is dropped. Raises `DescriptionError`.
    """
    with transaction.atomic():
        owner = _locked().get(sites__gateways=device.gateway_id)
        was = Device.objects.select_related("group", "location").get(pk=device.pk)
        known = set(owner.device_groups.values_list("pk", flat=True))
        left, before = was.group, _description(was)
        group = _write(device, owner, said)
        if group and group.pk not in known:
            _record_group(audit.GROUP_CREATE, group, actor, after=group.name)
        if left and left != group and not left.devices.exists():
            _record_group(audit.GROUP_DELETE, left, actor, before=left.name)
            left.delete()
        record(
            audit.DEVICE_EDIT,
            actor=actor,
            organization=owner.pk,
            subject=("device", device.pk),
            before=before,
            after=_description(device),
        )


def _description(device: Device) -> dict[str, str]:
    """What people say of a device, as the audit log has it."""
    return {
        "name": device.given_name,
        "location": str(device.location or ""),
        "group": str(device.group or ""),
        "kind": device.kind_given,
    }


def _record_group(
    action: Template, group: DeviceGroup, actor: Actor, *, before: str = "", after: str = ""
) -> None:
    record(
        action,
        actor=actor,
        organization=group.organization_id,
        subject=("group", group.pk),
        before={"name": before} if before else None,
        after={"name": after} if after else None,
    )


def _locked() -> models.QuerySet[Organization]:
    """Organizations, locked: groups are counted, made, renamed and deleted one at a time."""
    return Organization.objects.select_for_update(of=("self",), no_key=True)


def rename_group(group: DeviceGroup, name: str, *, actor: Actor) -> None:
    """Rename a group; its devices stay in it."""
    with transaction.atomic():
        owner = _locked().get(pk=group.organization_id)
        before = owner.device_groups.values_list("name", flat=True).get(pk=group.pk)
        group.name = tidy(name)
        check_group_name(group.name)
        if owner.device_groups.filter(name=group.name).exclude(pk=group.pk).exists():
            raise FleetError(GROUP_EXISTS(name=group.name), next_step=OTHER_GROUP_NAME())
        group.save(update_fields=["name", "sort_key"])
        _raise_revisions(group)
        _record_group(audit.GROUP_RENAME, group, actor, before=before, after=group.name)


def delete_group(group: DeviceGroup, *, actor: Actor) -> None:
    """Delete a group; its devices stay, and are in no group."""
    with transaction.atomic():
        _locked().get(pk=group.organization_id)
        _raise_revisions(group)
        _record_group(audit.GROUP_DELETE, group, actor, before=group.name)
        group.delete()


def _raise_revisions(group: DeviceGroup) -> None:
    """Raise the revision of a group's devices, so that their pages show the change."""
    group.devices.update(revision=models.F("revision") + 1)


def _write(device: Device, owner: Organization, said: Description) -> DeviceGroup | None:
    faults: dict[str, FleetError] = {}
    texts = {"given_name": tidy(said.name), "kind_given": tidy(said.kind)}
    for field, name in (("given_name", "name"), ("kind_given", "kind")):
        try:
            check_visible(texts[field])
            check_length(texts[field])
            if name == "kind":
                check_kind(texts[field])
        except FleetError as error:
            faults[name] = error
    location, group = None, None
    try:
        site = device.gateway.site
        location = location_named(site, tidy(said.location)) if said.location.strip() else None
    except FleetError as error:
        faults["location"] = error
    try:
        group = _group(owner, tidy(said.group)) if said.group.strip() else None
    except FleetError as error:
        faults["group"] = error
    if faults:
        raise DescriptionError(faults)
    device.given_name, device.kind_given = texts["given_name"], texts["kind_given"]
    device.location, device.group = location, group
    device.revision = models.F("revision") + 1
    # Only these: the ingest writes what the device says into the same row.
    device.save(update_fields=[*texts, "location", "group", "revision", "sort_key"])
    device.refresh_from_db(fields=["revision"])
    return group


def _group(owner: Organization, name: str) -> DeviceGroup:
    """The group of this name, made where it is new and `MOST_GROUPS` is not reached."""
    found = owner.device_groups.filter(name=name).first()
    if found:
        return found
    check_group_name(name)
    if owner.device_groups.count() >= MOST_GROUPS:
        raise FleetError(GROUPS_FULL(limit=MOST_GROUPS), next_step=CHOOSE_GROUP())
    return owner.device_groups.create(name=name)
