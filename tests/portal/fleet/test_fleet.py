"""Who sees what, what a device shows, and what a person may write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError

from portal.accounts.models import Membership, Organization, User
from portal.fleet.actions import add_gateway, assign_box, create_site
from portal.fleet.models import (
    Box,
    Device,
    DeviceCondition,
    DeviceSupply,
    Gateway,
    RunningConfiguration,
    Site,
)
from portal.fleet.names import FleetError

if TYPE_CHECKING:
    from django.db.models import Model

pytestmark = [pytest.mark.database, pytest.mark.django_db]

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)


def person(email: str, organization: Organization | None = None) -> User:
    user = User.objects.create_user(email)
    if organization is not None:
        Membership.objects.create(user=user, organization=organization)
    return user


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Aoyama Foods")


@pytest.fixture
def device(organization: Organization) -> Device:
    site = create_site(organization, name="Plant", time_zone="Asia/Tokyo")
    gateway = add_gateway(site, name="Roof", box_id="b-roof").gateway
    RunningConfiguration.objects.create(
        gateway=gateway, digest="00", document="{}", at=NOON, order=1
    )
    return Device.objects.create(gateway=gateway, name="meter")


def condition(device: Device, code: str, severity: str, minutes: int = 0) -> DeviceCondition:
    return DeviceCondition.objects.create(
        device=device, code=code, severity=severity, raised_at=NOON + timedelta(minutes=minutes)
    )


OWNED: list[type[Model]] = [
    Site,
    Gateway,
    Box,
    Device,
    DeviceCondition,
    DeviceSupply,
    RunningConfiguration,
]


@pytest.mark.parametrize("model", OWNED)
def test_only_members_see_what_an_organization_has(
    model: Any, organization: Organization, device: Device
) -> None:
    condition(device, "cover.open", "error")
    DeviceSupply.objects.create(device=device, kind="toner", state="ok")
    other = Organization.objects.create(name="Other")
    assert model.objects.visible_to(person("in@example.com", organization)).count() == 1
    assert not model.objects.visible_to(person("out@example.com", other)).exists()
    assert not model.objects.visible_to(person("none@example.com")).exists()
    assert not model.objects.visible_to(AnonymousUser()).exists()


@pytest.mark.req("C-17")
def test_a_device_shows_the_gravest_the_oldest_among_equals(device: Device) -> None:
    assert device.conditions.open().gravest_first().first() is None
    condition(device, "supply.low", "info")
    condition(device, "media.low", "warning")
    jam = condition(device, "media.jam", "error", 5)
    condition(device, "cover.open", "error", 9)
    assert device.conditions.open().gravest_first().first() == jam
    failure = condition(device, "hardware.failure", "service_call", 10)
    assert device.conditions.open().gravest_first().first() == failure
    assert [row.severity for row in device.conditions.open().gravest_first()] == [
        "service_call",
        "error",
        "error",
        "warning",
        "info",
    ]


def test_what_was_cleared_is_not_shown(device: Device) -> None:
    row = condition(device, "media.jam", "error")
    row.cleared_at = NOON
    row.save()
    assert device.conditions.open().gravest_first().first() is None


def test_a_condition_is_open_once(device: Device) -> None:
    condition(device, "cover.open", "error")
    with pytest.raises(IntegrityError):
        condition(device, "cover.open", "warning")


@pytest.mark.parametrize("zone", ["Tokyo", "", "Asia/Tokio", "+09:00"])
def test_a_site_needs_a_real_time_zone(organization: Organization, zone: str) -> None:
    with pytest.raises(FleetError):
        create_site(organization, name="Plant", time_zone=zone)
    assert not Site.objects.exists()


def test_a_site_s_name_is_once_per_organization(organization: Organization, device: Device) -> None:
    with pytest.raises(FleetError):
        create_site(organization, name=" Plant ", time_zone="Asia/Tokyo")
    create_site(Organization.objects.create(name="Other"), name="Plant", time_zone="UTC")


@pytest.mark.parametrize(
    "box_id", ["B-UPPER", "b/+", "x", "b roof", "#", "-dash", "b" * 37, "b-1\n2"]
)
def test_an_unusable_box_id_makes_no_gateway(device: Device, box_id: str) -> None:
    before = Gateway.objects.count()
    with pytest.raises(FleetError):
        add_gateway(device.gateway.site, name="Cellar", box_id=box_id)
    assert Gateway.objects.count() == before


def test_a_box_speaks_for_one_gateway(device: Device) -> None:
    before = Gateway.objects.count()
    with pytest.raises(FleetError, match="already"):
        add_gateway(device.gateway.site, name="Cellar", box_id="b-roof")
    assert Gateway.objects.count() == before


def test_a_gateway_may_get_a_further_box(device: Device) -> None:
    assign_box(device.gateway, box_id="b-spare")
    assert device.gateway.boxes.count() == 2
