"""``kanmon-portal key``: agent keys issued, listed and revoked."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.language import plural, tr, tr_noop
from console.number_option import NumberOption
from console.output import columns
from portal.cli.common import TextType, json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.authority.keys import IssuedKey

_KEY_STATES = {
    "open": tr_noop("open"),
    "used": tr_noop("used"),
    "expired": tr_noop("expired"),
    "revoked": tr_noop("revoked"),
}


@click.group()
def key() -> None:
    """Manage agent keys.

    A box is enrolled with an agent key.
    """


@key.command("issue")
@click.option(
    "--organization",
    type=TextType(200),
    required=True,
    help="The organization; created if it does not exist.",
)
@click.option(
    "--site", type=TextType(100), required=True, help="The site; created if it does not exist."
)
@click.option(
    "--time-zone",
    type=TextType(64),
    default="UTC",
    show_default=True,
    help="The time zone of a new site.",
)
@click.option(
    "--gateway", type=TextType(100), default="", help="The gateway's name. Default: the box's id."
)
@click.option(
    "--uses",
    cls=NumberOption,
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="How many boxes may enrol with the key.",
)
@click.option(
    "--days",
    cls=NumberOption,
    type=click.IntRange(1, 90),
    default=7,
    show_default=True,
    help="How many days the key is valid.",
)
@click.option("--qr", is_flag=True, help="Print a QR code, too.")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write a QR code into this file."
)
@json_option
def key_issue(
    *, uses: int, days: int, qr: bool, svg: Path | None, as_json: bool, **place: str
) -> None:
    """Issue an agent key.

    The key is shown only once: the portal stores its hash.
    """
    with portal_ready():
        from django.db import transaction

        from portal.authority import qr_code
        from portal.authority.keys import Author, KeyRequest, issue_key

        request = KeyRequest(uses=uses, life=timedelta(days=days), **place)
        with transaction.atomic():  # a key whose drawing cannot be kept is none: nobody saw it
            issued = issue_key(request, Author.from_command_line())
            if svg is not None:
                qr_code.write_svg(issued.text, svg)
        shown = qr and not as_json
        drawing = [*qr_code.terminal(issued.text).splitlines(), ""] if shown else []
    say(
        {
            "key": issued.text,
            "id": issued.key_id,
            "uses": issued.uses,
            "expires_at": issued.expires_at.isoformat(),
        },
        *drawing,
        issued.text,
        _validity(issued),
        tr("It cannot be shown again: pass it on to the installer now."),
        as_json=as_json,
    )


def _validity(issued: IssuedKey) -> str:
    until = f"{issued.expires_at:%Y-%m-%d %H:%M} UTC"
    return plural(
        "Key {id} is valid for one box at {site} until {until}.",
        "Key {id} is valid for {n} boxes at {site} until {until}.",
        issued.uses,
        id=issued.key_id,
        site=issued.site,
        until=until,
    )


@key.command("list")
@json_option
def key_list(*, as_json: bool) -> None:
    """List the agent keys, newest last."""
    with portal_ready():
        from portal.authority.keys import state_of
        from portal.authority.models import AgentKey

        rows = [
            {
                "id": row.key_id,
                "site": str(row.site),
                "used": row.used,
                "uses": row.uses,
                "expires_at": row.expires_at.isoformat(timespec="minutes"),
                "state": state_of(row),
                "issued_by": row.issued_by_name,
            }
            for row in AgentKey.objects.select_related("site")
        ]
    lines = columns([_key_cells(row) for row in rows], first_left=6)
    say({"keys": rows}, *(lines or [tr("There are no agent keys.")]), as_json=as_json)


def _key_cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["id"],
        tr(_KEY_STATES[row["state"]]),
        tr("{used} of {uses} used", used=row["used"], uses=row["uses"]),
        tr("until {day}", day=f"{datetime.fromisoformat(row['expires_at']):%Y-%m-%d %H:%M} UTC"),
        row["site"],
        tr("by {name}", name=row["issued_by"] or tr("an unknown user")),
    )


@key.command("revoke")
@click.argument("key_id", metavar="ID", type=TextType(36))
@json_option
def key_revoke(key_id: str, *, as_json: bool) -> None:
    """Revoke an agent key.

    ID is the key's id, as `kanmon-portal key list` shows it. Boxes that were enrolled with the key
    stay enrolled.
    """
    with portal_ready():
        from portal.authority.keys import revoke_key

        done = revoke_key(key_id)
    say(
        {"id": key_id, "revoked": done},
        tr("{key}: revoked", key=key_id) if done else tr("{key}: was revoked already", key=key_id),
        as_json=as_json,
    )
