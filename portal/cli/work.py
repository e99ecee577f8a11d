"""``kanmon-portal work``: the worker that sends mail and runs background tasks."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from console.failure import PARTLY, Failure
from console.language import plural, tr
from console.text import Template
from portal.cli.common import json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.notifications.delivery import Deliveries

NO_SERVER: Final = Template(
    "portal.no_mail_server",
    "no mail server is set, and {n} mail is waiting",
    "no mail server is set, and {n} mails are waiting",
)
SET_SERVER: Final = Template(
    "portal.set_mail_server", "set KANMON_MAIL_SERVER and KANMON_MAIL_FROM, then run it again"
)


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, then exit.")
@json_option
def work(*, once: bool, as_json: bool) -> None:
    """Send mails and run background tasks.

    The worker runs until it is stopped. While the database or the mail server is unavailable, it
    waits.
    """
    with portal_ready(wait=not once):
        from portal.notifications import worker

        if not once:
            worker.Worker().run()
            return
        done = worker.run_once()
        _require_server()
    say(asdict(done), *_lines(done), as_json=as_json)
    if done.deferred:
        sys.exit(PARTLY)


def _require_server() -> None:
    """Fail where mails wait and there is no mail server."""
    from django.conf import settings

    from portal.notifications.models import Mail

    waiting = Mail.objects.waiting().count()
    if settings.MAIL_SERVER is None and waiting:
        raise Failure(NO_SERVER(n=waiting), next_step=SET_SERVER())


def _lines(done: Deliveries) -> list[str]:
    """What was done, for a person."""
    lines = [plural("{n} mail sent", "{n} mails sent", done.sent)]
    if done.refused:
        lines.append(
            plural(
                "{n} mail refused by the mail server",
                "{n} mails refused by the mail server",
                done.refused,
            )
        )
    if done.deferred:
        lines.append(
            plural(
                "{n} mail to be tried again later",
                "{n} mails to be tried again later",
                done.deferred,
            )
        )
    if done.expired:
        lines.append(plural("{n} mail given up", "{n} mails given up", done.expired))
    if done.error:
        lines.append(tr("The mail server is not available: {error}", error=done.error))
    return lines
