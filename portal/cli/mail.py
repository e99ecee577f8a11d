"""``kanmon-portal mail``: the outbox listed, and a test mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from console.language import LANGUAGES, tr, tr_noop
from console.output import columns
from portal.cli.common import TextType, json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.notifications.models import Mail

_STATES: Final = {
    "waiting": tr_noop("waiting to be sent"),
    "sent": tr_noop("sent"),
    "refused": tr_noop("refused by the mail server"),
    "expired": tr_noop("given up"),
}
_LIMIT: Final = 200


@click.group()
def mail() -> None:
    """Manage the outbox of mail.

    `kanmon-portal work` sends the mails in it.
    """


@mail.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice(list(_STATES)),
    multiple=True,
    default=("waiting", "refused", "expired"),
    show_default=True,
    help="Only mails in this state; may be repeated.",
)
@json_option
def mail_list(*, states: tuple[str, ...], as_json: bool) -> None:
    """List waiting and undelivered mails.

    Lists up to 200 mails, newest last.
    """
    with portal_ready():
        from portal.notifications.models import Mail

        found = Mail.objects.filter(state__in=states).order_by("-pk")[:_LIMIT]
        rows = [_row(one) for one in reversed(found)]
    lines = columns([_cells(row) for row in rows], first_left=5)
    say({"mails": rows}, *(lines or [tr("There are no such mails.")]), as_json=as_json)


def _row(mail: Mail) -> dict[str, Any]:
    next_at = mail.next_attempt_at.isoformat(timespec="seconds")
    return {
        "id": mail.pk,
        "name": mail.name,
        "recipient": mail.recipient,
        "subject": mail.subject,
        "state": mail.state,
        "created_at": mail.created_at.isoformat(timespec="seconds"),
        "attempts": mail.attempts,
        "next_attempt_at": next_at if mail.state == "waiting" else None,
        "error": mail.error,
        "organization": mail.organization,
        "person": mail.person,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["created_at"].replace("T", " ").replace("+00:00", " UTC"),
        tr(_STATES[row["state"]]),
        row["recipient"],
        row["subject"] or row["name"],
        row["error"],
    )


@mail.command("test")
@click.argument("address", type=TextType(254))
@click.option(
    "--mail-language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="The language of the mail.",
)
@json_option
def mail_test(address: str, *, mail_language: str, as_json: bool) -> None:
    """Queue a test mail to ADDRESS.

    `kanmon-portal work`, or `kanmon-portal work --once`, sends it.
    """
    with portal_ready():
        from django.db import transaction

        from portal.notifications import outbox

        with transaction.atomic():
            row = outbox.send("test", to=address, language=mail_language, context={})
    say(
        {"id": row.pk, "message_id": row.message_id},
        tr("The mail is in the outbox. Send it with `kanmon-portal work --once`."),
        as_json=as_json,
    )
