"""The entry point of `kanmon-portal`: the commands, and the options that all of them share.

Exit codes: 0 done, 1 partly, 2 failed, 3 wrong usage. Errors say what, why and what next.
"""

from __future__ import annotations

import os
from typing import Final, NoReturn

import click

from console import language
from console.completion import completion_command
from console.localized import Commands
from console.program import Program
from console.text import Template
from portal.cli.audit import audit
from portal.cli.authority import authority
from portal.cli.broker import broker
from portal.cli.common import PROGRAM, description
from portal.cli.gateways import gateway
from portal.cli.ingest import ingest
from portal.cli.keys import key
from portal.cli.ledger import ledger
from portal.cli.mail import mail
from portal.cli.migrate import migrate
from portal.cli.organizations import document, organization
from portal.cli.quarantine import quarantine
from portal.cli.serve import claims, serve
from portal.cli.users import sign_in_link, user
from portal.cli.work import work

COMMANDS: Final = (
    audit,
    authority,
    broker,
    claims,
    completion_command(PROGRAM),
    document,
    gateway,
    ingest,
    key,
    ledger,
    mail,
    migrate,
    organization,
    quarantine,
    serve,
    sign_in_link,
    user,
    work,
)
"""Every command and command group; each imports Django only when it is called."""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--lang",
    type=click.Choice(language.LANGUAGES),
    expose_value=False,
    help="Language of help, tables and errors (also KANMON_LANG). Default: the locale's.",
)
@click.version_option(package_name="kanmon", prog_name=PROGRAM, help="Show the version and exit.")
def commands() -> None:
    """Run and administer the Kanmon portal."""


FAULT_NEXT: Final = Template(
    "portal.fault_next",
    "report the error with the command that you ran; set KANMON_PORTAL_DEBUG=1 to see where it "
    "occurred",
)

for _command in COMMANDS:
    commands.add_command(_command)


def main() -> NoReturn:
    """Run the command line and exit as the module's docstring says."""
    program = Program(
        name=PROGRAM,
        commands=commands,
        describe=description,
        fault_next=FAULT_NEXT(),
    )
    debug = os.environ.get("KANMON_PORTAL_DEBUG", "").lower()  # as `portal.environment.checks` does
    program.run(verbose=debug in {"1", "yes", "on", "true"})
