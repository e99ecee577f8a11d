"""Mail as a real SMTP server receives it, and what becomes of a row when it is not received."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.utils import timezone

from portal.environment.mail_server import MailServer
from portal.notifications import claims, outbox
from portal.notifications.delivery import deliver_due
from portal.notifications.models import LIFE, Mail, MailState

if TYPE_CHECKING:
    from pytest_django import Settings

    from tests.mail_server import MailPeer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def send(to: str = "hana@example.com", language: str = "en", **rest: Any) -> Mail:
    with transaction.atomic():
        return outbox.send("test", to=to, language=language, context={}, **rest)


def make_due() -> None:
    """Let time pass until every waiting row is due again."""
    Mail.objects.waiting().update(next_attempt_at=timezone.now())


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("en", "Test mail from Kanmon", "This is a test mail."),
        ("ja", "Kanmonからのテストメール", "これはテストメールです。"),
    ],
)
def test_a_mail_arrives_in_its_language_as_text_and_html(
    peer: MailPeer, language: str, subject: str, words: str
) -> None:
    mail = send(language=language)
    done = deliver_due()
    assert (done.sent, done.error) == (1, "")
    (received,) = peer.received
    assert (received.sender, received.recipient) == ("no-reply@example.com", "hana@example.com")
    message = received.message
    assert message["Subject"] == subject
    assert message["From"] == "Kanmon <no-reply@example.com>"
    assert message["Message-ID"] == mail.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert received.content.isascii()
    assert words in received.text("plain")
    assert words in received.text("html")
    assert "http://127.0.0.1:8000/" in received.text("plain")
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.context) == (MailState.SENT, 1, {})


def test_an_act_that_fails_sends_nothing(peer: MailPeer) -> None:
    with transaction.atomic():
        outbox.send("test", to="hana@example.com", language="en", context={})
        transaction.set_rollback(True)
    assert deliver_due().sent == 0
    assert peer.received == []


def test_a_mail_outside_of_an_acts_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        outbox.send("test", to="hana@example.com", language="en", context={})


def test_a_refused_recipient_is_a_hard_bounce_and_the_others_are_sent(peer: MailPeer) -> None:
    peer.replies["gone@example.com"] = "550 5.1.1 No such user"
    gone, there = send("gone@example.com"), send("there@example.com")
    done = deliver_due()
    assert (done.sent, done.refused, done.deferred) == (1, 1, 0)
    gone.refresh_from_db()
    there.refresh_from_db()
    assert (gone.state, gone.error) == (MailState.REFUSED, "550 5.1.1 No such user")
    assert there.state == MailState.SENT
    assert peer.connections == 1


def test_a_recipient_that_is_deferred_is_tried_again_with_the_same_message_id(
    peer: MailPeer,
) -> None:
    peer.replies["hana@example.com"] = "451 4.7.1 Greylisted, try again later"
    mail = send()
    began = timezone.now()
    assert deliver_due().deferred == 1
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (MailState.WAITING, 1)
    assert "Greylisted" in mail.error
    assert mail.next_attempt_at >= began + claims.FIRST_PAUSE
    assert deliver_due().sent == 0  # not due yet
    del peer.replies["hana@example.com"]
    make_due()
    assert deliver_due().sent == 1
    assert peer.received[0].message["Message-ID"] == mail.message_id


def test_a_message_that_is_refused_after_data_is_a_hard_bounce(peer: MailPeer) -> None:
    peer.data_reply = "554 5.6.0 Message refused"
    mail = send()
    assert deliver_due().refused == 1
    mail.refresh_from_db()
    assert mail.state == MailState.REFUSED


def test_a_disconnect_in_the_middle_of_data_ends_the_pass_and_loses_nothing(
    peer: MailPeer,
) -> None:
    peer.cut_in_data = True
    first, second = send("first@example.com"), send("second@example.com")
    done = deliver_due()
    assert (done.sent, done.deferred) == (0, 1)
    assert done.error
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.attempts) == (MailState.WAITING, 1)
    assert second.attempts == 0  # not tried at a server that is not there
    peer.cut_in_data = False
    make_due()
    assert deliver_due().sent == 2


def test_no_server_at_the_address_defers_the_first_mail_only(settings: Settings) -> None:
    settings.MAIL_SERVER = MailServer(host="127.0.0.1", port=1)
    first, second = send(), send()
    done = deliver_due()
    assert (done.deferred, done.sent) == (1, 0)
    assert "refused" in done.error
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.attempts, second.attempts) == (1, 0)


def test_without_a_mail_server_mails_wait(settings: Settings) -> None:
    settings.MAIL_SERVER = None
    mail = send()
    assert deliver_due().sent == 0
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (MailState.WAITING, 0)


def test_a_mail_that_cannot_be_sent_in_its_life_is_given_up(peer: MailPeer) -> None:
    mail = send(life=timedelta(0))
    assert deliver_due().expired == 1
    mail.refresh_from_db()
    assert (mail.state, mail.context) == (MailState.EXPIRED, {})
    assert peer.received == []


def test_pauses_double_up_to_an_hour_and_a_mail_is_tried_often_in_its_life() -> None:
    pauses = [claims.pause_after(number) for number in range(1, 60)]
    for number, pause in enumerate(pauses):
        least = min(claims.FIRST_PAUSE * 2 ** min(number, 20), claims.LONGEST_PAUSE)
        assert least <= pause <= least * 1.2
    assert sum(pauses, timedelta()) > LIFE  # so that no mail has more attempts than these
