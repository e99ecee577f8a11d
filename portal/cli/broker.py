"""``kanmon-portal broker``: the broker's configuration, written, checked and kept."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from console.language import current, tr, translations
from console.output import plain_line
from console.text import Template, join, one_line
from console.usage import MISSING_OPTION, WrongUsage, WrongValue
from portal.cli.common import FAILED, NOT_PRINTABLE, json_option, portal_ready, say

if TYPE_CHECKING:
    from portal.broker.finding import BrokerFinding
    from portal.broker.folder import BrokerFolder

PARTLY = 1


ADD_HOST: Final = Template(
    "portal.add_host", "add --host NAME, with the name by which boxes reach the broker"
)
NAMELESS_ACCOUNT: Final = Template(
    "portal.nameless_account", "the account that runs this command has no name"
)
ADD_USER: Final = Template(
    "portal.add_user", "add --user NAME, with the account that Mosquitto runs as"
)


class _Folder(click.Path):
    """A folder whose path can be written into Mosquitto's configuration, which is text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        if not str(path).isprintable():
            raise WrongValue(NOT_PRINTABLE(text=str(path)), param, ctx)
        return path


_folder = click.argument("folder", type=_Folder(resolve_path=True, file_okay=False))
_DEFAULTS = {
    "boxes": "0.0.0.0:8883",
    "workers": "127.0.0.1:8884",
    "publisher": "127.0.0.1:8885",
    "takeover": "127.0.0.1:8886",
}


@click.group()
def broker() -> None:
    """Configure and maintain the MQTT broker.

    The broker is Mosquitto. Each client can publish and subscribe only to its own topics.
    """


@broker.command()
@_folder
@click.option(
    "--host",
    "hosts",
    multiple=True,
    help="A name by which boxes reach the broker; may be repeated.",
)
@click.option("--user", help="The account that Mosquitto runs as. Default: this account.")
@click.option("--boxes", metavar="HOST:PORT", help="Listener for boxes. Default: 0.0.0.0:8883.")
@click.option(
    "--workers", metavar="HOST:PORT", help="Listener for ingest workers. Default: 127.0.0.1:8884."
)
@click.option(
    "--publisher", metavar="HOST:PORT", help="Listener for publishers. Default: 127.0.0.1:8885."
)
@click.option(
    "--takeover",
    metavar="HOST:PORT",
    help="Listener for disconnecting revoked clients. Default: 127.0.0.1:8886.",
)
@json_option
def write(
    folder: Path, *, hosts: tuple[str, ...], user: str | None, as_json: bool, **at: str | None
) -> None:
    """Write the broker's configuration.

    FOLDER receives Mosquitto's configuration and every file it refers to. The command may be
    repeated: options that are not given keep their earlier values. Restart the broker after a
    change of listeners or of the account; no other change needs a restart.
    """
    with portal_ready():
        made = _folder_from_options(folder, hosts, user, at)
        made.write()
    conf = folder / "mosquitto.conf"
    say(
        {"folder": str(folder), "configuration": str(conf)},
        tr("{file} is written; start the broker with `mosquitto -c {file}`", file=conf),
        tr("Then maintain it with `kanmon-portal broker maintain {folder}`.", folder=folder),
        as_json=as_json,
    )


def _folder_from_options(
    path: Path, hosts: tuple[str, ...], user: str | None, at: dict[str, str | None]
) -> BrokerFolder:
    from portal.authority.actions import checked_hosts
    from portal.broker.configuration import Address, Plan
    from portal.broker.folder import PLAN, BrokerFolder

    there = (path / PLAN).exists()
    earlier = BrokerFolder.load(path).plan if there else None
    if not hosts and earlier is None:
        raise WrongUsage(MISSING_OPTION(name="--host"), next_step=ADD_HOST())
    addresses = {
        name: Address.parse(
            text or (str(getattr(earlier, name)) if earlier else _DEFAULTS[name]),
            where=f"--{name}",
        )
        for name, text in at.items()
    }
    plan = Plan(
        hosts=checked_hosts(hosts) if hosts or earlier is None else earlier.hosts,
        user=user or (earlier.user if earlier else _own_name()),
        **addresses,
    )
    return BrokerFolder(path=path, plan=plan)


def _own_name() -> str:
    """Return the name of the account that runs this; the environment may name another one."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise WrongUsage(NAMELESS_ACCOUNT(), next_step=ADD_USER()) from error


@broker.command()
@_folder
@click.option(
    "--files", "files_only", is_flag=True, help="Check only the files, not the running broker."
)
@json_option
def check(folder: Path, *, files_only: bool, as_json: bool) -> int:
    """Check the broker's files and access rules.

    Reports what is wrong in FOLDER, what expires soon, and whether the running broker refuses the
    clients that it must refuse. The exit code is 0 when all is well, 1 when something expires soon,
    and 2 when something is wrong.
    """
    with portal_ready():
        from portal.broker.folder import BrokerFolder
        from portal.broker.inspection import inspect

        findings = inspect(BrokerFolder.load(folder), files_only=files_only)
    lines = [
        tr("wrong: {what}", what=_line(one)) if one.fault else tr("soon: {what}", what=_line(one))
        for one in findings
    ]
    say(
        {"findings": [one.to_json() for one in findings]},
        *(lines or [tr("No problems were found.")]),
        as_json=as_json,
    )
    if any(one.fault for one in findings):
        return FAILED
    return PARTLY if findings else 0


@broker.command()
@_folder
@json_option
def reload(folder: Path, *, as_json: bool) -> int:
    """Apply revocations to the running broker.

    Revoked clients are disconnected. The exit code is 1 when a session may still be open, or when a
    list or a certificate could not be renewed; `kanmon-portal broker maintain` tries again.
    """
    with portal_ready():
        from portal.broker import reloading
        from portal.broker.folder import BrokerFolder

        try:
            result = reloading.reload(BrokerFolder.load(folder), force=True)
        except reloading.ReloadError as error:
            for one in error.failures[:-1]:  # the last one is the error itself
                click.echo(plain_line(tr("wrong: {what}", what=_line(one))), err=True)
            raise
    text = tr("The broker has reloaded its lists; no client had to be disconnected.")
    if result.disconnected:
        text = tr(
            "The broker has reloaded its lists; disconnected: {names}",
            names=join(tuple(result.disconnected), translations(current())),
        )
    wrong = [*result.failures, *result.still_connected]
    data = {
        "disconnected": list(result.disconnected),
        "still_connected": [one.to_json() for one in result.still_connected],
        "failures": [one.to_json() for one in result.failures],
    }
    say(data, text, *map(_line, wrong), as_json=as_json)
    return PARTLY if wrong else 0


def _line(finding: BrokerFinding) -> str:
    """A finding in one line, in the language in use."""
    return one_line(finding.where, finding.what, finding.why, finding.next, translations(current()))


@broker.command()
@_folder
def maintain(folder: Path) -> None:
    """Keep the broker's certificates current.

    Runs until it is stopped: it renews certificates and revocation lists before they expire,
    reloads the broker when they change, and logs what is wrong.
    """
    with portal_ready(wait=True):
        from portal.broker import maintenance
        from portal.broker.folder import BrokerFolder

        maintenance.maintain(BrokerFolder.load(folder))
