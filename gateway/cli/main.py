"""The entry point: options that all commands share, and the list of commands."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from console import language
from console.localized import Commands
from console.program import Program
from gateway.cli import words
from gateway.cli.common import Session, description
from gateway.version import software

DEFAULT_STATE: Final = "/var/lib/kanmon"


COMMANDS: Final = {
    "bus": "gateway.cli.bus",
    "completion": "gateway.cli.completion",
    "config": "gateway.cli.config",
    "device": "gateway.cli.device",
    "enroll": "gateway.cli.enroll",
    "outbox": "gateway.cli.status",
    "run": "gateway.cli.run",
    "secret": "gateway.cli.secret",
    "service": "gateway.cli.service",
    "status": "gateway.cli.status",
}
"""Where each command lives, under its own name."""


class GatewayCommands(Commands):
    """`COMMANDS`, each imported when it is called: the daemon must not carry the others' weight."""

    daemons = frozenset({"run"})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, sorted."""
        return sorted(COMMANDS)

    def untranslated(self, ctx: click.Context, name: str) -> click.Command | None:
        """The one called ``name``, if there is one."""
        module = COMMANDS.get(name)
        if module is None:
            return None
        found: click.Command = getattr(import_module(module), name)
        return found


@click.group(
    cls=GatewayCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--state",
    type=click.Path(readable=False, path_type=Path),
    envvar="KANMON_STATE",
    default=DEFAULT_STATE,
    show_default=True,
    help="The gateway's state folder (also KANMON_STATE).",
)
@click.option(
    "--lang",
    type=click.Choice(language.LANGUAGES),
    expose_value=False,
    help="Language of help, tables and errors (also KANMON_LANG). Default: the locale's.",
)
@click.option(
    "--verbose", is_flag=True, help="Log more, and show the traceback of an internal error."
)
@click.version_option(software(), prog_name="kanmon", help="Show the version and exit.")
@click.pass_context
def kanmon(context: click.Context, state: Path, *, verbose: bool) -> None:
    """Run, inspect and configure a site's gateway."""
    context.obj = Session(state=Path(os.path.abspath(state)), verbose=verbose)  # noqa: PTH100 # resolve() would follow links


def main() -> None:
    """Run the command line; exits with 0 done, 1 partly, 2 failed, 3 wrong usage."""
    program = Program(
        name="kanmon", commands=kanmon, describe=description, fault_next=words.FAULT_NEXT()
    )
    program.run(verbose="--verbose" in sys.argv)
