"""The entry point: options that all commands share, and the list of commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from gateway.cli import config, device, run, status, words
from gateway.cli.frame import FAILED, USAGE, Session
from gateway.version import software

DEFAULT_STATE: Final = "/var/lib/kanmon"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="KANMON_STATE",
    default=DEFAULT_STATE,
    show_default=True,
    help="The gateway's state folder (also KANMON_STATE).",
)
@click.option("--verbose", is_flag=True, help="Say more; show where a fault happened.")
@click.version_option(software(), prog_name="kanmon")
@click.pass_context
def kanmon(context: click.Context, state: Path, *, verbose: bool) -> None:
    """The gateway at the edge of the site: run it, look at it, configure it."""
    context.obj = Session(state=Path(os.path.abspath(state)), verbose=verbose)  # noqa: PTH100 # resolve() would follow links


kanmon.add_command(run.run)
kanmon.add_command(status.status)
kanmon.add_command(status.outbox)
kanmon.add_command(config.config)
kanmon.add_command(device.device)


def main() -> None:
    """Run the command line; exits with 0 done, 1 partly, 2 failed, 3 wrong usage."""
    try:
        kanmon.main(prog_name="kanmon", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(USAGE)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo(words.INTERRUPTED, err=True)
        sys.exit(FAILED)
