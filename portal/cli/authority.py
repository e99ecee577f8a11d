"""``kanmon-portal authority``, ``key`` and ``claims``: roots, certificates, agent keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.language import marked, plural, tr
from console.output import columns
from portal.cli.common import Words, check_bind, check_free, json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.authority.actions import RootView

_KEY_STATES = {
    "open": marked("open"),
    "used": marked("used"),
    "expired": marked("expired"),
    "revoked": marked("revoked"),
}
_ROOTS = click.Choice(["boxes", "workers", "publisher"])
_out = click.option(
    "--out",
    type=click.Path(path_type=Path, resolve_path=True),
    help="A folder to make for it; else one below the portal's state folder.",
)


@click.group()
def authority() -> None:
    """The portal's own certificate authority: three roots, what they signed, what was revoked."""


@authority.command()
@click.option("--anew", is_flag=True, help="Make a lost root again; all it signed is void.")
@json_option
def init(*, anew: bool, as_json: bool) -> None:
    """Make the roots that are missing; safe to repeat."""
    with portal_ready():
        from portal.authority.actions import set_up

        views = set_up(anew=anew)
    _say_roots(views, as_json=as_json)


@authority.command()
@click.option("--pem", type=_ROOTS, help="Print one root's certificate and nothing else.")
@json_option
def show(*, pem: str | None, as_json: bool) -> None:
    """Show the roots, and how long their revocation lists are good."""
    with portal_ready():
        from portal.authority.actions import look
        from portal.authority.models import Root

        if pem is not None:
            text = look(Root(pem)).pem
            say({"root": pem, "pem": text}, text.rstrip("\n"), as_json=as_json)
            return
        views = [look(root) for root in Root]
    _say_roots(views, as_json=as_json)


def _say_roots(views: list[RootView], *, as_json: bool) -> None:
    data = {view.root.value: _root_fields(view) for view in views}
    lines = []
    for view in views:
        until = f"{view.list_ends_at:%Y-%m-%d %H:%M} UTC" if view.list_ends_at else tr("never")
        told = tr(
            "{issued} issued, {revoked} revoked; its list is good until {until}",
            issued=view.issued,
            revoked=view.revoked,
            until=until,
        )
        made = tr("; made now") if view.made else ""
        lines.append(f"{view.root.value:<10}{told}{made}\n{'':<10}SHA-256 {view.fingerprint}")
    say(data, "\n".join(lines), as_json=as_json)


def _root_fields(view: RootView) -> dict[str, Any]:
    return {
        "made": view.made,
        "fingerprint": view.fingerprint,
        "ends_at": view.ends_at.isoformat(),
        "issued": view.issued,
        "revoked": view.revoked,
        "list_ends_at": view.list_ends_at.isoformat() if view.list_ends_at else None,
    }


@authority.command("issue-worker")
@click.argument("name", type=Words(64))
@_out
@json_option
def issue_worker(name: str, *, out: Path | None, as_json: bool) -> None:
    """Make key and certificate of an ingest worker called NAME."""
    with portal_ready():
        from portal.authority import actions

        _say_folder(actions.issue_worker(name, out), as_json=as_json)


@authority.command("issue-publisher")
@click.argument("name", type=Words(64))
@_out
@json_option
def issue_publisher(name: str, *, out: Path | None, as_json: bool) -> None:
    """Make key and certificate of who publishes configuration, called NAME."""
    with portal_ready():
        from portal.authority import actions

        _say_folder(actions.issue_publisher(name, out), as_json=as_json)


@authority.command("issue-server")
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@_out
@json_option
def issue_server(hosts: tuple[str, ...], *, out: Path | None, as_json: bool) -> None:
    """Make key and certificate of a server that boxes reach as HOST: the broker."""
    with portal_ready():
        from portal.authority import actions

        _say_folder(actions.issue_server(hosts, out), as_json=as_json)


def _say_folder(folder: Path, *, as_json: bool) -> None:
    say(
        {"folder": str(folder)},
        tr(
            "{folder} holds key.pem, certificate.pem, and trust.pem (the root that boxes and "
            "broker are believed by); it expires in a year",
            folder=folder,
        ),
        as_json=as_json,
    )


@authority.command()
@click.argument("name", type=Words(64))
@click.option(
    "--root", "root_name", type=_ROOTS, default="boxes", help="Whose NAME is; else boxes."
)
@click.option("--but-newest", is_flag=True, help="Of a worker or publisher: leave the newest.")
@click.option("--reason", type=Words(200), default="", help="For the record.")
@json_option
def revoke(name: str, *, root_name: str, but_newest: bool, reason: str, as_json: bool) -> None:
    """Let NAME, a box or a worker or publisher, connect no more; safe to repeat.

    The broker is told by 'kanmon-portal broker keep', or at once by 'broker reload'.
    """
    if but_newest and root_name == "boxes":
        raise click.UsageError(tr("--but-newest is for workers and publishers: a box has one name"))
    with portal_ready():
        from portal.authority.actions import list_path, revoke_box, revoke_named
        from portal.authority.models import Root

        root = Root(root_name)
        if root is Root.BOXES:
            revoked = revoke_box(name, reason=reason)
        else:
            revoked = revoke_named(root, name, reason=reason, but_newest=but_newest)
        path = list_path(root)
    text = tr("{name}: revoked; see {path}", name=name, path=path)
    if not revoked:
        text = tr("{name}: was revoked already; see {path}", name=name, path=path)
    data = {"name": name, "revoked": revoked, "list": str(path)}
    say(data, text, as_json=as_json)


@authority.command()
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="How long the lists are good; after that the broker refuses everybody.",
)
@json_option
def crl(*, days: int, as_json: bool) -> None:
    """Write new revocation lists; run it daily."""
    with portal_ready():
        from portal.authority.actions import publish_list
        from portal.authority.models import Root

        paths = {root.value: str(publish_list(root, timedelta(days=days))) for root in Root}
    say(paths, "\n".join(paths.values()), as_json=as_json)


@click.command()
@click.option("--bind", default="0.0.0.0:8443", show_default=True, metavar="HOST:PORT")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
def claims(bind: str, workers: int) -> None:
    """Serve boxes that claim their place, over TLS by the portal's own root, until stopped."""
    check_bind(bind)
    with portal_ready():
        from portal.authority.claim_certificate import ready

        certificate = ready()
    from portal.server import Server

    check_free(bind)

    Server(bind=bind, workers=workers, tls=certificate).run()


@click.group()
def key() -> None:
    """Agent keys: what lets a box claim its place."""


@key.command("issue")
@click.option(
    "--organization", type=Words(200), required=True, help="The customer; made if it is new."
)
@click.option("--site", type=Words(100), required=True, help="Where; made if it is new.")
@click.option(
    "--time-zone", type=Words(64), default="UTC", show_default=True, help="Of a new site."
)
@click.option(
    "--gateway", type=Words(100), default="", help="What people call it; else as the box's id."
)
@click.option("--uses", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True)
@click.option("--qr", is_flag=True, help="Draw it on the terminal too.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw it in a file.")
@json_option
def key_issue(
    *, uses: int, days: int, qr: bool, svg: Path | None, as_json: bool, **place: str
) -> None:
    """Issue an agent key. It is shown once: only its hash is kept."""
    with portal_ready():
        from django.db import transaction

        from portal.authority import qr_code
        from portal.authority.keys import Author, Wanted, issue_key

        wanted = Wanted(uses=uses, life=timedelta(days=days), **place)
        with transaction.atomic():  # a key whose drawing cannot be kept is none: nobody saw it
            issued = issue_key(wanted, Author.at_the_console())
            if svg is not None:
                qr_code.write_svg(issued.text, svg)
        drawing = qr_code.terminal(issued.text) + "\n" if qr and not as_json else ""
    until = f"{issued.expires_at:%Y-%m-%d %H:%M} UTC"
    told = plural(
        "Key {id} is good for one box at {site} until {until}.",
        "Key {id} is good for {n} boxes at {site} until {until}.",
        issued.uses,
        id=issued.key_id,
        site=issued.site,
        until=until,
    )
    warned = tr("It is not kept: hand it to the installer now.")
    say(
        {
            "key": issued.text,
            "id": issued.key_id,
            "uses": issued.uses,
            "expires_at": issued.expires_at.isoformat(),
        },
        f"{drawing}{issued.text}\n{told} {warned}",
        as_json=as_json,
    )


@key.command("list")
@json_option
def key_list(*, as_json: bool) -> None:
    """List the agent keys, the newest last."""
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
    say({"keys": rows}, "\n".join(lines) or tr("There are no agent keys."), as_json=as_json)


def _key_cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["id"],
        tr(_KEY_STATES[row["state"]]),
        tr("{used} of {uses} used", used=row["used"], uses=row["uses"]),
        tr("until {day}", day=f"{datetime.fromisoformat(row['expires_at']):%Y-%m-%d %H:%M} UTC"),
        row["site"],
        tr("by {name}", name=row["issued_by"] or tr("nobody on record")),
    )


@key.command("revoke")
@click.argument("key_id", metavar="ID", type=Words(36))
@json_option
def key_revoke(key_id: str, *, as_json: bool) -> None:
    """Withdraw the agent key ID; boxes that used it stay."""
    with portal_ready():
        from portal.authority.keys import revoke_key

        done = revoke_key(key_id)
    say(
        {"id": key_id, "revoked": done},
        tr("{key}: withdrawn" if done else "{key}: was withdrawn already", key=key_id),
        as_json=as_json,
    )
