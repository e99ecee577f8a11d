"""What people say of a device: names, groups, and what is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Organization
from portal.fleet.actions import (
    MOST_GROUPS,
    Description,
    DescriptionError,
    add_gateway,
    create_site,
    describe_device,
)
from portal.fleet.locations import add_location
from portal.fleet.models import Device, DeviceGroup
from portal.fleet.names import (
    FORBIDDEN,
    FORBIDDEN_CHARACTERS,
    FleetError,
    check_group_name,
    tidy,
    width,
)

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def organization() -> Organization:
    return Organization.objects.create(name="Aoyama Foods")


def device_of(organization: Organization, name: str = "copier") -> Device:
    found = organization.sites.first()
    site = found or create_site(organization, name="Plant", time_zone="Asia/Tokyo")
    gateway = site.gateways.first() or add_gateway(site, name="Roof", box_id="b-roof").gateway
    return Device.objects.create(gateway=gateway, name=name, label="3F copier")


@pytest.fixture
def device(organization: Organization) -> Device:
    return device_of(organization)


@pytest.mark.req("K-13")
@pytest.mark.parametrize("name", ["3F", "A" * 50, "あ" * 25, "営業1部（東）", "カタカナ", "R＆Dだ"])
def test_names_of_groups_that_are_allowed(name: str) -> None:
    check_group_name(name)


@pytest.mark.req("K-13")
@pytest.mark.req("C-36")
@pytest.mark.parametrize(
    "name", ["", "A" * 51, "あ" * 26, "あ" * 25 + "a", "ｶﾀｶﾅ", "a\x00", "a\u202eb"]
)
def test_names_of_groups_that_are_not(name: str) -> None:
    with pytest.raises(FleetError):
        check_group_name(name)


@pytest.mark.req("C-36")
@pytest.mark.parametrize("char", "\"%&'/;<>¥\\")
def test_each_forbidden_character_is_named(char: str) -> None:
    with pytest.raises(FleetError) as refused:
        check_group_name(f"3F {char}")
    assert refused.value.what == FORBIDDEN_CHARACTERS(characters=char)


@pytest.mark.req("K-13")
@given(st.text(max_size=60))
def test_whatever_is_allowed_is_narrow_enough_seen_and_harmless(text: str) -> None:
    name = tidy(text)
    try:
        check_group_name(name)
    except FleetError:
        return
    assert 0 < width(name) <= 50
    assert not set(FORBIDDEN) & set(name)
    assert not any("\uff61" <= char <= "\uff9f" for char in name)
    assert all(unicodedata.category(char)[0] != "C" for char in name)


@pytest.mark.req("E-24")
def test_a_name_overrides_the_gateways_and_taking_it_back_restores_that(device: Device) -> None:
    place = add_location(device.gateway.site, "Building A / 3F", actor=None)
    describe_device(
        device, Description(name="  Sales   copier ", location="Building A / 3F"), actor=None
    )
    found = Device.objects.get(pk=device.pk)
    assert (str(found), found.location, found.revision) == ("Sales copier", place, 1)
    describe_device(device, Description(), actor=None)
    found = Device.objects.get(pk=device.pk)
    assert (str(found), found.location, found.revision) == ("3F copier", None, 2)


@pytest.mark.req("C-36")
def test_a_group_is_made_once_and_dropped_with_its_last_device(
    organization: Organization, device: Device
) -> None:
    other = device_of(organization, "label-printer")
    describe_device(device, Description(group="3F"), actor=None)
    describe_device(other, Description(group=" 3F "), actor=None)
    assert device.group == other.group == DeviceGroup.objects.get()
    describe_device(device, Description(group="4F"), actor=None)
    assert {group.name for group in DeviceGroup.objects.all()} == {"3F", "4F"}
    describe_device(other, Description(), actor=None)
    assert DeviceGroup.objects.get().name == "4F"
    describe_device(device, Description(group="4F", name="Copier"), actor=None)
    assert DeviceGroup.objects.get().name == "4F"


def test_the_same_name_elsewhere_is_another_group(
    organization: Organization, device: Device
) -> None:
    other = Organization.objects.create(name="Other")
    theirs = DeviceGroup.objects.create(organization=other, name="3F")
    describe_device(device, Description(group="3F"), actor=None)
    assert device.group is not None
    assert device.group != theirs
    assert device.group.organization == organization


@pytest.mark.req("C-36")
def test_there_are_200_groups_and_no_more(organization: Organization, device: Device) -> None:
    DeviceGroup.objects.bulk_create(
        DeviceGroup(organization=organization, name=f"G{number}") for number in range(MOST_GROUPS)
    )
    with pytest.raises(FleetError, match="200 groups"):
        describe_device(device, Description(group="One more"), actor=None)
    describe_device(device, Description(group="G7"), actor=None)


def test_what_is_refused_changes_nothing_and_names_each_field(device: Device) -> None:
    describe_device(device, Description(name="Copier", group="3F"), actor=None)
    wrong = Description(name="x" * 101, location="a\x07", group="a/b", kind="toaster")
    with pytest.raises(DescriptionError) as refused:
        describe_device(device, wrong, actor=None)
    assert set(refused.value.faults) == {"name", "location", "group", "kind"}
    assert str(device) == "Copier"
    found = Device.objects.get(pk=device.pk)
    assert (str(found), str(found.group), found.kind_given) == ("Copier", "3F", "")
    assert DeviceGroup.objects.count() == 1


def test_what_the_device_says_meanwhile_is_kept(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(state="error", event_order=9)
    describe_device(device, Description(name="Copier"), actor=None)
    found = Device.objects.get(pk=device.pk)
    assert (found.state, found.event_order) == ("error", 9)
