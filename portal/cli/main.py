"""`kanmon-portal`: set the portal up, run it, and let people in.

Exit codes: 0 done, 1 partly, 2 failed, 3 wrong usage. Errors say what, why and what next.
"""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NoReturn

import click

from console import language
from console.completion import completion_command
from console.entry import Program
from console.failure import Failure, parted
from console.language import marked, tr
from console.localized import Commands
from portal.cli.authority import authority, claims, key
from portal.cli.broker import broker
from portal.cli.common import (
    Words,
    check_bind,
    check_free,
    json_option,
    portal_ready,
    refusal,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = "kanmon-portal"
_ROLES: Final = {"administrator": marked("administrator"), "member": marked("member")}


def main() -> NoReturn:
    """Run the command line and exit as the module's docstring says."""
    program = Program(
        name=PROGRAM,
        commands=commands,
        refused=refusal,
        fault_next="Report it with the command you gave; KANMON_PORTAL_DEBUG=1 shows where it "
        "happened",
    )
    program.call(verbose=os.environ.get("KANMON_PORTAL_DEBUG", "") in {"1", "yes", "on", "true"})


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--lang",
    type=click.Choice(language.LANGUAGES),
    expose_value=False,
    help="The language of help, tables and errors (also KANMON_LANG); else the locale's.",
)
@click.version_option(package_name="kanmon", prog_name=PROGRAM, help="Show the version and exit.")
def commands() -> None:
    """The portal of Kanmon: its database, its site, its ingest worker and its people."""


for _group in (authority, broker, claims, key, completion_command(PROGRAM)):
    commands.add_command(_group)


@commands.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database to this version's form; safe to repeat."""
    with portal_ready(create=True):
        from django.core.management import call_command

        from portal.readiness import migrations

        before = migrations()
        call_command("migrate", interactive=False, verbosity=0 if as_json else 1)
        done = sorted(migrations() - before)
    if as_json:
        say({"applied": [f"{app}.{name}" for app, name in done]}, "", as_json=True)


@commands.command()
@click.option("--bind", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."
)
def serve(bind: str, workers: int) -> None:
    """Serve the pages until stopped; a proxy in front of it brings TLS."""
    check_bind(bind)
    with portal_ready():
        from django.conf import settings
        from django.core.management import call_command

        if not (settings.STATIC_ROOT / "manifest.json").exists():
            raise Failure(
                "the pages' styles and scripts are not built", next_step="run scripts/assets first"
            )
        call_command("check", verbosity=0)
    from portal.server import Server

    check_free(bind)
    with _shared_metrics(workers):
        Server(bind=bind, workers=workers).run()


@contextmanager
def _shared_metrics(workers: int) -> Iterator[None]:
    """A folder through which several processes add up their metrics, where there are several.

    Named in the environment before anything loads the library, which looks for it only then.
    """
    from django.conf import settings

    if workers == 1 or not settings.METRICS_TOKEN:
        yield
        return
    with TemporaryDirectory(prefix="kanmon-portal-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        yield


@commands.command()
def ingest() -> None:
    """Take what the gateways send, until stopped; a database that is away is waited for."""
    with portal_ready(wait=True):
        from portal.ingest.worker import CannotStartError, run

        try:
            run()
        except CannotStartError as error:
            raise parted(str(error)) from error


@commands.group()
def gateway() -> None:
    """The gateways this portal expects."""


@gateway.command("add")
@click.option(
    "--organization", type=Words(200), required=True, help="The customer; made if it is new."
)
@click.option(
    "--site", "site_name", type=Words(100), required=True, help="Where; made if it is new."
)
@click.option(
    "--time-zone", type=Words(64), default="UTC", show_default=True, help="Of a new site."
)
@click.option("--gateway", "name", type=Words(100), required=True, help="What people call it.")
@click.option(
    "--box", "box_id", type=Words(36), required=True, help="The box's id; 'kanmon status' shows it."
)
@json_option
def gateway_add(
    organization: str, site_name: str, time_zone: str, name: str, box_id: str, *, as_json: bool
) -> None:
    """Expect a gateway: its box's data is taken from now on."""
    with portal_ready():
        from portal.fleet.provisioning import Place, place_gateway

        placed = place_gateway(
            Place(
                organization=organization,
                site=site_name,
                time_zone=time_zone,
                gateway=name,
                box_id=box_id,
            )
        )
    say(
        {"gateway": placed.gateway.pk, "site": placed.gateway.site_id, "box": box_id},
        tr(
            "{gateway} at {site} is expected; its box is {box}",
            gateway=name,
            site=site_name,
            box=box_id,
        ),
        as_json=as_json,
    )


@commands.group()
def person() -> None:
    """The people who may sign in."""


@person.command("add")
@click.option("--email", type=Words(254), required=True)
@click.option("--organization", type=Words(200), required=True)
@click.option("--role", type=click.Choice(list(_ROLES)), default="member", show_default=True)
@click.option("--name", type=Words(120), default="", help="How pages name them.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--no-password", is_flag=True, help="They sign in by link only.")
@json_option
def person_add(
    *, password_stdin: bool, no_password: bool, as_json: bool, role: str, **fields: str
) -> None:
    """Let a person sign in and see an organization's sites."""
    if password_stdin and no_password:
        raise click.UsageError(tr("--password-stdin and --no-password exclude each other"))
    password = None if no_password else _password(from_stdin=password_stdin)
    with portal_ready():
        from portal.accounts.actions import NewPerson, add_person
        from portal.accounts.models import Role

        user = add_person(NewPerson(role=Role(role), password=password, **fields))
    say(
        {"person": user.pk, "email": user.email},
        tr(
            "{email} may sign in as {role} of {organization}",
            email=user.email,
            role=tr(_ROLES[role]),
            organization=fields["organization"],
        ),
        as_json=as_json,
    )


@person.command("operator")
@click.argument("email", type=Words(254))
@click.option("--no-longer", is_flag=True, help="They are told nothing any more.")
@json_option
def person_operator(email: str, *, no_longer: bool, as_json: bool) -> None:
    """Let EMAIL be told on the pages what this portal itself needs, such as what ends soon.

    It opens nobody's data. While nobody is named, the administrators of a portal with one
    organization are told.
    """
    with portal_ready():
        from portal.accounts.actions import name_operator

        user = name_operator(email, operates=not no_longer)
    text = tr("{email} is told what this portal needs", email=user.email)
    if no_longer:
        text = tr("{email} is no longer told what this portal needs", email=user.email)
    say(
        {"person": user.pk, "email": user.email, "operates": user.operates},
        text,
        as_json=as_json,
    )


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise click.UsageError(
            tr("there is no terminal to ask for a password; use --password-stdin or --no-password")
        )
    first = getpass.getpass(tr("Password: "))
    if first != getpass.getpass(tr("Once more: ")):
        raise Failure("the two passwords differ", why="nothing was added", next_step="try again")
    return first


@commands.command("sign-in-link")
@click.argument("email", type=Words(254))
@json_option
def sign_in_link(email: str, *, as_json: bool) -> None:
    """Print a link that signs EMAIL in, once, within thirty minutes."""
    with portal_ready():
        from django.conf import settings
        from django.urls import reverse

        from portal.accounts.actions import make_sign_in_link

        token = make_sign_in_link(email)
        link = settings.PORTAL_URL + reverse("sign-in-link", args=[token])
        minutes = int(settings.SIGN_IN_LINK_LIFE.total_seconds() // 60)
    say({"url": link, "minutes": minutes}, link, as_json=as_json)


if __name__ == "__main__":
    main()
