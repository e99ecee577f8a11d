from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts import documents, sign_up, tries
from portal.accounts.models import (
    ConsentRecord,
    DocumentKind,
    Membership,
    Organization,
    Role,
    SignInTry,
    User,
)
from portal.audit.models import Entry
from portal.notifications.models import Mail
from tests.portal.accounts.joining_people import (
    NAMES,
    ORGANIZATION,
    PASSWORD,
    accepts,
    confirms,
    enters,
    last_mail,
    person,
    signs_up,
)

pytestmark = pytest.mark.django_db
EMAIL = "hanako@example.com"


@pytest.mark.req("E-2", "E-3", "K-5")
def test_the_documents_come_first_three_in_japan_and_two_elsewhere() -> None:
    browser = Client()
    landing = browser.get(reverse("account_login")).content.decode()
    assert reverse("sign-up") in landing
    assert 'value="ja"' in landing
    for region, kinds in (("JP", 3), ("DE", 2)):
        page = browser.get(reverse("sign-up"), {"region": region}).content.decode()
        assert page.count('type="checkbox"') == kinds
    for later in ("sign-up-account", "sign-up-code"):
        answer = browser.get(reverse(later))
        assert answer.status_code in {302, 410}, later
    asked = documents.current_documents("JP")
    two = {f"document-{one.pk}": "on" for one in asked[:2]}
    assert browser.post(reverse("sign-up"), {"region": "JP", **two}).status_code == 200
    assert browser.get(reverse("sign-up-account")).status_code == 302
    accepts(browser)
    assert browser.get(reverse("sign-up-account")).status_code == 200


@pytest.mark.database
@pytest.mark.req("E-4", "E-7", "E-8", "E-9", "E-10", "E-11", "E-12", "E-14", "K-4", "K-6")
def test_a_person_signs_up_and_creates_an_organization() -> None:
    browser = Client()
    accepts(browser)
    page = enters(browser, "Hanako@Example.com")
    assert page["Location"] == reverse("sign-up-code")
    mail = last_mail("sign_up_code")
    assert mail.recipient == EMAIL
    assert len(mail.context["code"]) == 6
    assert mail.context["code"].isdecimal()
    assert mail.expires_at - mail.created_at == timedelta(minutes=30)
    assert not User.objects.exists()
    assert confirms(browser).status_code == 302
    user = User.objects.get()
    assert user.email == EMAIL
    assert user.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=user).verified
    assert Mail.objects.filter(name="sign_up_done", recipient=EMAIL).count() == 1
    assert set(user.consents.values_list("document__kind", flat=True)) == set(DocumentKind)

    assert browser.get(reverse("overview"))["Location"] == reverse("welcome")
    refused = browser.post(reverse("welcome"), {**NAMES, "family_kana": "青山"})
    assert "カタカナ" in refused.content.decode()
    answer = browser.post(reverse("welcome"), {**NAMES, "family_kana": "あおやま"})
    assert answer["Location"] == reverse("start")
    user.refresh_from_db()
    assert (user.name, user.family_kana) == ("青山 花子", "アオヤマ")
    assert browser.get(reverse("devices"))["Location"] == reverse("start")

    place = reverse("organization-create")
    asked = browser.post(place, {**ORGANIZATION, "step": "check"}).content.decode()
    for value in ("青山食品株式会社", "総務部", "日本", "南青山1-2-3 青山ビル4階", "03-1234-5678"):
        assert value in asked
    assert not Organization.objects.exists()
    done = browser.post(place, {**ORGANIZATION, "step": "confirmed"})
    assert done["Location"] == reverse("overview")
    organization = Organization.objects.get()
    assert organization.memberships.get().role == Role.ADMINISTRATOR
    assert organization.country == "JP"
    assert last_mail("organization_created").recipient == EMAIL
    assert browser.get(reverse("overview")).status_code == 200
    assert Entry.objects.filter(action="audit.organization_create").count() == 1


@pytest.mark.req("E-11", "K-6")
def test_the_address_form_follows_the_country() -> None:
    browser = signs_up(EMAIL, region="US")
    browser.post(reverse("welcome"), {"language": "en", "family_name": "W", "given_name": "M"})
    place = reverse("organization-create")
    found = [
        browser.post(place, {"country": code, "step": "country"}).content.decode()
        for code in ("JP", "US")
    ]
    orders = [
        [
            name
            for _, name in sorted(
                (page.index(f'name="{name}"'), name) for name in ("city", "street", "postal_code")
            )
        ]
        for page in found
    ]
    assert orders == [["postal_code", "city", "street"], ["street", "city", "postal_code"]]
    american = {**ORGANIZATION, "country": "US", "postal_code": "", "prefecture": ""}
    assert "step" in browser.post(place, {**american, "step": "check"}).content.decode()
    assert Organization.objects.count() == 0
    browser.post(place, {**american, "step": "confirmed"})
    assert Organization.objects.get().country == "US"


@pytest.mark.req("E-6")
def test_an_address_that_has_an_account_learns_so_by_mail_and_the_page_is_the_same() -> None:
    person(EMAIL, Organization.objects.create(name="O"))
    pages = []
    for email in (EMAIL, "stranger@example.com"):
        browser = Client()
        accepts(browser)
        sent = enters(browser, email)
        page = browser.get(reverse("sign-up-code"))
        words = page.content.decode().replace(email, "ADDRESS")
        token = words.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        wrong = confirms(browser, "000000").content.decode()
        assert "正しくありません" in wrong or "incorrect" in wrong
        pages.append((sent.status_code, sent["Location"], page.status_code, words.split(token)[0]))
        ended = [confirms(browser, "000000").status_code for _ in range(2)]
        assert ended == [200, 403]
    assert pages[0] == pages[1]
    known = Mail.objects.get(recipient=EMAIL)
    assert known.name == "sign_up_known"
    assert known.context["code"] == ""
    assert Mail.objects.get(recipient="stranger@example.com").name == "sign_up_code"


@pytest.mark.req("E-6")
def test_both_ways_do_the_same_work_and_hash_one_password() -> None:
    person(EMAIL, Organization.objects.create(name="O"))
    for email in (EMAIL, "stranger@example.com"):
        browser = Client()
        accepts(browser)
        with mock.patch.object(sign_up, "make_password", wraps=make_password) as hashed:
            enters(browser, email)
        assert hashed.call_count == 1
        assert Mail.objects.filter(recipient=email).count() == 1


@pytest.mark.req("E-7")
def test_three_wrong_codes_end_the_sign_up_and_the_page_offers_another() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, EMAIL)
    code = last_mail("sign_up_code").context["code"]
    wrong = "111111" if code != "111111" else "222222"
    assert [confirms(browser, wrong).status_code for _ in range(2)] == [200, 200]
    ended = confirms(browser, wrong)
    assert ended.status_code == 403
    assert reverse("sign-up-account") in ended.content.decode()
    assert confirms(browser, code).status_code == 410
    assert not User.objects.exists()
    assert enters(browser, EMAIL).status_code == 302
    assert confirms(browser).status_code == 302


@pytest.mark.req("E-7")
def test_a_code_is_valid_for_thirty_minutes() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, EMAIL)
    later = timezone.now().timestamp() + 30 * 60
    for moment, status in ((later - 5, 200), (later + 5, 410)):
        with mock.patch("allauth.account.internal.flows.code_verification.time.time") as now:
            now.return_value = moment
            assert browser.get(reverse("sign-up-code")).status_code == status
    assert settings.ACCOUNT_LOGIN_TIMEOUT >= 30 * 60


def test_a_code_in_full_width_digits_is_the_code() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, EMAIL)
    code = last_mail("sign_up_code").context["code"]
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in code)
    assert confirms(browser, wide).status_code == 302


def test_a_new_code_replaces_the_one_before_it_and_keeps_the_count() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, EMAIL)
    first = last_mail("sign_up_code").context["code"]
    confirms(browser, "x")
    assert browser.post(reverse("sign-up-code"), {"action": "resend"}).status_code == 302
    second = last_mail("sign_up_code").context["code"]
    if first != second:
        assert confirms(browser, first).status_code == 200
    assert confirms(browser, second).status_code == 302


@pytest.mark.database
def test_whoever_proves_the_address_first_gets_the_account() -> None:
    """An abandoned or hostile sign-up neither blocks an address nor survives the owner's."""
    attacker, owner = Client(), Client()
    accepts(attacker)
    enters(attacker, EMAIL)
    stolen = last_mail("sign_up_code").context["code"]
    SignInTry.objects.all().delete()
    accepts(owner)
    enters(owner, EMAIL)
    code = last_mail("sign_up_code").context["code"]
    assert confirms(owner, code).status_code == 302
    late = confirms(attacker, stolen)
    assert late.status_code == 403
    assert "_auth_user_id" not in attacker.session
    assert User.objects.count() == 1


def test_a_code_of_one_browser_is_nothing_in_another() -> None:
    first, second = Client(), Client()
    for browser in (first, second):
        accepts(browser)
        SignInTry.objects.all().delete()
    enters(first, EMAIL)
    code = last_mail("sign_up_code").context["code"]
    enters(second, "other@example.com")
    other = last_mail("sign_up_code").context["code"]
    if code != other:
        assert confirms(second, code).status_code == 200


def test_a_code_is_spent_once() -> None:
    browser = signs_up(EMAIL)
    code = last_mail("sign_up_code").context["code"]
    browser.post(reverse("account_logout"))
    assert confirms(browser, code).status_code == 410
    assert User.objects.count() == 1


def test_codes_tried_at_the_same_moment_are_counted_together() -> None:
    browser = Client()
    accepts(browser)
    enters(browser, EMAIL)
    code = last_mail("sign_up_code").context["code"]
    stale = dict(browser.session.items())
    for _ in range(3):
        confirms(browser, "x")
        session = browser.session
        session.update(stale)  # what a request at the same moment reads
        session.save()
    assert confirms(browser, code).status_code == 200
    assert not User.objects.exists()


def test_one_address_gets_three_mails_in_five_minutes() -> None:
    browser = Client()
    accepts(browser)
    sent = [enters(browser, EMAIL).status_code for _ in range(5)]
    assert sent == [302, 302, 302, 429, 429]
    assert Mail.objects.count() == tries.SIGN_UPS.most


@pytest.mark.req("E-5", "K-1")
@pytest.mark.parametrize(
    "password", ["short1A", "alllowercase1", "ALLUPPERCASE1", "NoDigitsHere", "Password123"]
)
def test_a_weak_password_is_refused_with_the_policy_beside_it(password: str) -> None:
    browser = Client()
    accepts(browser)
    page = enters(browser, EMAIL, password1=password, password2=password, language="en")
    assert page.status_code == 200
    assert not Mail.objects.exists()


def test_two_different_passwords_are_refused() -> None:
    browser = Client()
    accepts(browser)
    assert enters(browser, EMAIL, password2="Other-orbit-paper-9").status_code == 200
    assert not Mail.objects.exists()


@pytest.mark.database
@pytest.mark.req("E-3", "K-5")
def test_a_new_version_is_asked_for_at_the_next_sign_in() -> None:
    user = person(EMAIL, Organization.objects.create(name="O"), Role.ADMINISTRATOR)
    documents.publish(DocumentKind.TERMS, region="", english="New.", japanese="新しい規約。")
    browser = Client()
    form = {"login": EMAIL, "password": PASSWORD}
    browser.post(reverse("account_login"), form)
    for name in ("overview", "devices", "organizations"):
        assert browser.get(reverse(name))["Location"] == reverse("consent")
    page = browser.get(reverse("consent")).content.decode()
    assert "新しい規約" in page or "New." in page
    assert browser.post(reverse("consent"), {}).status_code == 200
    asked = documents.outstanding(user)
    assert [one.version for one in asked] == [2]
    answer = browser.post(reverse("consent"), {f"document-{asked[0].pk}": "on"})
    assert answer["Location"] == reverse("overview")
    assert browser.get(reverse("overview")).status_code == 200
    assert ConsentRecord.objects.filter(user=user, document=asked[0]).count() == 1


def test_a_document_that_changes_during_the_sign_up_is_shown_again() -> None:
    browser = Client()
    accepts(browser)
    documents.publish(DocumentKind.PRIVACY, region="JP", english="P", japanese="P")
    assert enters(browser, EMAIL)["Location"] == reverse("sign-up")
    assert not Mail.objects.exists()


def test_a_member_signs_in_without_any_step() -> None:
    person(EMAIL, Organization.objects.create(name="O"))
    browser = Client()
    browser.post(reverse("account_login"), {"login": EMAIL, "password": PASSWORD})
    assert browser.get(reverse("overview")).status_code == 200
    assert Membership.objects.count() == 1
