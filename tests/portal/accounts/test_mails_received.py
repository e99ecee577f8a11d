"""The mails about an account as a real SMTP server receives them, and the links in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts import actions
from portal.accounts.actions import NewUser
from portal.accounts.models import Organization
from portal.notifications.delivery import deliver_due
from tests.portal.notifications.conftest import peer as peer

if TYPE_CHECKING:
    from tests.mail_server import MailPeer

EMAIL: Final = "hana@example.com"
PASSWORD: Final = "Kettle-orbit-paper-9"
NEW: Final = "Window-lamp-river-7"
pytestmark = pytest.mark.django_db(transaction=True)
_LINK: Final = re.compile(r"http://127\.0\.0\.1:8000(/\S+?)(?=[\s\"<])")


@pytest.mark.req("P-16")
@pytest.mark.parametrize(
    ("language", "subject", "once"),
    [
        ("en", "Kanmon: set a new password", "can be used once"),
        ("ja", "【Kanmon】パスワードの再設定", "1回だけ使用できます"),
    ],
)
def test_the_link_of_a_received_mail_sets_the_password(
    peer: MailPeer, language: str, subject: str, once: str
) -> None:
    Organization.objects.create(name="Aoyama Foods")
    actions.add_user(
        NewUser(
            email=EMAIL,
            organization="Aoyama Foods",
            password=PASSWORD,
            consent_given=True,
            language=language,
        )
    )
    Client().post(reverse("account_reset_password"), {"email": EMAIL})
    assert deliver_due().sent == 1
    (received,) = peer.received
    assert received.recipient == EMAIL
    assert received.message["Subject"] == subject
    for kind in ("plain", "html"):
        assert once in received.text(kind)
        assert EMAIL in received.text(kind)
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", received.text(kind)), "until when"
    links = {
        next(link for link in _LINK.findall(received.text(kind)) if "/password/new/" in link)
        for kind in ("plain", "html")
    }
    (link,) = links
    client = Client()
    form = client.get(link).headers["Location"]
    done = client.post(form, {"password1": NEW, "password2": NEW})
    assert done.status_code == 302
    said = {"login": EMAIL, "password": NEW}
    assert client.post(reverse("account_login"), said).status_code == 302
    assert deliver_due().sent == 1
    notice = peer.received[-1].text("plain")
    assert {"en": "was reset by a mailed link", "ja": "パスワードが再設定されました"}[
        language
    ] in notice
