"""What administrators say of a site: coordinates as people paste them, and closing days."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Organization
from portal.audit.models import Detail
from portal.fleet.actions import create_site, edit_site
from portal.fleet.models import Site
from portal.fleet.names import FleetError
from portal.fleet.site_details import Coordinates, SiteDetails, read_coordinates

TOKYO = Coordinates(latitude=Decimal("35.681236"), longitude=Decimal("139.767125"))


@pytest.mark.parametrize(
    "text",
    [
        "35.681236, 139.767125",
        "35.681236,139.767125",
        " 35.681236 139.767125 ",
        "+35.681236°, 139.767125°",
        "３５．６８１２３６，１３９．７６７１２５",
        "35.681236、139.767125",
        "35.68123599999, 139.7671250001",
    ],
)
def test_coordinates_are_read_as_people_paste_them(text: str) -> None:
    assert read_coordinates(text) == TOKYO
    assert str(read_coordinates(text)) == "35.681236, 139.767125"


def test_nothing_is_no_coordinates_and_south_and_west_are_negative() -> None:
    assert read_coordinates("  ") is None
    found = read_coordinates("\u221233.8688, -70.5")
    assert found == Coordinates(latitude=Decimal("-33.8688"), longitude=Decimal("-70.5"))
    assert str(read_coordinates("-0.0000001, 0")) == "0.000000, 0.000000"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Tokyo", "'Tokyo' is not a pair of coordinates"),
        ("35.68", "separated by a comma, such as 35.681236, 139.767125"),
        ("35.68, 139.76, 12", "is not a pair"),
        ("35,68 139,76", "is not a pair"),
        ("1e2, 5", "is not a pair"),
        ("139.767125, 35.681236", "latitude 139.767125 is not between -90 and 90"),
        ("139.767125, 35.681236", "Enter the latitude first, then the longitude"),
        ("35, 200", "longitude 200 is not between -180 and 180"),
        ("90.000001, 0", "latitude 90.000001"),
        ("9" * 500, "is not a pair"),
    ],
)
def test_what_is_nowhere_on_the_earth_is_refused(text: str, says: str) -> None:
    with pytest.raises(FleetError, match=says):
        read_coordinates(text)


@given(st.text(max_size=40))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        found = read_coordinates(text)
    except FleetError:
        return
    assert found is None or (abs(found.latitude) <= 90 and abs(found.longitude) <= 180)


@given(
    st.decimals(-90, 90, places=6, allow_nan=False),
    st.decimals(-180, 180, places=6, allow_nan=False),
)
def test_what_is_shown_is_read_again(latitude: Decimal, longitude: Decimal) -> None:
    shown = Coordinates(latitude=latitude, longitude=longitude)
    assert read_coordinates(str(shown)) == shown


@pytest.fixture
def site(db: None) -> Site:
    organization = Organization.objects.create(name="Aoyama Foods")
    create_site(organization, name="Shop", time_zone="Asia/Tokyo")
    return create_site(organization, name="Plant", time_zone="Asia/Tokyo")


DETAILS = SiteDetails(
    name=" Kawasaki   plant ",
    country="JP",
    postal_code="210-0001",
    prefecture="神奈川県",
    city="川崎市川崎区",
    street="本町1-2-3",
    contact="鈴木 次郎",
    phone="044-123-4567",
    coordinates=TOKYO,
    closing_day=20,
)


@pytest.mark.django_db
@pytest.mark.database
def test_details_are_stored_and_their_revision_is_raised(site: Site) -> None:
    edit_site(site, DETAILS, actor=None)
    found = Site.objects.get(pk=site.pk)
    assert (found.name, found.city, found.contact) == (
        "Kawasaki plant",
        "川崎市川崎区",
        "鈴木 次郎",
    )
    assert (found.coordinates, found.closing_day, found.revision) == (TOKYO, 20, 1)
    edit_site(found, SiteDetails(name="Plant"), actor=None)
    found = Site.objects.get(pk=site.pk)
    assert (found.coordinates, found.contact, found.closing_day, found.revision) == (
        None,
        "",
        31,
        2,
    )


@pytest.mark.django_db
@pytest.mark.database
def test_the_audit_log_keeps_no_name_or_number_of_a_person(site: Site) -> None:
    edit_site(site, DETAILS, actor=None)
    texts = list(Detail.objects.values_list("text", flat=True))
    (changed,) = (json.loads(text)["after"] for text in texts if "closing_day" in text)
    assert (changed["city"], changed["contact"]) == ("川崎市川崎区", "changed")
    assert changed["coordinates"] == "35.681236, 139.767125"
    kept = json.dumps([changed, texts], ensure_ascii=False) + "".join(texts)
    kept = kept.encode("ascii", "backslashreplace").decode("unicode_escape")
    assert "鈴木" not in kept
    assert "044-123" not in kept


@pytest.mark.django_db
@pytest.mark.database
@pytest.mark.parametrize(
    ("said", "says"),
    [
        (SiteDetails(name=" "), "the name is empty"),
        (SiteDetails(name="Shop"), "already has a site with the name 'Shop'"),
        (SiteDetails(name="a\x07"), "cannot be displayed"),
        (SiteDetails(name="Plant", contact="x" * 101), "101 characters"),
        (SiteDetails(name="Plant", closing_day=32), "closing day 32 is not between 1 and 31"),
        (SiteDetails(name="Plant", closing_day=0), "closing day 0"),
    ],
)
def test_what_cannot_be_stored_changes_nothing(site: Site, said: SiteDetails, says: str) -> None:
    with pytest.raises(FleetError, match=says):
        edit_site(site, said, actor=None)
    found = Site.objects.get(pk=site.pk)
    assert (found.name, found.revision) == ("Plant", 0)


@pytest.mark.django_db
@pytest.mark.database
@pytest.mark.parametrize(
    "wrong",
    [
        {"closing_day": 0},
        {"closing_day": 32},
        {"latitude": 1},
        {"latitude": 91, "longitude": 0},
        {"latitude": 0, "longitude": 181},
    ],
)
def test_the_database_refuses_it_too(site: Site, wrong: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.filter(pk=site.pk).update(**wrong)
