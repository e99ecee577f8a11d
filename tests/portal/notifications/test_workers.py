"""Several workers at one outbox, and what a late one may still write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction
from django.utils import timezone

from portal.notifications import claims, outbox
from portal.notifications.delivery import deliver_due
from portal.notifications.models import Mail, MailState

if TYPE_CHECKING:
    from tests.mail_server import MailPeer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def write(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            outbox.send("test", to=f"user-{number}@example.com", language="en", context={})


def test_workers_at_once_send_each_mail_once(peer: MailPeer) -> None:
    write(40)

    def work(_: int) -> int:
        try:
            return deliver_due().sent
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(work, range(4)))
    assert sum(sent) == 40
    assert len({one.recipient for one in peer.received}) == len(peer.received) == 40
    assert set(Mail.objects.values_list("state", "attempts")) == {(MailState.SENT, 1)}


def test_a_row_that_is_taken_is_due_again_when_its_lease_ends() -> None:
    write(1)
    now = timezone.now()
    assert claims.claim(now) is not None
    assert claims.claim(now) is None
    assert claims.claim(now + claims.LEASE - timedelta(seconds=1)) is None
    again = claims.claim(now + claims.LEASE)
    assert again is not None
    assert again.attempts == 2


def test_the_longest_due_is_taken_first_and_one_that_failed_goes_to_the_end() -> None:
    write(3)
    first = claims.claim(timezone.now())
    assert first is not None
    claims.postpone(first, "451 later")
    later = timezone.now() + claims.LONGEST_PAUSE
    rest = [claims.claim(later) for _ in range(3)]
    assert [one.pk for one in rest if one] == [first.pk + 1, first.pk + 2, first.pk]


def test_a_late_failure_changes_nothing_that_another_worker_has_done() -> None:
    write(1)
    now = timezone.now()
    late = claims.claim(now)
    other = claims.claim(now + claims.LEASE)
    assert late is not None
    assert other is not None
    claims.postpone(late, "timed out")
    assert Mail.objects.get().next_attempt_at == other.next_attempt_at
    assert claims.settle(other, MailState.SENT)
    assert not claims.settle(late, MailState.REFUSED, "550 no")
    assert Mail.objects.get().state == MailState.SENT


def test_a_mail_that_failed_is_given_up_at_the_end_of_its_life_and_no_later() -> None:
    write(1)
    Mail.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    mail = claims.claim(timezone.now())
    assert mail is not None
    claims.postpone(mail, "451 later")
    mail.refresh_from_db()
    assert mail.next_attempt_at == mail.expires_at
    assert claims.expire(mail.expires_at) == 1


def test_a_mail_that_is_being_sent_is_not_given_up() -> None:
    write(1)
    now = timezone.now()
    mail = claims.claim(now)
    assert mail is not None
    Mail.objects.update(expires_at=now)
    assert claims.expire(now + timedelta(seconds=1)) == 0
    assert claims.expire(now + claims.LEASE) == 1
