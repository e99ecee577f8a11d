"""Mails that were not delivered, as an administrator and Prometheus see them, and their end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import Organization
from portal.notifications import background, outbox, tasks
from portal.notifications.counts import outbox_counts
from portal.notifications.delivery import deliver_due
from portal.notifications.models import KEPT, Mail, MailState
from portal.notifications.worker import run_once

if TYPE_CHECKING:
    from django.test import Client

    from tests.mail_server import MailPeer
    from tests.portal.web.seed import SeedIds

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "739799-is-a-code"


def send(to: str, **rest: Any) -> Mail:
    with transaction.atomic():
        return outbox.send("test", to=to, language="en", context={"code": SECRET}, **rest)


@pytest.mark.database
def test_an_administrator_sees_what_was_refused_and_others_do_not(
    peer: MailPeer, seeded: SeedIds, owner: Client, member: Client, stranger: Client
) -> None:
    own = Organization.objects.get(name="Aoyama Foods").pk
    peer.replies["gone@example.com"] = "550 5.1.1 <gone@example.com>: No such user"
    send("gone@example.com", organization=own)
    send("late@example.com", organization=own, life=timedelta(0))
    send("there@example.com", organization=own)
    deliver_due()
    page = owner.get(reverse("undelivered-mail")).content.decode()
    assert "gone@example.com" in page
    assert "Test mail from Kanmon" in page
    assert "550 5.1.1 &lt;gone@example.com&gt;: No such user" in page
    assert "late@example.com" in page
    assert "there@example.com" not in page
    assert "2 mails of your organization were not delivered" in owner.get("/").content.decode()
    assert member.get(reverse("undelivered-mail")).status_code == 403
    assert "not delivered" not in member.get("/").content.decode()
    elsewhere = stranger.get(reverse("undelivered-mail")).content.decode()
    assert "gone@example.com" not in elsewhere


@pytest.mark.database
def test_what_a_mail_said_is_forgotten_once_it_is_settled_and_its_row_after_a_while(
    peer: MailPeer,
) -> None:
    peer.replies["gone@example.com"] = "550 5.1.1 No such user"
    for address in ("gone@example.com", "there@example.com"):
        send(address)
    send("late@example.com", life=timedelta(0))
    assert all(mail.context == {"code": SECRET} for mail in Mail.objects.all())
    deliver_due()
    assert set(Mail.objects.values_list("state", flat=True)) == {"sent", "refused", "expired"}
    for mail in Mail.objects.all():
        assert SECRET not in str(vars(mail))
    waiting = send("new@example.com")
    edge = timezone.now() - KEPT
    Mail.objects.filter(state=MailState.SENT).update(settled_at=edge - timedelta(minutes=1))
    Mail.objects.filter(state=MailState.REFUSED).update(settled_at=edge + timedelta(minutes=1))
    assert tasks.clean_up.call() == 1
    assert set(Mail.objects.values_list("state", flat=True)) == {"refused", "expired", "waiting"}
    waiting.refresh_from_db()


@pytest.mark.database
def test_the_outbox_is_counted(peer: MailPeer) -> None:
    now = timezone.now()
    empty = outbox_counts(now)
    assert (empty.waiting, empty.oldest_due_s, empty.refused, empty.expired) == (0, 0, 0, 0)
    peer.replies["gone@example.com"] = "550 5.1.1 No such user"
    send("gone@example.com")
    send("late@example.com", life=timedelta(0))
    deliver_due()
    send("hana@example.com")
    later = outbox_counts(timezone.now() + timedelta(seconds=90))
    assert (later.waiting, later.refused, later.expired) == (1, 1, 1)
    assert 90 <= later.oldest_due_s < 150


def test_mails_of_a_person_who_left_are_withdrawn() -> None:
    for person, organization in ((1, 10), (1, 11), (2, 10)):
        send("hana@example.com", person=person, organization=organization)
    assert outbox.withdraw(person=1, organization=10) == 1
    assert outbox.withdraw(person=1) == 1
    assert list(Mail.objects.values_list("person", flat=True)) == [2]


@task()
def add(first: int, second: int) -> int:
    return first + second


@task()
def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.database
def test_a_background_task_is_written_with_its_act_and_run_once(peer: MailPeer) -> None:
    with transaction.atomic():
        add.enqueue(1, 1)
        transaction.set_rollback(True)
    with transaction.atomic():
        result = add.enqueue(2, 3)
        broken = fail.enqueue()
    assert DBTaskResult.objects.count() == 2
    run_once()
    result.refresh()
    broken.refresh()
    assert result.return_value == 5
    assert broken.errors[0].exception_class is ZeroDivisionError
    assert background.run_ready(lambda: False) == 0  # what failed is not tried again


@pytest.mark.database
def test_a_task_whose_worker_died_is_ended_and_old_results_are_deleted() -> None:
    died, old = add.enqueue(1, 2), add.enqueue(3, 4)
    now = timezone.now()
    DBTaskResult.objects.filter(pk=died.id).update(
        status="RUNNING", started_at=now - background.LONGEST - timedelta(seconds=1)
    )
    DBTaskResult.objects.filter(pk=old.id).update(
        status="SUCCESSFUL", finished_at=now - tasks.RESULTS_KEPT - timedelta(seconds=1)
    )
    tasks.clean_up.call()
    (left,) = DBTaskResult.objects.all()
    assert (str(left.pk), left.status) == (str(died.id), "FAILED")


@pytest.mark.database
def test_the_clean_up_is_enqueued_once_an_hour() -> None:
    tasks.enqueue_clean_up()
    tasks.enqueue_clean_up()
    assert DBTaskResult.objects.count() == 1
    background.run_ready(lambda: False)
    tasks.enqueue_clean_up()
    assert DBTaskResult.objects.count() == 1
    DBTaskResult.objects.update(enqueued_at=timezone.now() - tasks.CLEAN_UP_EVERY)
    tasks.enqueue_clean_up()
    assert DBTaskResult.objects.count() == 2
