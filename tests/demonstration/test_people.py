"""The demonstration's people: each signs in by their link and sees their own organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Invitation, JoinRequest, Membership, Organization, User
from portal.fleet.models import Site
from portal.notifications.models import Mail
from scripts.demonstration import people
from scripts.demonstration.people import FIRST, FOODS, HOTEL, OPERATOR, PEOPLE
from scripts.demonstration.sites import ORGANIZATION

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def links() -> Mapping[str, str]:
    people.add()
    return people.links()


def signed_in(link: str) -> Client:
    """A browser that opened a link and pressed its button."""
    browser = Client()
    answer = browser.post(urlsplit(link).path)
    assert answer.status_code == 302
    return browser


def test_each_role_and_both_languages_are_there(links: Mapping[str, str]) -> None:
    assert links.keys() == {person.email for person in PEOPLE}
    roles = set(Membership.objects.values_list("role", flat=True))
    assert roles == {"administrator", "user", "installer", "billing"}
    assert {person.language for person in PEOPLE} == {"en", "ja"}
    assert set(Organization.objects.values_list("name", flat=True)) == {ORGANIZATION, HOTEL, FOODS}
    assert all(one.phone and one.city for one in Organization.objects.all())
    assert User.objects.get(operates=True).email == OPERATOR.email


def test_a_second_run_adds_nothing(links: Mapping[str, str]) -> None:
    before = User.objects.count(), Membership.objects.count(), Mail.objects.count()
    people.add()
    assert (User.objects.count(), Membership.objects.count(), Mail.objects.count()) == before


def test_each_link_signs_its_person_in_once(links: Mapping[str, str]) -> None:
    for person in PEOPLE:
        browser = signed_in(links[person.email])
        assert browser.session["_auth_user_id"] == str(User.objects.get(email=person.email).pk)
        assert Client().get(urlsplit(links[person.email]).path).status_code == 410
        page = browser.get(reverse("organizations"), follow=True).content.decode()
        assert person.name in page
        for organization in (ORGANIZATION, HOTEL, FOODS):
            belongs = organization in person.roles or person.asks_to_join == organization
            assert (organization in page) == belongs, (person.email, organization)


def test_the_hotels_administrator_has_something_to_decide(links: Mapping[str, str]) -> None:
    page = signed_in(links["yumi.ito@shirakaba.invalid"]).get(reverse("organizations"))
    text = page.content.decode()
    assert "小林 さくら" in text
    assert "招待中" in text
    assert JoinRequest.objects.get().organization.name == HOTEL
    assert Invitation.objects.get().organization.name == HOTEL
    assert Mail.objects.filter(name="invitation").count() == 1
    assert Site.objects.get().organization.name == HOTEL


def test_the_terminal_names_everybody_else_with_their_link(links: Mapping[str, str]) -> None:
    lines = people.table(links)
    assert len(lines) == 2 * (len(PEOPLE) - 1)
    assert f"  佐藤 健一, user of {ORGANIZATION} (kenichi.sato@sumida.invalid)" in lines
    assert not any(links[FIRST.email] in line for line in lines)
    assert lines[-2] == f"  山本 亮, operator of the portal ({OPERATOR.email})"
