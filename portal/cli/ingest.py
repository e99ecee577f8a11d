"""``kanmon-portal ingest``: the worker that stores what gateways send."""

from __future__ import annotations

import click

from console.failure import failure_from
from portal.cli.common import portal_ready


@click.command()
def ingest() -> None:
    """Take what the gateways send, until stopped; a database that is away is waited for."""
    with portal_ready(wait=True):
        from portal.ingest.worker import CannotStartError, run

        try:
            run()
        except CannotStartError as error:
            raise failure_from(str(error)) from error
