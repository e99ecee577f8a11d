"""A person's own password, details and address: blanks, and what no form changes."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.models import Organization, User
from portal.notifications.models import Mail
from tests.portal.accounts.joining_people import PASSWORD, last_mail, person, signed_in

pytestmark = pytest.mark.django_db
NEW = "Window-lamp-river-7"
DETAILS = {
    "family_name": "山田",
    "given_name": "花",
    "family_kana": "ヤマダ",
    "given_kana": "ハナ",
    "language": "en",
    "region": "JP",
    "time_zone": "Asia/Tokyo",
}


@pytest.fixture
def hana() -> User:
    return person("hana@example.com", Organization.objects.create(name="Aoyama Foods"))


@pytest.mark.req("C-11")
@pytest.mark.parametrize("name", ["oldpassword", "password1", "password2"])
def test_a_new_password_with_a_blank_field_is_refused(hana: User, name: str) -> None:
    said = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, name: ""}
    answer = signed_in(hana).post(reverse("account_change_password"), said)
    assert answer.status_code == 200
    assert "This field is required" in answer.content.decode()
    hana.refresh_from_db()
    assert hana.check_password(PASSWORD)


@pytest.mark.req("C-12")
@pytest.mark.parametrize("name", ["family_name", "given_name", "language", "region", "time_zone"])
def test_details_with_a_blank_required_field_are_refused(hana: User, name: str) -> None:
    answer = signed_in(hana).post(reverse("settings"), DETAILS | {name: ""})
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {name}
    hana.refresh_from_db()
    assert hana.family_name == "佐藤"


@pytest.mark.req("C-12")
def test_user_name_and_addresses_are_shown_and_no_form_of_the_details_changes_them(
    hana: User,
) -> None:
    User.objects.update(user_name="hana.y")
    browser = signed_in(hana)
    page = browser.get(reverse("settings")).content.decode()
    assert "hana.y" in page
    assert "not set: notices go to the email address" in page
    forged = {"user_name": "boss", "email": "x@example.com", "notification_email": "x@example.com"}
    assert browser.post(reverse("settings"), DETAILS | forged).status_code == 302
    hana.refresh_from_db()
    assert (hana.user_name, hana.email) == ("hana.y", "hana@example.com")
    assert hana.notification_email == ""
    assert hana.family_name == "山田"


@pytest.mark.req("C-13")
@pytest.mark.parametrize("name", ["address", "again", "password"])
def test_another_address_with_a_blank_field_is_refused(hana: User, name: str) -> None:
    said = {"address": "o@example.com", "again": "o@example.com", "password": PASSWORD, name: ""}
    answer = signed_in(hana).post(reverse("notification-address"), said)
    assert name in answer.context["form"].errors
    assert not Mail.objects.exists()


@pytest.mark.req("C-6", "C-13", "C-41")
def test_an_address_that_was_never_confirmed_resets_nothing_and_the_operator_does(
    hana: User,
) -> None:
    said = {"address": "office@example.com", "again": "office@example.com", "password": PASSWORD}
    assert signed_in(hana).post(reverse("notification-address"), said).status_code == 302
    assert last_mail("notification_address").recipient == "office@example.com"
    place = reverse("account_reset_password")
    pages = [Client().post(place, {"email": "office@example.com"}, follow=True) for _ in range(2)]
    assert not Mail.objects.filter(name="password_reset").exists()
    assert "ask the operator of this portal for a sign-in link" in pages[0].content.decode()
    hana.refresh_from_db()
    hana.set_unusable_password()
    hana.save()
    browser = Client()
    link = reverse("sign-in-link", args=[actions.make_sign_in_link(hana.email)])
    assert browser.post(link).status_code == 302
    first = reverse("account_set_password")
    assert browser.post(first, {"password1": NEW, "password2": NEW}).status_code == 302
    hana.refresh_from_db()
    assert hana.check_password(NEW)
