"""Every mailed link has the moment printed until which it can be used."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import address_change, membership
from portal.accounts.models import Invitation, Organization, Role, User
from portal.notifications.rendering import rendered
from tests.portal.accounts.joining_people import last_mail, person

if TYPE_CHECKING:
    from portal.notifications.models import Mail

pytestmark = [pytest.mark.django_db, pytest.mark.req("K-4")]
ZONES = {"en": "UTC", "ja": "Asia/Tokyo"}


@pytest.fixture
def boss() -> User:
    company = Organization.objects.create(name="Aoyama Foods", country="JP")
    return person("boss@example.com", company, Role.ADMINISTRATOR)


def says_until_when(mail: Mail, language: str) -> None:
    """Both parts of the mail print when its link expires, with the time zone."""
    message = rendered(mail)
    ((page, _kind),) = message.alternatives
    zone = ZONES[language]
    end = mail.expires_at.astimezone(ZoneInfo(zone))
    until = str(mail.context.get("until", f"{end:%Y-%m-%d %H:%M} ({zone})"))
    printed = datetime.strptime(until, f"%Y-%m-%d %H:%M ({zone})").replace(tzinfo=end.tzinfo)
    assert timedelta(minutes=-2) < printed - end <= timedelta(0)
    assert until in str(message.body)
    assert until in str(page)


@pytest.mark.parametrize("language", ZONES)
def test_an_invitation(boss: User, language: str) -> None:
    names = {"family_name": "鈴木", "given_name": "次郎"}
    said = {"email": "jiro@example.com", "role": Role.USER, "language": language, **names}
    made = membership.invite(boss, Organization.objects.get(), said)
    mail = last_mail("invitation")
    says_until_when(mail, language)
    assert abs(mail.expires_at - made.expires_at) < timedelta(seconds=30)
    Invitation.objects.update(expires_at=made.sent_at)
    link = str(mail.context["url"]).removeprefix("http://127.0.0.1:8000")
    assert Client().get(link).status_code == 410


@pytest.mark.parametrize("language", ZONES)
def test_another_address_for_notices(boss: User, language: str) -> None:
    boss.language = language
    address_change.mail_link(boss, "office@example.com")
    mail = last_mail("notification_address")
    says_until_when(mail, language)
    assert mail.expires_at - mail.created_at == timedelta(hours=24)


@pytest.mark.parametrize("language", ZONES)
def test_a_new_password(boss: User, language: str) -> None:
    User.objects.update(language=language)
    Client().post(reverse("account_reset_password"), {"email": boss.email})
    says_until_when(last_mail("password_reset"), language)
