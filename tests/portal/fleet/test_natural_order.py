"""LP-2 before LP-10: the keys that lists are sorted by, in both databases."""

from __future__ import annotations

import re
import unicodedata

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Organization
from portal.fleet.actions import Description, describe_device, rename_group
from portal.fleet.models import Device, DeviceGroup, Gateway, Site
from portal.fleet.natural_order import natural_key
from portal.ingest.announcements import _write_labels

NAMES = st.text(alphabet=st.characters(codec="utf-8"), max_size=30)
NUMBERED = st.from_regex(r"\A[a-c\-. あ]{0,3}([0-9]{1,4}[a-c\-. あ]{0,2}){0,3}\Z")


def pieces(name: str) -> list[tuple[int, int, str]]:
    """What a key stands for: a digit's place among characters, then numbers by their value."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    found: list[tuple[int, int, str]] = []
    for number, other in re.findall(r"([0-9]+)|([^0-9])", folded, re.DOTALL):
        found.append((ord("0"), int(number), "") if number else (ord(other), 0, ""))
    return found


@given(one=NUMBERED | NAMES, other=NUMBERED | NAMES)
def test_keys_are_ordered_as_people_read_names(one: str, other: str) -> None:
    less = natural_key(one) < natural_key(other)
    assert less == (pieces(one) < pieces(other))
    assert (natural_key(one) == natural_key(other)) == (pieces(one) == pieces(other))


@given(before=NAMES, low=st.integers(0, 10**20), high=st.integers(0, 10**20), after=NAMES)
def test_what_is_numbered_is_ordered_by_its_number(
    before: str, low: int, high: int, after: str
) -> None:
    if before[-1:].isnumeric() or after[:1].isnumeric():
        return  # another number then
    keys = natural_key(f"{before}{low}{after}"), natural_key(f"{before}{high}{after}")
    assert (keys[0] < keys[1]) == (low < high)


@given(NAMES)
def test_a_key_is_hexadecimal_so_that_both_databases_order_it_alike(name: str) -> None:
    assert re.fullmatch(r"(?:[0-9a-f]{2})*", natural_key(name))


@pytest.fixture
def gateway(db: None) -> Gateway:
    owner = Organization.objects.create(name="Aoyama Foods")
    site = Site.objects.create(organization=owner, name="Plant", time_zone="Asia/Tokyo")
    return Gateway.objects.create(site=site, name="Gateway")


@pytest.mark.database
@pytest.mark.django_db
def test_the_database_lists_what_is_numbered_in_order(gateway: Gateway) -> None:
    names = ["LP-10", "LP-2", "lp-1", "LP-２０", "Meter", "LP", "メーター10", "メーター9"]
    Device.objects.bulk_create(Device(gateway=gateway, name=name) for name in names)
    ordered = ["LP", "lp-1", "LP-2", "LP-10", "LP-２０", "Meter", "メーター9", "メーター10"]
    assert list(Device.objects.values_list("name", flat=True)) == ordered


@pytest.mark.database
@pytest.mark.django_db
def test_whatever_names_a_thing_writes_its_key(gateway: Gateway) -> None:
    device = Device.objects.create(gateway=gateway, name="printer")

    def key() -> str:
        return Device.objects.get(pk=device.pk).sort_key

    assert key() == natural_key("printer")
    _write_labels([(device.pk, "LP-2", "printer")])
    assert key() == natural_key("LP-2")
    describe_device(
        Device.objects.get(pk=device.pk), Description(name="Front desk 3", group="A 1"), actor=None
    )
    assert key() == natural_key("Front desk 3")
    _write_labels([(device.pk, "LP-9", "printer")])
    assert key() == natural_key("Front desk 3"), "what people say comes first"
    describe_device(Device.objects.get(pk=device.pk), Description(group="A 1"), actor=None)
    assert key() == natural_key("LP-9")
    group = DeviceGroup.objects.get()
    assert group.sort_key == natural_key("A 1")
    rename_group(group, "B 2", actor=None)
    assert DeviceGroup.objects.get().sort_key == natural_key("B 2")
    assert Site.objects.get().sort_key == natural_key("Plant")


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_migration_fills_the_keys_of_what_is_there() -> None:
    try:
        migrate = MigrationExecutor(connection)
        migrate.migrate([("fleet", "0007_device_last_heard_at")])
        owners = migrate.loader.graph.leaf_nodes("accounts")
        before = [*owners, ("fleet", "0007_device_last_heard_at")]
        old = migrate.loader.project_state(before).apps
        owner = old.get_model("accounts", "Organization").objects.create(name="Aoyama Foods")
        site = old.get_model("fleet", "Site").objects.create(organization=owner, name="Site 2")
        gateway = old.get_model("fleet", "Gateway").objects.create(site=site, name="Gateway 2")
        device = old.get_model("fleet", "Device").objects.create
        device(gateway=gateway, name="a", label="LP-10")
        device(gateway=gateway, name="b", label="LP-10", given_name="LP-2")
        device(gateway=gateway, name="LP-1")
    finally:
        last = MigrationExecutor(connection)
        last.migrate(last.loader.graph.leaf_nodes())
    assert [str(device) for device in Device.objects.all()] == ["LP-1", "LP-2", "LP-10"]
    assert Site.objects.get().sort_key == natural_key("Site 2")
