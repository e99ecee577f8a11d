"""``kanmon-portal authority``: roots, certificates and revocation lists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from console.language import tr
from console.number_option import NumberOption
from console.text import Template
from console.usage import WrongUsage
from portal.cli.common import TextType, json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.authority.actions import RootView

NOT_FOR_BOXES: Final = Template("portal.not_for_boxes", "--but-newest cannot be used for a box")
CHOOSE_ROOT: Final = Template(
    "portal.choose_root",
    "omit --but-newest, or choose workers or publisher with --root",
)
_ROOTS = click.Choice(["boxes", "workers", "publisher"])
_out = click.option(
    "--out",
    type=click.Path(path_type=Path, resolve_path=True),
    help="The new folder. Default: one below the portal's state folder.",
)


@click.group()
def authority() -> None:
    """Manage the certificate authority.

    The portal has three roots: one for boxes, one for ingest workers and one for the publisher of
    configuration.
    """


@authority.command()
@click.option(
    "--anew",
    is_flag=True,
    help="Replace a lost root. All certificates that it issued become invalid.",
)
@json_option
def init(*, anew: bool, as_json: bool) -> None:
    """Create the root certificates.

    Roots that exist are kept: the command may be repeated.
    """
    with portal_ready():
        from portal.authority.actions import ensure_roots

        views = ensure_roots(anew=anew)
    _say_roots(views, as_json=as_json)


@authority.command()
@click.option("--pem", type=_ROOTS, help="Print only the certificate of this root.")
@json_option
def show(*, pem: str | None, as_json: bool) -> None:
    """Show the roots and their revocation lists."""
    with portal_ready():
        from portal.authority.actions import describe_root
        from portal.authority.models import Root

        if pem is not None:
            text = describe_root(Root(pem)).pem
            say({"root": pem, "pem": text}, *text.splitlines(), as_json=as_json)
            return
        views = [describe_root(root) for root in Root]
    _say_roots(views, as_json=as_json)


def _say_roots(views: list[RootView], *, as_json: bool) -> None:
    data = {view.root.value: _root_fields(view) for view in views}
    lines = []
    for view in views:
        until = (
            f"{view.list_expires_at:%Y-%m-%d %H:%M} UTC" if view.list_expires_at else tr("never")
        )
        counts = tr(
            "{issued} issued, {revoked} revoked; its revocation list is valid until {until}",
            issued=view.issued,
            revoked=view.revoked,
            until=until,
        )
        made = tr("; created now") if view.made else ""
        lines.append(f"{view.root.value:<10}{counts}{made}")
        lines.append(f"{'':<10}SHA-256 {view.fingerprint}")
    say(data, *lines, as_json=as_json)


def _root_fields(view: RootView) -> dict[str, Any]:
    return {
        "made": view.made,
        "fingerprint": view.fingerprint,
        "expires_at": view.expires_at.isoformat(),
        "issued": view.issued,
        "revoked": view.revoked,
        "list_expires_at": view.list_expires_at.isoformat() if view.list_expires_at else None,
    }


@authority.command("issue-worker")
@click.argument("name", type=TextType(64))
@_out
@json_option
def issue_worker(name: str, *, out: Path | None, as_json: bool) -> None:
    """Issue a certificate for an ingest worker.

    NAME is the worker's name. Its key and certificate are written into a new folder.
    """
    with portal_ready():
        from portal.authority import actions

        _say_folder(actions.issue_worker(name, out), as_json=as_json)


@authority.command("issue-publisher")
@click.argument("name", type=TextType(64))
@_out
@json_option
def issue_publisher(name: str, *, out: Path | None, as_json: bool) -> None:
    """Issue a certificate for a publisher.

    NAME is the name of a publisher of configuration. Its key and certificate are written into a new
    folder.
    """
    with portal_ready():
        from portal.authority import actions

        _say_folder(actions.issue_publisher(name, out), as_json=as_json)


@authority.command("issue-server")
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@_out
@json_option
def issue_server(hosts: tuple[str, ...], *, out: Path | None, as_json: bool) -> None:
    """Issue a certificate for the MQTT broker.

    HOST is a name or address by which boxes reach the broker. The key and certificate are written
    into a new folder.
    """
    with portal_ready():
        from portal.authority import actions

        _say_folder(actions.issue_server(hosts, out), as_json=as_json)


def _say_folder(folder: Path, *, as_json: bool) -> None:
    say(
        {"folder": str(folder)},
        tr(
            "{folder} contains key.pem, certificate.pem and trust.pem (the root of boxes and "
            "broker); the certificate expires in a year",
            folder=folder,
        ),
        as_json=as_json,
    )


@authority.command()
@click.argument("name", type=TextType(64))
@click.option(
    "--root",
    "root_name",
    type=_ROOTS,
    default="boxes",
    help="The root that issued the certificate. Default: boxes.",
)
@click.option(
    "--but-newest", is_flag=True, help="Keep the newest certificate (workers and publishers)."
)
@click.option("--reason", type=TextType(200), default="", help="The reason, for the record.")
@json_option
def revoke(name: str, *, root_name: str, but_newest: bool, reason: str, as_json: bool) -> None:
    """Revoke a box, a worker or a publisher.

    NAME can no longer connect. The broker learns of it from `kanmon-portal broker maintain`, or at
    once from `kanmon-portal broker reload`. The command may be repeated.
    """
    if but_newest and root_name == "boxes":
        raise WrongUsage(NOT_FOR_BOXES(), next_step=CHOOSE_ROOT())
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
    cls=NumberOption,
    type=click.IntRange(1, 365),
    default=7,
    show_default=True,
    help="How many days the lists are valid.",
)
@json_option
def crl(*, days: int, as_json: bool) -> None:
    """Write new revocation lists.

    Run this command daily: the broker refuses all connections once a list has expired.
    """
    with portal_ready():
        from portal.authority.actions import publish_list
        from portal.authority.models import Root

        paths = {root.value: str(publish_list(root, timedelta(days=days))) for root in Root}
    say(paths, *paths.values(), as_json=as_json)
