"""Signing up by the pages, as a person does who reads the mail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.test import Client
from django.urls import reverse

from portal.accounts import documents
from portal.accounts.models import Membership, Organization, Role, User
from portal.notifications.models import Mail

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as HttpResponse

PASSWORD = "Kettle-orbit-paper-9"


def last_mail(name: str) -> Mail:
    """The last mail of a family that was written."""
    found = Mail.objects.filter(name=name).order_by("-pk").first()
    assert found is not None, name
    return found


def accepts(browser: Client, region: str = "JP") -> None:
    """Accept every document of a country."""
    fields = {f"document-{one.pk}": "on" for one in documents.current_documents(region)}
    answer = browser.post(reverse("sign-up"), {"region": region, **fields})
    assert (answer.status_code, answer["Location"]) == (302, reverse("sign-up-account"))


def enters(browser: Client, email: str, *, language: str = "ja", **other: str) -> HttpResponse:
    """Send the form with the address and the password."""
    form = {"email": email, "password1": PASSWORD, "password2": PASSWORD, "language": language}
    return browser.post(reverse("sign-up-account"), {**form, **other})


def confirms(browser: Client, code: str | None = None) -> HttpResponse:
    """Enter a code; that of the last mail where none is given."""
    code = last_mail("sign_up_code").context["code"] if code is None else code
    return browser.post(reverse("sign-up-code"), {"code": code, "action": "verify"})


def signs_up(email: str, *, region: str = "JP", browser: Client | None = None) -> Client:
    """A browser in which a new person is signed in, before the names."""
    browser = browser or Client()
    accepts(browser, region)
    assert enters(browser, email).status_code == 302
    assert confirms(browser).status_code == 302
    return browser


ORGANIZATION: dict[str, Any] = {
    "name": "青山食品株式会社",
    "department": "総務部",
    "country": "JP",
    "postal_code": "107-0062",
    "prefecture": "東京都",
    "city": "港区",
    "street": "南青山1-2-3 青山ビル4階",
    "phone": "03-1234-5678",
}
NAMES = {
    "language": "ja",
    "family_name": "青山",
    "given_name": "花子",
    "family_kana": "アオヤマ",
    "given_kana": "ハナコ",
}


def person(email: str, organization: Organization, role: Role = Role.USER) -> User:
    """A member who has accepted every document."""
    user = User.objects.create_user(
        email,
        PASSWORD,
        family_name="佐藤",
        given_name=email.split("@", maxsplit=1)[0],
        language="ja",
    )
    Membership.objects.create(user=user, organization=organization, role=role)
    documents.accept(user, documents.outstanding(user), language="ja")
    return user


def signed_in(user: User) -> Client:
    """A browser in which this person has just signed in with the password."""
    browser = Client()
    browser.force_login(user)
    signed_in_at(browser, time.time())
    return browser


def signed_in_at(browser: Client, at: float) -> None:
    """Let a browser's person have shown the password last at this moment, a Unix time."""
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": at}]
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()
