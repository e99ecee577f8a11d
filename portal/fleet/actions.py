"""What people do to the fleet: one function for each action, in one transaction.

Each raises `ValidationError`, with words for the person who asked, and then has changed nothing.
The caller decides who may ask (`portal.permissions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from portal.accounts.models import Organization
from portal.fleet.models import Box, Device, DeviceGroup, Gateway, Site
from portal.fleet.names import check_group_name, check_visible, tidy

MOST_GROUPS: Final = 200
"""The most groups that one organization may have (C-36)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAndBox:
    """A gateway and the box that speaks for it."""

    gateway: Gateway
    box: Box


def create_site(organization: Organization, *, name: str, time_zone: str) -> Site:
    """Create a site; ``time_zone`` is an IANA name, and ``name`` unique in its organization."""
    site = Site(organization=organization, name=name.strip(), time_zone=time_zone)
    site.full_clean()
    site.save()
    return site


def add_gateway(site: Site, *, name: str, box_id: str) -> GatewayAndBox:
    """Create a gateway at ``site``, with the box that speaks for it. A box has one gateway."""
    with transaction.atomic():
        gateway = Gateway(site=site, name=name.strip())
        gateway.full_clean()
        gateway.save()
        return GatewayAndBox(gateway=gateway, box=assign_box(gateway, box_id=box_id))


def assign_box(gateway: Gateway, *, box_id: str) -> Box:
    """Assign a box to ``gateway``, beside earlier boxes, whose backlog may still arrive."""
    box = Box(gateway=gateway, box_id=box_id)
    box.full_clean(validate_unique=False)
    if Box.objects.filter(box_id=box.box_id).exists():
        raise ValidationError(
            {
                "box_id": _(
                    "Box %(box)s is already assigned to a gateway; check the id on its label."
                )
                % {"box": box.box_id}
            }
        )
    box.save()
    return box


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What people say of a device; ``""`` where they say nothing.

    Attributes:
        name: Instead of what its gateway calls it.
        location: Where it stands: ``Building A / 3F``.
        group: The name of its group; a new one is made.
        kind: A `portal.fleet.kinds.DeviceKind`, where what it says of itself misleads.
    """

    name: str = ""
    location: str = ""
    group: str = ""
    kind: str = ""


def describe_device(device: Device, said: Description) -> None:
    """Store what people say of ``device``; nothing is sent to the gateway or the device.

    A group is looked for, and made, in the device's own organization only; one that loses its
    last device is dropped. The `ValidationError` has the names of `Description`'s fields.
    """
    with transaction.atomic():
        owner = _locked().get(sites__gateways=device.gateway_id)
        left = Device.objects.select_related("group").get(pk=device.pk).group
        group = _write(device, owner, said)
        if left and left != group and not left.devices.exists():
            left.delete()


def _locked() -> models.QuerySet[Organization]:
    """Organizations, locked: groups are counted, made, renamed and deleted one at a time."""
    return Organization.objects.select_for_update(of=("self",), no_key=True)


def rename_group(group: DeviceGroup, name: str) -> None:
    """Rename a group; its devices stay in it."""
    with transaction.atomic():
        owner = _locked().get(pk=group.organization_id)
        group.name = tidy(name)
        try:
            check_group_name(group.name)
        except ValidationError as error:
            raise ValidationError({"name": error.messages}) from error
        if owner.device_groups.filter(name=group.name).exclude(pk=group.pk).exists():
            raise ValidationError(
                {"name": _("A group with this name already exists. Choose another name.")}
            )
        group.save(update_fields=["name"])
        _raise_revisions(group)


def delete_group(group: DeviceGroup) -> None:
    """Delete a group; its devices stay, and are in no group."""
    with transaction.atomic():
        _locked().get(pk=group.organization_id)
        _raise_revisions(group)
        group.delete()


def _raise_revisions(group: DeviceGroup) -> None:
    """Raise the revision of a group's devices, so that their pages show the change."""
    group.devices.update(revision=models.F("revision") + 1)


def _write(device: Device, owner: Organization, said: Description) -> DeviceGroup | None:
    faults: dict[str, list[str]] = {}
    texts = {"given_name": said.name, "location": said.location, "kind_given": said.kind}
    texts = {field: tidy(text) for field, text in texts.items()}
    for field, name in (("given_name", "name"), ("location", "location"), ("kind_given", "kind")):
        try:
            check_visible(texts[field])
            column = device._meta.get_field(field)
            assert isinstance(column, models.Field)
            column.clean(texts[field], device)
        except ValidationError as error:
            faults[name] = error.messages
    group = None
    try:
        group = _group(owner, tidy(said.group)) if said.group.strip() else None
    except ValidationError as error:
        faults["group"] = error.messages
    if faults:
        raise ValidationError(faults)
    device.given_name, device.location = texts["given_name"], texts["location"]
    device.kind_given, device.group = texts["kind_given"], group
    device.revision = models.F("revision") + 1
    # Only these: the ingest writes what the device says into the same row.
    device.save(update_fields=[*texts, "group", "revision"])
    device.refresh_from_db(fields=["revision"])
    return group


def _group(owner: Organization, name: str) -> DeviceGroup:
    """The group of this name, made where it is new and `MOST_GROUPS` is not reached."""
    found = owner.device_groups.filter(name=name).first()
    if found:
        return found
    group = DeviceGroup(organization=owner, name=name)
    try:
        group.clean_fields()
    except ValidationError as error:
        raise ValidationError(error.messages) from error
    if owner.device_groups.count() >= MOST_GROUPS:
        raise ValidationError(
            _("The limit of %(most)s groups has been reached. Choose an existing group.")
            % {"most": MOST_GROUPS}
        )
    group.save()
    return group
