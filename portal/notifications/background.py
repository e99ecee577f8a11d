"""Background tasks of django-tasks, run one after the other with its database backend.

The library takes a task by setting it to RUNNING and runs it once. A task that raises is FAILED
and not tried again; one whose worker dies stays RUNNING for ever, so that `fail_abandoned` ends it.
A task may therefore be lost half done: it must be one that is enqueued again, or harmless to miss.

The library's own loop takes the database's write lock at every look on SQLite (an EXCLUSIVE
transaction, which in WAL mode is an IMMEDIATE one). Here a plain query looks first.

Source: django-tasks-db 0.13, ``management/commands/db_worker.py``.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django_tasks_db.management.commands.db_worker import Worker as LibraryWorker
from django_tasks_db.models import DBTaskResult

from portal.logs import event_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

log = event_log(__name__)

LONGEST: Final = timedelta(hours=1)
"""How long a task may run before it counts as abandoned."""
_BACKEND: Final = "default"


class AbandonedTaskError(Exception):
    """The worker that ran a task has ended without it."""


def run_ready(stopping: Callable[[], bool]) -> int:
    """Run the tasks that are ready, until none is left; how many were run."""
    count = 0
    while not stopping() and DBTaskResult.objects.ready().exists():
        _library_worker().run()
        count += 1
    return count


def _library_worker() -> LibraryWorker:
    """The library's worker for one task: it ends where another worker was faster, too."""
    return LibraryWorker(
        queue_names=["*"],
        excluded_queue_names=[],
        interval=0,
        batch=True,
        backend_name=_BACKEND,
        startup_delay=False,
        max_tasks=1,
        worker_id=secrets.token_hex(16),
    )


def fail_abandoned(now: datetime) -> int:
    """End the tasks that have been running for longer than `LONGEST`; how many there were."""
    abandoned = DBTaskResult.objects.running().filter(started_at__lt=now - LONGEST)
    count = 0
    for one in abandoned:
        log.error("task_abandoned", task=one.task_path, started_at=one.started_at.isoformat())
        one.set_failed(AbandonedTaskError(f"no result after {LONGEST}"))
        count += 1
    return count
