"""Signing up and creating an organization, field by field: what is asked, refused and repeated."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import documents
from portal.accounts.models import DocumentKind, Organization, User
from portal.notifications.models import Mail
from tests.portal.accounts.joining_people import (
    NAMES,
    ORGANIZATION,
    accepts,
    confirms,
    enters,
    last_mail,
    signs_up,
)

pytestmark = pytest.mark.django_db
EMAIL = "hanako@example.com"
JAPANESE_FIELDS = ("name", "postal_code", "prefecture", "city", "street", "phone")


@pytest.mark.req("E-3", "K-5")
def test_a_countrys_own_version_of_a_document_is_shown_there_and_nowhere_else() -> None:
    documents.publish(
        DocumentKind.PRIVACY, region="DE", english="Only in Germany.", japanese="ドイツのみ。"
    )
    for region, shown in (("DE", True), ("JP", False), ("US", False)):
        page = Client().get(reverse("sign-up"), {"region": region}).content.decode()
        assert ("Only in Germany." in page) == shown, region


@pytest.mark.database
@pytest.mark.req("E-3", "K-5")
def test_a_countrys_new_version_is_asked_of_its_people_and_of_no_others() -> None:
    people = {
        region: User.objects.create_user(f"{region}@example.com", region=region)
        for region in ("DE", "JP", "US")
    }
    for user in people.values():
        documents.accept(user, documents.outstanding(user), language="en")
    made = documents.publish(DocumentKind.TERMS, region="DE", english="Neu.", japanese="新。")
    assert {region: documents.outstanding(user) for region, user in people.items()} == {
        "DE": [made],
        "JP": [],
        "US": [],
    }


@pytest.mark.req("E-4")
@pytest.mark.parametrize("name", ["email", "password1", "password2", "language"])
def test_every_field_of_the_first_step_is_required(name: str) -> None:
    browser = Client()
    accepts(browser)
    blank = {} if name == "email" else {name: ""}
    answer = enters(browser, EMAIL if blank else "", **blank)
    assert answer.status_code == 200
    assert name in answer.context["form"].errors
    assert not Mail.objects.exists()
    assert browser.get(reverse("sign-up-code")).status_code == 410


@pytest.mark.req("E-4")
def test_an_address_that_cannot_receive_mail_is_refused() -> None:
    browser = Client()
    accepts(browser)
    for email in ("hanako", "hanako@", "@example.com", "a b@example.com"):
        assert "email" in enters(browser, email).context["form"].errors, email
    assert not Mail.objects.exists()


@pytest.mark.req("E-7")
def test_the_page_of_the_code_leads_back_to_correct_the_address() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, "hanaka@example.com", language="en")
    page = browser.get(reverse("sign-up-code")).content.decode()
    assert re.search(rf'href="{reverse("sign-up-account")}">Back<', page)
    assert browser.get(reverse("sign-up-account")).status_code == 200
    enters(browser, EMAIL, language="en")
    assert last_mail("sign_up_code").recipient == EMAIL
    assert confirms(browser).status_code == 302
    assert [user.email for user in User.objects.all()] == [EMAIL]


@pytest.mark.req("E-7")
def test_the_page_of_the_code_says_what_to_do_when_no_mail_has_arrived() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, EMAIL, language="en")
    page = browser.get(reverse("sign-up-code")).content.decode()
    folded = page.partition("<summary>No mail has arrived</summary>")[2].partition("</details>")[0]
    assert "junk mail" in folded
    assert "Check the address above." in folded
    assert 'name="action" value="resend"' in folded
    assert browser.post(reverse("sign-up-code"), {"action": "resend"}).status_code == 302
    assert Mail.objects.filter(name="sign_up_code", recipient=EMAIL).count() == 2


def named(region: str) -> Client:
    """A browser of a person who has signed up and is asked for an organization."""
    browser = signs_up(EMAIL, region=region)
    answer = browser.post(reverse("welcome"), {**NAMES, "language": "en"})
    assert answer["Location"] == reverse("start")
    return browser


@pytest.mark.req("E-11", "K-6")
@pytest.mark.parametrize(
    ("country", "name"),
    [
        *(("JP", name) for name in JAPANESE_FIELDS),
        *(("US", name) for name in ("name", "city", "street", "phone")),
    ],
)
def test_an_organization_without_a_required_item_is_refused(country: str, name: str) -> None:
    browser, place = named(country), reverse("organization-create")
    assert "Fill in all required items." in browser.get(place).content.decode()
    for step in ("check", "confirmed"):
        lacking = {**ORGANIZATION, "country": country, name: "", "step": step}
        answer = browser.post(place, lacking)
        assert answer.status_code == 200
        assert set(answer.context["form"].errors) == {name}
        assert not answer.context["confirm"]
    assert not Organization.objects.exists()


@pytest.mark.req("E-12", "E-13")
def test_every_value_is_repeated_with_advice_before_anything_is_created() -> None:
    browser, place = named("JP"), reverse("organization-create")
    page = browser.post(place, {**ORGANIZATION, "step": "check"}).content.decode()
    said = re.findall(r"<dd>([^<]*)</dd>", page)
    assert sorted(said) == sorted({**ORGANIZATION, "country": "Japan"}.values())
    assert "One company is one organization." in page
    assert "your company has not been registered already" in page
    assert "cannot be changed afterwards" in page
    assert re.search(r'name="step" value="confirmed">OK<', page)
    assert re.search(r'name="step" value="back">Cancel<', page)
    back = browser.post(place, {**ORGANIZATION, "step": "back"}).content.decode()
    for value in ("青山食品株式会社", "総務部", "107-0062", "03-1234-5678"):
        assert f'value="{value}"' in back, "what was entered is kept"
    assert not Organization.objects.exists()
    assert browser.post(place, {**ORGANIZATION, "step": "confirmed"}).status_code == 302
    assert Organization.objects.count() == 1
