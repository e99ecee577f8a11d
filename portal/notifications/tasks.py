"""The background tasks of the outbox, and when they are enqueued."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.core.management import call_command
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from portal.logs import event_log
from portal.notifications.background import fail_abandoned
from portal.notifications.models import KEPT, Mail

log = event_log(__name__)

CLEAN_UP_EVERY: Final = timedelta(hours=1)
RESULTS_KEPT: Final = timedelta(days=14)
"""How long the result of a background task is kept."""


@task()
def clean_up() -> int:
    """Delete the mails that were settled more than `KEPT` ago; how many there were.

    Results of tasks are deleted as well, after `RESULTS_KEPT`.
    """
    now = timezone.now()
    count, _ = Mail.objects.filter(settled_at__lt=now - KEPT).delete()
    fail_abandoned(now)
    call_command(
        "prune_db_task_results", queue_name="*", min_age_days=RESULTS_KEPT.days, verbosity=0
    )
    if count:
        log.info("mail_deleted", count=count)
    return count


def enqueue_clean_up() -> None:
    """Enqueue `clean_up` unless it waits, or was enqueued less than `CLEAN_UP_EVERY` ago.

    Two workers that ask at once may both enqueue it, which does no harm.
    """
    recent = timezone.now() - CLEAN_UP_EVERY
    known = DBTaskResult.objects.filter(task_path=clean_up.module_path)
    if known.ready().exists() or known.filter(enqueued_at__gt=recent).exists():
        return
    clean_up.enqueue()
