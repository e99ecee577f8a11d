"""The list of members: roles that two tabs change, and who counts as an administrator."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from portal.accounts.models import Membership, Organization, Role, User
from tests.portal.accounts.joining_people import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def company() -> Organization:
    return Organization.objects.create(name="青山食品株式会社", country="JP", city="港区")


@pytest.fixture
def boss(company: Organization) -> User:
    return person("boss@example.com", company, Role.ADMINISTRATOR)


def _revision(page: bytes, member: Membership) -> str:
    """The revision in the form of a member's role."""
    form = page.decode().partition(f'action="{reverse("member-role", args=[member.pk])}"')[2]
    found = re.search(r'name="revision" value="([^"]+)"', form.partition("</form>")[0])
    assert found
    return found[1]


@pytest.mark.database
@pytest.mark.req("C-2")
def test_the_second_of_two_tabs_is_told_of_the_role_that_the_first_one_gave(
    company: Organization, boss: User
) -> None:
    browser, taro = signed_in(boss), person("taro@example.com", company).memberships.get()
    hanako = person("hanako@example.com", company).memberships.get()
    place = reverse("member-role", args=[taro.pk])
    opened = browser.get(reverse("organizations")).content
    first = second = _revision(opened, taro)
    assert browser.post(place, {"role": "installer", "revision": first}).status_code == 302
    told = browser.post(place, {"role": "administrator", "revision": second})
    assert told.status_code == 409
    page = told.content.decode()
    assert "Role was changed from “User” to “Installer” after you had opened this page" in page
    taro.refresh_from_db()
    assert taro.role == Role.INSTALLER
    kept = page.partition(f'action="{place}"')[2].partition("</form>")[0]
    assert 'value="administrator" selected' in kept, "what was entered is kept"
    again = {"role": "administrator", "revision": _revision(told.content, taro)}
    assert browser.post(place, again).status_code == 302
    taro.refresh_from_db()
    assert taro.role == Role.ADMINISTRATOR
    place = reverse("member-role", args=[hanako.pk])
    other = {"role": "billing", "revision": _revision(opened, hanako)}
    assert browser.post(place, other).status_code == 302, "the role of another member"


@pytest.mark.req("E-15")
def test_a_deactivated_administrator_is_no_second_one(company: Organization, boss: User) -> None:
    second = person("second@example.com", company, Role.ADMINISTRATOR)
    browser = signed_in(boss)
    hint = "only one administrator"

    assert hint not in browser.get(reverse("organizations")).content.decode()
    User.objects.filter(pk=second.pk).update(is_active=False)
    assert hint in browser.get(reverse("organizations")).content.decode()
