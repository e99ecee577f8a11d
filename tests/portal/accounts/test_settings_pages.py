"""A person's own details, address for notices and sessions; two tabs overwrite nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.actions import NewUser
from portal.accounts.models import Organization, User
from portal.audit.models import Entry
from portal.authority.models import AgentKey
from portal.fleet.models import Device, DeviceGroup
from portal.notifications.models import Mail

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Page
    from pytest_django.fixtures import Settings

    from tests.portal.web.seed import SeedIds

EMAIL: Final = "hana@example.com"
PASSWORD: Final = "Kettle-orbit-paper-9"
pytestmark = pytest.mark.django_db
DETAILS: Final = {
    "family_name": "山田",
    "given_name": "花",
    "family_kana": "ヤマダ",
    "given_kana": "ハナ",
    "language": "ja",
    "region": "JP",
    "time_zone": "Asia/Tokyo",
}


@pytest.fixture
def person() -> User:
    Organization.objects.create(name="Aoyama Foods")
    return actions.add_user(
        NewUser(email=EMAIL, organization="Aoyama Foods", password=PASSWORD, consent_given=True)
    )


@pytest.fixture
def hana(person: User) -> Client:
    return signed_in()


def signed_in() -> Client:
    hana = Client()
    said = {"login": EMAIL, "password": PASSWORD}
    assert hana.post(reverse("account_login"), said).status_code == 302
    return hana


def revision(page: bytes) -> str:
    found = re.search(rb'name="revision" value="([^"]+)"', page)
    assert found
    return found[1].decode()


@pytest.mark.req("C-12")
def test_a_person_edits_their_details_and_reads_the_others(hana: Client, person: User) -> None:
    person.user_name = "hana.y"
    person.save()
    page = hana.get(reverse("settings")).content
    assert b"hana.y" in page
    assert b'name="user_name"' not in page
    assert hana.post(reverse("settings"), DETAILS).status_code == 302
    person.refresh_from_db()
    assert {name: getattr(person, name) for name in DETAILS} == DETAILS
    assert hana.get(reverse("settings")).headers["Content-Language"] == "ja"


@pytest.mark.req("C-12")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"family_name": ""}, "This field is required"),
        ({"given_name": ""}, "This field is required"),
        ({"language": "fr"}, "Select a valid choice"),
        ({"region": ""}, "This field is required"),
        ({"time_zone": ""}, "This field is required"),
        ({"time_zone": "JST"}, "is not the name of a time zone"),
        ({"family_kana": "yamada"}, "full-width katakana"),
        ({"family_name": "x" * 61}, "at most 60 characters"),
    ],
)
def test_details_that_cannot_be_stored_are_refused(
    hana: Client, person: User, change: dict[str, str], says: str
) -> None:
    assert says in hana.post(reverse("settings"), DETAILS | change).content.decode()
    person.refresh_from_db()
    assert person.family_name == ""


@pytest.mark.req("C-2")
def test_the_second_of_two_tabs_is_told_what_the_first_one_changed(hana: Client) -> None:
    place = reverse("settings")
    first, second = (revision(hana.get(place).content) for _ in range(2))
    assert hana.post(place, DETAILS | {"revision": first}).status_code == 302
    late = DETAILS | {"family_name": "Sato", "revision": second, "language": "en"}
    told = hana.post(place, late)
    assert told.status_code == 200
    page = told.content.decode()
    assert "「山田」に変更されました" in page
    assert "「日本語」" in page
    assert 'value="Sato"' in page, "what was entered is kept"
    assert User.objects.get().family_name == "山田"
    again = hana.post(place, late | {"revision": revision(told.content)})
    assert again.status_code == 302
    assert User.objects.get().family_name == "Sato"


@pytest.mark.req("C-2")
def test_two_people_edit_no_device_and_no_group_over_each_other(
    seeded: SeedIds, owner: Client, member: Client
) -> None:
    place = reverse("device-edit", args=[seeded.meter])
    opened = [revision(one.get(place).content) for one in (owner, member)]
    said = {"name": "Roof", "location": "", "group": "", "kind": ""}
    assert owner.post(place, said | {"revision": opened[0]}).status_code == 302
    told = member.post(place, said | {"name": "Cellar", "revision": opened[1]})
    assert "“Roof” after you had opened this page" in told.content.decode()
    assert Device.objects.get(pk=seeded.meter).given_name == "Roof"
    group = DeviceGroup.objects.create(
        organization=Organization.objects.get(name="Aoyama Foods"), name="3F"
    )
    place = reverse("group", args=[group.pk])
    opened = [revision(one.get(place).content) for one in (owner, member)]
    assert owner.post(place, {"name": "4F", "revision": opened[0]}).status_code == 302
    told = member.post(place, {"name": "5F", "revision": opened[1]})
    assert "“4F” after you had opened this page" in told.content.decode()
    group.refresh_from_db()
    assert group.name == "4F"


def test_a_forged_revision_says_nothing_of_its_own(hana: Client) -> None:
    said = DETAILS | {"revision": "<script>alert(1)</script>"}
    assert hana.post(reverse("settings"), said).status_code == 302


def ask(hana: Client, address: str = "office@example.com", **change: str) -> Page:
    said = {"address": address, "again": address, "password": PASSWORD} | change
    return hana.post(reverse("notification-address"), said)


@pytest.mark.req("C-13")
def test_the_mailed_link_completes_the_change_when_it_is_confirmed_once(
    hana: Client, person: User
) -> None:
    assert ask(hana, again="other@example.com").status_code == 200
    assert ask(hana, password="wrong").status_code == 200
    assert not Mail.objects.exists()
    assert ask(hana).status_code == 302
    mail = Mail.objects.get()
    assert (mail.recipient, mail.name) == ("office@example.com", "notification_address")
    link = str(mail.context["url"]).removeprefix("http://127.0.0.1:8000")
    other = Client()
    for _ in range(2):  # a mail scanner, the person
        assert b"office@example.com" in other.get(link).content
    assert User.objects.get().notification_email_confirmed_at is None
    assert other.post(link).status_code == 200
    person.refresh_from_db()
    assert person.notification_email == "office@example.com"
    assert person.notification_email_confirmed_at is not None
    assert Mail.objects.latest("pk").recipient == EMAIL, "the address of before is told"
    assert other.post(link).status_code == other.get(link).status_code == 410
    assert b"office@example.com" in hana.get(reverse("settings")).content


@pytest.mark.req("C-13")
def test_a_link_of_another_wish_or_of_yesterday_changes_nothing(
    hana: Client, person: User, settings: Settings
) -> None:
    ask(hana)
    link = str(Mail.objects.get().context["url"]).removeprefix("http://127.0.0.1:8000")
    assert (
        Client().post(link.replace("/notification-address/", "/notification-address/x")).status_code
        == 410
    )
    settings.NOTIFICATION_ADDRESS_LIFE = timedelta(seconds=-1)
    assert Client().post(link).status_code == 410
    settings.NOTIFICATION_ADDRESS_LIFE = timedelta(hours=24)
    person.set_password("Other-kettle-8")
    person.save()
    assert Client().post(link).status_code == 410, "the password was changed since"


def test_a_person_sees_their_sessions_and_ends_them(hana: Client, person: User) -> None:
    other, third = signed_in(), signed_in()
    page = hana.get(reverse("usersessions_list")).content.decode()
    ends = re.findall(r'action="(/settings/sessions/\d+/end/)"', page)
    assert len(ends) == 2
    assert hana.post(ends[0]).status_code == 302
    assert other.get(reverse("overview")).status_code == 302
    assert third.get(reverse("overview")).status_code == 200
    assert hana.post(reverse("usersessions_list")).status_code == 302
    assert third.get(reverse("overview")).status_code == 302
    assert hana.get(reverse("overview")).status_code == 200


def test_no_one_ends_anothers_session(hana: Client, person: User, stranger: Client) -> None:
    said = {"login": "stranger@example.com", "password": PASSWORD}
    theirs = Client()
    theirs.post(reverse("account_login"), said)
    page = theirs.get(reverse("usersessions_list"))
    assert page.status_code == 200
    from allauth.usersessions.models import UserSession

    pk = UserSession.objects.get(user__email="stranger@example.com").pk
    assert hana.post(reverse("session-end", args=[pk])).status_code == 404
    assert theirs.get(reverse("overview")).status_code == 200


def test_a_poll_writes_nothing_about_the_session(hana: Client, person: User) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        hana.get(reverse("overview-live"), headers={"X-Poll": "1"})
    assert not [one for one in queries if not one["sql"].startswith("SELECT")]


@pytest.mark.req("K-2")
def test_an_administrator_lets_passwords_expire_and_no_other_member_does(
    seeded: SeedIds, owner: Client, member: Client, stranger: Client
) -> None:
    place = reverse("password-expiry")
    ours = Organization.objects.get(name="Aoyama Foods")
    for other in (member, stranger):
        other.post(place, {f"{ours.pk}-expires": "on"})
    assert not Organization.objects.filter(password_expires=True).exists()
    assert owner.post(place, {f"{ours.pk}-expires": "on"}).status_code == 302
    assert list(Organization.objects.filter(password_expires=True)) == [ours]
    assert Entry.objects.filter(action="audit.password_expiry", chain=ours.pk).count() == 1
    assert owner.post(place, {}).status_code == 302
    assert not Organization.objects.filter(password_expires=True).exists()


def test_a_key_is_issued_by_who_has_just_shown_who_they_are(
    seeded: SeedIds, stranger: Client
) -> None:
    said = {"organization": "2", "site": "Plant", "time_zone": "Asia/Tokyo", "uses": 1, "days": 7}
    said["organization"] = str(Organization.objects.get(name="Another Company").pk)
    asked = stranger.post(reverse("keys"), said)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not AgentKey.objects.filter(site__name="Plant").exists()
