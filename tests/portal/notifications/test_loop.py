"""The loop of the job worker: what it does while its work cannot be done."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from portal.environment.mail_server import MailServer
from portal.notifications.delivery import deliver_due
from portal.notifications.worker import LOOK_EVERY_S, PAUSE_S, Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


class Work:
    """Work that ends as a test says: with a reason, or an error."""

    def __init__(self) -> None:
        self.outcome: str | Exception = ""

    def __call__(self, stopping: Callable[[], bool]) -> str:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith(event)]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("Connection refused", "Connection refused"),
        (OperationalError("server closed the connection"), "server closed the connection"),
        (ZeroDivisionError("by our own fault"), "by our own fault"),
    ],
)
def test_an_interruption_is_logged_once_and_its_pauses_grow(
    caplog: pytest.LogCaptureFixture, outcome: str | Exception, said: str
) -> None:
    caplog.set_level(logging.INFO)
    work = Work()
    loop = Loop("mail", work, threading.Event())
    assert loop.work_once() == LOOK_EVERY_S
    work.outcome = outcome
    pauses = [loop.work_once() for _ in range(5)]
    assert pauses == [*PAUSE_S, PAUSE_S[-1], PAUSE_S[-1]]
    (line,) = lines(caplog, "work_interrupted")
    assert said in line
    work.outcome = ""
    assert loop.work_once() == LOOK_EVERY_S
    assert len(lines(caplog, "work_resumed")) == 1
    work.outcome = outcome
    assert loop.work_once() == PAUSE_S[0]  # it begins with the shortest pause again


def test_an_idle_worker_only_reads(settings: Settings) -> None:
    settings.MAIL_SERVER = MailServer(host="127.0.0.1", port=1)
    with CaptureQueriesContext(connection) as queries:
        assert deliver_due().sent == 0
    (only,) = queries.captured_queries
    assert only["sql"].startswith("SELECT")


def test_a_loop_ends_when_the_worker_is_stopped() -> None:
    stop = threading.Event()
    seen: list[bool] = []

    def work(stopping: Callable[[], bool]) -> str:
        seen.append(stopping())
        stop.set()
        return ""

    Loop("mail", work, stop).run()
    assert seen == [False]
